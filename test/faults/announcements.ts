/** What a fault run has announced: every message gets a known partition and offset, so that nothing can be forgotten. */
import { type ProducedMessage, produce } from '../sandbox/topics.js';
import { PARTITIONS, type Place } from '../support/service-process.js';

export class Announcements {
  /** `topic/partition/offset` of every message, in the order in which they were announced. */
  readonly records: string[] = [];
  readonly #place: Place;
  readonly #next: Map<number, number>;
  readonly #partitions: number;
  #turn = 0;

  /** @param next the offset that the next message of a partition gets, where that is not 0 */
  constructor(place: Place, next: Readonly<Record<number, number>> = {}, partitions = PARTITIONS) {
    this.#partitions = partitions;
    this.#place = place;
    this.#next = new Map(Object.entries(next).map(([partition, offset]) => [Number(partition), offset]));
  }

  /** Announces one file per message, over the partitions in turn unless one is named. */
  async files(filenames: readonly string[], fields: object = {}, partition?: number): Promise<string[]> {
    return this.messages(
      filenames.map((filename) => ({ value: JSON.stringify({ filename, ...fields }) })),
      partition,
    );
  }

  async messages(messages: readonly Omit<ProducedMessage, 'partition'>[], partition?: number): Promise<string[]> {
    const placed = messages.map((message) => ({ ...message, partition: partition ?? this.#turn++ % this.#partitions }));
    await produce(this.#place.kafka.brokers, this.#place.topic, placed);
    const records = placed.map((message) => {
      const offset = this.#next.get(message.partition) ?? 0;
      this.#next.set(message.partition, offset + 1);
      return `${this.#place.topic}/${message.partition}/${offset}`;
    });
    this.records.push(...records);
    return records;
  }
}
