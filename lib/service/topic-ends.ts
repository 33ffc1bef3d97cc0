/** Where the partitions of the topics end, asked now and then: what was not read yet only the brokers know. */
import type { Kafka } from 'kafkajs';
import { readBounds } from '../kafka/admin.js';
import type { Bounds } from '../kafka/group/lost-offsets.js';
import type { TopicPartition } from '../types.js';

const EVERY_MS = 10_000;
/** An answer that is older says nothing any more. */
const FRESH_MS = 60_000;

interface Answer {
  readonly bounds: ReadonlyMap<number, Bounds>;
  readonly at: number;
}

export class TopicEnds {
  readonly #kafka: Kafka;
  readonly #topics: readonly string[];
  readonly #answers = new Map<string, Answer>();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(kafka: Kafka, topics: readonly string[]) {
    this.#kafka = kafka;
    this.#topics = topics;
  }

  start(): void {
    void this.#askAll();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Null where no broker has said it within a minute. */
  of({ topic, partition }: TopicPartition): Bounds | null {
    const answer = this.#answers.get(topic);
    if (answer === undefined || performance.now() - answer.at > FRESH_MS) return null;
    return answer.bounds.get(partition) ?? null;
  }

  async #askAll(): Promise<void> {
    for (const topic of this.#topics) {
      if (this.#isClosed) return;
      try {
        this.#answers.set(topic, { bounds: await readBounds(this.#kafka, topic), at: performance.now() });
      } catch {
        // Without brokers there is no answer, as without the topic; what keeps the consumer from its work is said elsewhere.
      }
    }
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.#askAll(), EVERY_MS).unref();
  }
}
