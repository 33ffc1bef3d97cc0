/**
 * Replays letters so that each is announced once, whoever is killed at whatever moment: a claim is acknowledged before a
 * message is sent, and its end after the message is acknowledged. A claim without an end belongs to a process that is at work
 * or gone; what it has sent stands in the topic, with its name in a header.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from 'kafkajs';
import { textOf } from '../core/rules/headers.js';
import { AtdError } from '../errors.js';
import { readBounds, readRanges } from '../kafka/admin.js';
import { encodeHeaders } from '../kafka/letter-message.js';
import { toRecord } from '../kafka/shapes.js';
import { isProcessGone } from '../processes/process-gone.js';
import type { Sender } from '../sending/sender.js';
import { asking, type Book, readLetters, type Source } from './letter-topic.js';
import { type Claim, MARK_HEADER, type Mark } from './marks.js';
import { meaningOf, REPLAY_ID_HEADER, type Replayable, replayId, sendingHeaders } from './replay-plan.js';

/** A claim whose owner may live is left alone for so long; the owner itself sends nothing later than after half of that. */
const CLAIM_MS = 60_000;
/** What a process has sent before its end may still be on its way from this machine's memory. */
const DEAD_MS = 2_000;
const LOOK_MS = 500;

export interface ReplayRun {
  readonly source: Source;
  readonly sender: Sender;
  readonly book: Book;
  /** The topic that announces files. */
  readonly topic: string;
  readonly by: string;
  readonly run: string;
  readonly again: boolean;
  /** What was announced, by its meaning: two letters of one message count for each other. */
  readonly announced: Set<string>;
}

/** Announces the files of letters of one partition again. Returns those that it was for; others were quicker with the rest. */
export async function replayBatch(
  at: ReplayRun,
  letterPartition: number,
  batch: readonly Replayable[],
): Promise<readonly Replayable[]> {
  const { source, sender, book, topic, again, by, run } = at;
  const handling = book.of(letterPartition);
  const bounds = await asking({ ...source, topic }, () => readBounds(source.kafka, topic));
  const wanted = new Set(batch.map(({ partition }) => partition));
  const ends = Object.fromEntries([...wanted].map((partition) => [partition, bounds.get(partition)?.high ?? 0]));
  const id = randomUUID();
  const common = { id, by, run, again };
  const letters = batch.map(({ letter }) => letter.offset);
  const claim: Claim = { act: 'claim', ...common, at: Date.now(), letters, ends, host: hostname(), pid: process.pid };
  const claimedAt = performance.now();
  await sendMark(at, letterPartition, claim, batch);
  await readFurther(at, letterPartition, () => handling.openClaims().some((open) => open.id === id));
  const won = new Set(handling.wonBy(id));
  const mine = batch.filter(({ letter }) => won.has(letter.offset));
  if (performance.now() - claimedAt > CLAIM_MS / 2) {
    throw new AtdError(
      'ATD_KAFKA_CONNECT',
      `${source.topic} took too long to confirm what is to be replayed; try again`,
    );
  }
  const messages = mine.flatMap((one) => {
    const headers = sendingHeaders(one, id, again ? handling.agains(one.letter.offset) : null);
    const meaning = meaningOf(one, headers);
    if (at.announced.has(meaning)) return [];
    at.announced.add(meaning);
    return [messageOf(one, headers)];
  });
  if (messages.length > 0) await sender.send(topic, messages);
  await endClaim(
    at,
    letterPartition,
    claim,
    mine.map(({ letter }) => letter.offset),
  );
  return mine;
}

/** Ends the claims of processes that are gone: what they have sent was replayed, and the rest is free. */
export async function settleClaims(
  at: ReplayRun,
  onWait: (claim: Claim) => void,
  partitions: Iterable<number>,
  isMeant: (claim: Claim) => boolean = () => true,
): Promise<void> {
  for (const partition of partitions) {
    for (const claim of at.book.of(partition).openClaims().filter(isMeant)) await settle(at, partition, claim, onWait);
  }
}

async function settle(at: ReplayRun, partition: number, claim: Claim, onWait: (claim: Claim) => void): Promise<void> {
  const isOpen = () =>
    at.book
      .of(partition)
      .openClaims()
      .some(({ id }) => id === claim.id);
  const startedAt = performance.now();
  const patience = isGone(claim) ? DEAD_MS : CLAIM_MS;
  let isTold = false;
  for (;;) {
    const sent = await sentBy(at, claim);
    await readFurther(at, partition, () => true);
    if (!isOpen()) return;
    const won = at.book.of(partition).wonBy(claim.id);
    // All messages of a claim go out together, but not to one broker.
    const isComplete = won.every((letter) => sent.has(letter));
    if (isComplete || performance.now() - startedAt >= patience) {
      return endClaim(
        at,
        partition,
        claim,
        won.filter((letter) => sent.has(letter)),
      );
    }
    if (!isTold) onWait(claim);
    isTold = true;
    await delay(LOOK_MS);
  }
}

/** Whether its process is known to be gone. */
export function isGone({ host, pid }: Claim): boolean {
  if (host !== hostname()) return false;
  return pid === process.pid || isProcessGone(pid);
}

/** The letters of a claim whose messages are in the topic. */
async function sentBy({ source, topic }: ReplayRun, claim: Claim): Promise<Set<number>> {
  const letters = new Map(claim.letters.map((letter) => [replayId(claim.id, letter), letter]));
  const found = new Set<number>();
  await asking({ ...source, topic }, async () => {
    const bounds = await readBounds(source.kafka, topic);
    const ranges = new Map(
      Object.entries(claim.ends).flatMap(([name, end]) => {
        const of = bounds.get(Number(name));
        return of === undefined ? [] : [[Number(name), { low: Math.max(end, of.low), high: of.high }] as const];
      }),
    );
    await readRanges({ ...source, topic }, ranges, (partition, message) => {
      const letter = letters.get(textOf(toRecord(topic, partition, message).headers[REPLAY_ID_HEADER]) ?? '');
      if (letter !== undefined) found.add(letter);
    });
  });
  return found;
}

async function endClaim(at: ReplayRun, partition: number, claim: Claim, letters: readonly number[]): Promise<void> {
  const { id, run, again } = claim;
  await sendMark(at, partition, { act: 'replayed', id, by: claim.by, run, again, at: Date.now(), letters }, []);
}

/**
 * Sends a mark to the partition of its letters. The place of a message that it is about goes along in the headers: where the
 * commits of a group are gone, the last things in this topic tell how far it was.
 */
export async function sendMark(
  { source, sender }: Pick<ReplayRun, 'source' | 'sender'>,
  partition: number,
  mark: Mark,
  about: readonly Pick<Replayable, 'letter'>[],
): Promise<void> {
  const [of] = about;
  const [topic = '', number = '', offset = ''] = of?.letter.source.split('/') ?? [];
  const landmark =
    of === undefined
      ? {}
      : {
          '__connect.errors.connector.name': source.groupId,
          '__connect.errors.topic': topic,
          '__connect.errors.partition': number,
          '__connect.errors.offset': offset,
          'atd.timestamp': String(of.letter.timestamp),
        };
  const message: Message = {
    partition,
    // A topic that is compacted takes none without, and keeps the last of each.
    key: `${mark.id}/${mark.act}`,
    value: JSON.stringify(mark),
    headers: { [MARK_HEADER]: mark.act, ...landmark },
  };
  await sender.send(source.topic, [message]);
}

/** Reads the marks that have come since. What is read twice says the same. */
async function readFurther(at: ReplayRun, partition: number, isThere: () => boolean): Promise<void> {
  const { source, book } = at;
  const bounds = (await asking(source, () => readBounds(source.kafka, source.topic))).get(partition);
  const low = Math.max(bounds?.low ?? 0, book.readTo(partition));
  await readLetters(
    source,
    new Map([[partition, { low, high: bounds?.high ?? 0 }]]),
    (record) => void book.take(record),
  );
  if (!isThere())
    throw new AtdError('ATD_KAFKA_CONNECT', `${source.topic} does not show what was written there; try again`);
}

function messageOf({ partition, key, value }: Replayable, headers: Replayable['headers']): Message {
  return {
    partition,
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from(value),
    headers: encodeHeaders(headers),
  };
}
