/** The topics of the scripted broker: batches of records in partitions, and who waits for more of them. */
import { type Compression, encodeBatch, type WireRecord } from './kafka-wire.js';

interface StoredBatch {
  readonly last: number;
  readonly bytes: Buffer;
}

export interface StoredPartition {
  /** The first offset that there is. */
  start: number;
  /** The offset of the next record. */
  end: number;
  batches: StoredBatch[];
}

/** What a test says of a record; a text is its value. */
export type GivenRecord = string | Partial<WireRecord>;

const TIMESTAMP = 1_700_000_000_000;

export class TopicStore {
  readonly #topics = new Map<string, StoredPartition[]>();
  readonly #waiting = new Set<() => void>();

  get names(): string[] {
    return [...this.#topics.keys()];
  }

  /** Null without such a topic. */
  partitions(topic: string): readonly StoredPartition[] | null {
    return this.#topics.get(topic) ?? null;
  }

  /** @throws Error when there is none */
  partition(topic: string, partition: number): StoredPartition {
    const found = this.#topics.get(topic)?.[partition];
    if (found === undefined) throw new Error(`there is no partition ${partition} of topic ${topic}`);
    return found;
  }

  create(name: string, partitions: number): void {
    this.#topics.set(
      name,
      Array.from({ length: partitions }, () => ({ start: 0, end: 0, batches: [] })),
    );
  }

  /** Stores records behind what there is, as one batch. */
  append(topic: string, partition: number, records: readonly GivenRecord[], compression?: Compression): void {
    const stored = this.partition(topic, partition);
    const complete = records.map((record, index): WireRecord => {
      const given = typeof record === 'string' ? { value: Buffer.from(record) } : record;
      return { offset: stored.end + index, timestamp: TIMESTAMP, key: null, value: null, headers: [], ...given };
    });
    const last = complete.at(-1)?.offset as number;
    stored.batches.push({ last, bytes: encodeBatch(complete, compression) });
    stored.end = last + 1;
    this.wakeAll();
  }

  /** Drops what stands before an offset, as retention does. */
  expire(topic: string, partition: number, start: number): void {
    const stored = this.partition(topic, partition);
    stored.start = start;
    stored.batches = stored.batches.filter(({ last }) => last >= start);
  }

  /** Resolves when something is stored, or after `ms`. */
  news(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(end);
    });
  }

  wakeAll(): void {
    for (const end of [...this.#waiting]) end();
  }
}
