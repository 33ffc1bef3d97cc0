/** Reads what the topics say of files: commits first, for a letter, and a copy, are acknowledged before the commit that passes their message. */
import type { Kafka } from 'kafkajs';
import type { Config } from '../../config/load.js';
import type { CommittedPosition } from '../../core/events.js';
import { ORIGIN_HEADER, textOf } from '../../core/rules/headers.js';
import { AtdError } from '../../errors.js';
import { hasTopic, readBounds, readCommitted, readRanges } from '../../kafka/admin.js';
import { groupObstacle } from '../../kafka/group/refusals.js';
import { toRecord } from '../../kafka/shapes.js';
import { waitingTopicOf } from '../../service/settings.js';
import type { KafkaRecord } from '../../types.js';
import { passedBy } from '../emit/wait-state.js';
import { letterOf } from '../letters/letter.js';
import { asking, openSource, type Ranges, rangesSince, readBook, readLetters } from '../letters/letter-topic.js';
import { Progress } from '../progress/progress.js';
import type { TopicMarks } from './topic-marks.js';

export interface TopicKnowledge {
  readonly topic: string;
  readonly group: string;
  readonly isThere: boolean;
  readonly messages: number;
  /** Messages that were sent before are gone; -Infinity where the topic never lost one. */
  readonly since: number;
  readonly lettersSince: number;
  /** Whether the group has committed anything. */
  readonly isRead: boolean;
}

export async function readTopics(config: Config, marks: TopicMarks): Promise<TopicKnowledge> {
  const { topic, group_id: group } = config.kafka;
  const letters = openSource(config);
  const { kafka } = letters;
  const main = { ...letters, topic };
  const waiting = waitingTopicOf(config);
  const positions = await committed(kafka, group, topic);
  const asidePositions = waiting === null ? [] : await committed(kafka, group, waiting.topic);

  const lettersSince = new Since();
  const letterRanges = await rangesSince(letters, null);
  const book = await readBook(letters, letterRanges);
  lettersSince.expect(letterRanges);
  await readLetters(letters, letterRanges, (record) => {
    lettersSince.take(record);
    const letter = letterOf(record);
    if (letter !== null) marks.letter(letter, record.value, book.of(letter.partition).handled(letter.offset));
  });

  if (waiting !== null) {
    const isPassed = passed(asidePositions);
    const source = { ...letters, topic: waiting.topic };
    await readLetters(source, await rangesSince(source, null), (record) => {
      const [original] = textOf(record.headers[ORIGIN_HEADER])?.split('@') ?? [];
      if (original !== undefined) marks.aside(original, record.value, isPassed(record));
    });
  }

  const isPassed = passed(positions);
  const since = new Since();
  const isThere = await asking(main, () => hasTopic(kafka, topic));
  const ranges: Ranges = isThere ? await asking(main, () => readBounds(kafka, topic)) : new Map();
  since.expect(ranges);
  const all = [...ranges.values()].reduce((sum, { low, high }) => sum + high - low, 0);
  const progress = new Progress(`messages of ${topic} read`, all);
  let messages = 0;
  try {
    await asking(main, () =>
      readRanges({ kafka, groupId: group, topic }, ranges, (partition, message) => {
        const record = toRecord(topic, partition, message);
        since.take(record);
        marks.message(record, isPassed(record));
        messages += 1;
        progress.at(messages);
      }),
    );
  } finally {
    progress.end();
  }
  const isRead = positions.some(({ offset }) => offset !== null);
  return { ...{ topic, group, isThere, messages, isRead }, since: since.at, lettersSince: lettersSince.at };
}

/** Since when a topic has all of its messages, by those that are the first of their partitions. */
class Since {
  at = Number.NEGATIVE_INFINITY;
  readonly #open = new Set<number>();

  expect(ranges: Ranges): void {
    for (const [partition, { low, high }] of ranges) {
      if (low === 0) continue;
      // All that it had is gone.
      if (low === high) this.at = Math.max(this.at, Date.now());
      else this.#open.add(partition);
    }
  }

  take({ partition, timestamp }: KafkaRecord): void {
    if (this.#open.delete(partition)) this.at = Math.max(this.at, timestamp);
  }
}

function passed(positions: readonly CommittedPosition[]): (record: KafkaRecord) => boolean {
  const of = new Map(positions.map((position) => [position.partition, passedBy(position)]));
  return ({ partition, offset }) => of.get(partition)?.(offset) === true;
}

async function committed(kafka: Kafka, group: string, topic: string): Promise<CommittedPosition[]> {
  try {
    return await readCommitted(kafka, group, topic);
  } catch (cause) {
    if ((cause as { type?: unknown }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return [];
    const why = groupObstacle(cause, group) ?? `${(cause as Error).message}; check kafka.bootstrap_servers`;
    throw new AtdError('ATD_KAFKA_CONNECT', `cannot see what group ${group} has committed: ${why}`, { cause });
  }
}
