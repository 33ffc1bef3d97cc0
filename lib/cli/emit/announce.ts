/**
 * Sends the messages of `emit` in their order, each once, even where the process is killed in between and goes on later: what
 * is about to be sent is on the disk before, and what was sent without an acknowledgement is looked for in the topic.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import { textOf } from '../../core/rules/headers.js';
import { AtdError } from '../../errors.js';
import { hasTopic, readBounds, readRanges } from '../../kafka/admin.js';
import type { Bounds } from '../../kafka/group/lost-offsets.js';
import { userObstacle } from '../../kafka/group/refusals.js';
import { toRecord } from '../../kafka/shapes.js';
import type { TopicPartition } from '../../types.js';
import { Progress } from '../progress/progress.js';
import { batchSize, pauseBefore } from '../sending/rate.js';
import type { Sender } from '../sending/sender.js';
import { encode } from './announcement.js';
import { EMIT_ID_HEADER, type EmitState, emitId, type Intent } from './emit-state.js';
import type { StateFile } from './state-file.js';

const BATCH = 500;
/** What a process has sent before its end may still be on its way from this machine's memory. */
const LATE_MS = 2_000;
const LOOK_MS = 500;

export interface Announcing {
  readonly kafka: Kafka;
  readonly sender: Sender;
  readonly groupId: string;
  readonly state: EmitState;
  /** Null for what is over at once. */
  readonly file: StateFile | null;
  readonly perSecond: number | null;
}

/** For what has to be found, not sent. */
export type Looking = Omit<Announcing, 'sender' | 'perSecond'>;

/** A message of ours in the topic. */
export interface SentMessage extends TopicPartition {
  readonly offset: number;
  readonly number: number;
}

/** @throws AtdError ATD_KAFKA_CONNECT */
export async function announceAll(at: Announcing): Promise<void> {
  const { state, sender, file, perSecond } = at;
  const { head, files } = state;
  const done = new Set(state.found);
  for (const number of await findUnacknowledged(at)) done.add(number);
  const progress = new Progress('announced', files.length);
  const startedAt = performance.now();
  const size = batchSize(perSecond, BATCH);
  try {
    for (let from = state.sent; from < files.length; from += size) {
      progress.at(from);
      await delay(pauseBefore(from - state.sent, performance.now() - startedAt, perSecond));
      const to = Math.min(files.length, from + size);
      const numbers = Array.from({ length: to - from }, (_, index) => from + index).filter(
        (number) => !done.has(number),
      );
      if (file !== null) file.write({ intent: { from, to, ends: await endsOf(at) } });
      const lane = head.lane === null ? {} : { lane: head.lane };
      const messages = numbers.map((number) => ({
        value: encode(files[number] as EmitState['files'][number]),
        headers: { ...lane, [EMIT_ID_HEADER]: emitId(head.id, number) },
      }));
      if (messages.length > 0) await sender.send(head.topic, messages);
      file?.write({ sent: to });
    }
  } finally {
    progress.end();
  }
}

/** The numbers of the messages that were sent without an acknowledgement and are there; each is there or never will be, then. */
export async function findUnacknowledged(at: Looking): Promise<ReadonlySet<number>> {
  const { open } = at.state;
  if (open === null) return new Set();
  const found = await lookFor(at, open);
  at.file?.write({ found: [...found] });
  return found;
}

/** Where each of our messages stands that were sent since the partitions ended there. */
export async function findSent({ kafka, groupId, state }: Looking, ends: Intent['ends']): Promise<SentMessage[]> {
  const { topic, id } = state.head;
  return asking(topic, async () => {
    if (!(await hasTopic(kafka, topic))) return [];
    const ranges = new Map<number, Bounds>();
    for (const [partition, { low, high }] of await readBounds(kafka, topic)) {
      ranges.set(partition, { low: Math.max(low, ends[partition] ?? 0), high });
    }
    const found: SentMessage[] = [];
    await readRanges({ kafka, groupId, topic }, ranges, (partition, message) => {
      const { headers, offset } = toRecord(topic, partition, message);
      const [of, number] = textOf(headers[EMIT_ID_HEADER])?.split('/') ?? [];
      if (of === id) found.push({ topic, partition, offset, number: Number(number) });
    });
    return found;
  });
}

export async function endsOf({ kafka, state }: Announcing): Promise<Intent['ends']> {
  const { topic } = state.head;
  return asking(topic, async () => {
    if (!(await hasTopic(kafka, topic))) return {};
    return Object.fromEntries([...(await readBounds(kafka, topic))].map(([partition, { high }]) => [partition, high]));
  });
}

async function lookFor(at: Looking, { from, to, ends }: Intent): Promise<Set<number>> {
  const startedAt = performance.now();
  for (;;) {
    const found = new Set((await findSent(at, ends)).map(({ number }) => number));
    const isComplete = Array.from({ length: to - from }, (_, index) => from + index).every((number) =>
      found.has(number),
    );
    if (isComplete || performance.now() - startedAt >= LATE_MS) return found;
    await delay(LOOK_MS);
  }
}

async function asking<Answer>(topic: string, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (cause) {
    const why = userObstacle(cause) ?? (cause as Error).message;
    throw new AtdError('ATD_KAFKA_CONNECT', `cannot read ${topic}: ${why}; permit READ and DESCRIBE on it`, { cause });
  }
}
