/** The topic of the dead letters, as people have it read: without a group, and with the marks that stand among the letters. */
import type { Kafka } from 'kafkajs';
import { AtdError } from '../errors.js';
import { hasTopic, readBounds, readBoundsSince, readRanges } from '../kafka/admin.js';
import type { Bounds } from '../kafka/group/lost-offsets.js';
import { isMissingRight, userObstacle } from '../kafka/group/refusals.js';
import { toRecord } from '../kafka/shapes.js';
import type { KafkaRecord } from '../types.js';
import { Handling, markOf } from './marks.js';

export interface Source {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
}

export type Ranges = ReadonlyMap<number, Bounds>;

/**
 * Where the letters stand that were sent since then; empty where nothing was ever given up.
 *
 * @param since milliseconds since the epoch; null for all that there are
 */
export async function rangesSince(source: Source, since: number | null): Promise<Ranges> {
  const { kafka, topic } = source;
  return asking(source, async () => {
    if (!(await hasTopic(kafka, topic))) return new Map();
    return since === null ? readBounds(kafka, topic) : readBoundsSince(kafka, topic, since);
  });
}

export async function readLetters(
  source: Source,
  ranges: Ranges,
  onRecord: (record: KafkaRecord) => void,
): Promise<void> {
  if (ranges.size === 0) return;
  await asking(source, () =>
    readRanges(source, ranges, (partition, message) => onRecord(toRecord(source.topic, partition, message))),
  );
}

/** What became of the letters of each partition. Marks stand behind their letters, so reading from a letter on shows all of its marks. */
export class Book {
  readonly #handlings = new Map<number, Handling>();
  readonly #readTo = new Map<number, number>();

  of(partition: number): Handling {
    const handling = this.#handlings.get(partition) ?? new Handling();
    this.#handlings.set(partition, handling);
    return handling;
  }

  /** Behind the last record of that partition that it took. */
  readTo(partition: number): number {
    return this.#readTo.get(partition) ?? 0;
  }

  /** Returns whether it is a mark. */
  take(record: KafkaRecord): boolean {
    this.#readTo.set(record.partition, record.offset + 1);
    const mark = markOf(record);
    if (mark !== null) this.of(record.partition).apply(mark);
    return mark !== null;
  }
}

export async function readBook(source: Source, ranges: Ranges): Promise<Book> {
  const book = new Book();
  await readLetters(source, ranges, (record) => void book.take(record));
  return book;
}

/** @throws AtdError ATD_KAFKA_CONNECT */
export async function asking<Answer>({ topic }: Source, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (cause) {
    const right = isMissingRight(cause) ? '; permit READ and DESCRIBE on it' : '; check kafka.bootstrap_servers';
    const why = userObstacle(cause) ?? `${(cause as Error).message}${right}`;
    throw new AtdError('ATD_KAFKA_CONNECT', `cannot read ${topic}: ${why}`, { cause });
  }
}
