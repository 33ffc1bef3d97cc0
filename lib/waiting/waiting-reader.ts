/**
 * Reads what was set aside, without being given partitions of that topic: who has a partition of the topic has the one of the
 * same number here too, and commits both as a member of the group. So both always move together.
 */
import type { Kafka } from 'kafkajs';
import type { CommittedPosition } from '../core/events.js';
import { type Cluster, fetchFrom, readBounds, readCommitted, withCluster } from '../kafka/admin.js';
import { groupObstacle, isLost } from '../kafka/group/refusals.js';
import { readRecord } from '../kafka/shapes.js';
import type { KafkaRecord } from '../types.js';
import { abortableDelay } from '../util/deadline.js';

export interface ReaderOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
}

/** Called synchronously; none of them may throw. */
export interface ReaderEvents {
  record(record: KafkaRecord, defect: Error | null): void;
  /** A committed offset does not exist. */
  outOfRange(): void;
  /** It cannot be read, and why; it is tried again. */
  waiting(reason: string): void;
  /** It may not be read any more, or is not there any more; it is tried again. */
  lost(error: unknown): void;
}

interface Place {
  readonly partition: number;
  next: number;
  paused: boolean;
}

const RETRY_MS = 2_000;
/** How long a broker may hold an empty answer back, and how long it rests when nothing is left. */
const MAX_WAIT_MS = 50;
const IDLE_MS = 500;

export class WaitingReader {
  readonly #options: ReaderOptions;
  readonly #events: ReaderEvents;
  /** Of the assignment that holds. */
  #places = new Map<number, Place>();
  #run = new AbortController();
  #obstacle: string | null = null;
  /** The last one that was reported, until something was read again. */
  #said: string | null = null;

  constructor(options: ReaderOptions, events: ReaderEvents) {
    this.#options = options;
    this.#events = events;
  }

  /**
   * Begins anew, for these partitions alone. None of them is read before it is resumed.
   *
   * @returns where the group stands, or null where there was another assignment meanwhile. Of a topic that is lost to us
   *   nowhere, and then it is not read under this assignment: nothing else waits for that answer.
   */
  async assigned(partitions: readonly number[]): Promise<CommittedPosition[] | null> {
    this.#run.abort();
    const run = new AbortController();
    this.#run = run;
    this.#places = new Map();
    while (!run.signal.aborted) {
      try {
        const positions = await this.#positions(partitions);
        if (run.signal.aborted) return null;
        this.#obstacle = null;
        for (const { partition, offset } of positions) {
          this.#places.set(partition, { partition, next: offset ?? 0, paused: true });
        }
        void this.#follow(run.signal, this.#places);
        return positions;
      } catch (error) {
        this.#wait(error);
        if (isLost(error)) return this.#nowhere(partitions);
        await abortableDelay(RETRY_MS, run.signal);
      }
    }
    return null;
  }

  setPaused(partition: number, paused: boolean): void {
    const place = this.#places.get(partition);
    if (place !== undefined) place.paused = paused;
  }

  /** Why it is not read at the moment, or null. */
  get obstacle(): string | null {
    return this.#obstacle;
  }

  close(): void {
    this.#run.abort();
  }

  async #positions(partitions: readonly number[]): Promise<CommittedPosition[]> {
    const { kafka, groupId, topic } = this.#options;
    const committed = new Map((await readCommitted(kafka, groupId, topic)).map((each) => [each.partition, each]));
    return partitions.map((partition) => committed.get(partition) ?? { topic, partition, offset: null, metadata: '' });
  }

  #nowhere(partitions: readonly number[]): CommittedPosition[] {
    const { topic } = this.#options;
    return partitions.map((partition) => ({ topic, partition, offset: null, metadata: '' }));
  }

  async #follow(signal: AbortSignal, places: ReadonlyMap<number, Place>): Promise<void> {
    const { kafka, groupId } = this.#options;
    while (!signal.aborted) {
      try {
        await withCluster(kafka, groupId, (cluster) => this.#read(cluster, signal, places));
      } catch (error) {
        if (signal.aborted) return;
        if ((error as { type?: unknown }).type === 'OFFSET_OUT_OF_RANGE') await this.#startOver(places);
        else this.#wait(error);
        await abortableDelay(RETRY_MS, signal);
      }
    }
  }

  async #read(cluster: Cluster, signal: AbortSignal, places: ReadonlyMap<number, Place>): Promise<void> {
    const { topic } = this.#options;
    await cluster.addTargetTopic(topic);
    // Where all is paused, nothing else would say that it can be read again.
    this.#obstacle = null;
    while (!signal.aborted) {
      let isIdle = true;
      for (const place of places.values()) {
        if (place.paused || signal.aborted) continue;
        const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [place.partition]));
        // A partition that was added since: the next connection knows it.
        if (nodeId === undefined || nodeId === 'undefined') continue;
        const broker = await cluster.findBroker({ nodeId });
        const { partition, next: offset } = place;
        const answer = await fetchFrom(broker, { topic, partition, offset, maxWaitMs: MAX_WAIT_MS });
        this.#said = null;
        if (this.#handOn(place, answer?.messages ?? [], signal)) isIdle = false;
      }
      if (isIdle) await abortableDelay(IDLE_MS, signal);
    }
  }

  #wait(error: unknown): void {
    const { groupId, topic } = this.#options;
    const reason = `${topic}: ${groupObstacle(error, groupId) ?? (error as Error).message}`;
    this.#obstacle = reason;
    if (isLost(error)) this.#events.lost(error);
    if (reason !== this.#said) this.#events.waiting(reason);
    this.#said = reason;
  }

  /** Returns whether there was anything. */
  #handOn(
    place: Place,
    messages: NonNullable<Awaited<ReturnType<typeof fetchFrom>>>['messages'],
    signal: AbortSignal,
  ): boolean {
    let isAny = false;
    for (const message of messages) {
      // A batch may begin before what was asked for.
      if (Number(message.offset) < place.next) continue;
      if (place.paused || signal.aborted) return true;
      isAny = true;
      place.next = Number(message.offset) + 1;
      const { record, defect } = readRecord(this.#options.topic, place.partition, message);
      this.#events.record(record, defect);
    }
    return isAny;
  }

  /** Somebody has made the topic anew, or deleted from it. */
  async #startOver(places: ReadonlyMap<number, Place>): Promise<void> {
    const { kafka, topic } = this.#options;
    const bounds = await readBounds(kafka, topic).catch(() => new Map<number, { low: number; high: number }>());
    for (const place of places.values()) {
      const { low, high } = bounds.get(place.partition) ?? { low: 0, high: Number.POSITIVE_INFINITY };
      if (place.next >= low && place.next <= high) continue;
      place.next = low;
      this.#events.outOfRange();
    }
  }
}
