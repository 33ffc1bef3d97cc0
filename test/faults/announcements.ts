/** What a fault run has announced: every message gets a known partition and offset, so that nothing can be forgotten. */
import { type ProducedMessage, produce } from '../sandbox/topics.js';
import { PARTITIONS, type Place } from '../support/service-process.js';

export class Announcements {
  /** `topic/partition/offset` of every message, in the order in which they were announced. */
  readonly records: string[] = [];
  readonly #place: Place;
  readonly #next = new Array<number>(PARTITIONS).fill(0);
  #turn = 0;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Announces one file per message, over the partitions in turn unless one is named. */
  async files(filenames: readonly string[], fields: object = {}, partition?: number): Promise<string[]> {
    return this.messages(
      filenames.map((filename) => ({ value: JSON.stringify({ filename, ...fields }) })),
      partition,
    );
  }

  async messages(messages: readonly Omit<ProducedMessage, 'partition'>[], partition?: number): Promise<string[]> {
    const placed = messages.map((message) => ({ ...message, partition: partition ?? this.#turn++ % PARTITIONS }));
    await produce(this.#place.kafka.brokers, this.#place.topic, placed);
    const records = placed.map((message) => {
      const offset = this.#next[message.partition] as number;
      this.#next[message.partition] = offset + 1;
      return `${this.#place.topic}/${message.partition}/${offset}`;
    });
    this.records.push(...records);
    return records;
  }
}
