/**
 * The topic `<topic>.control`, in which the orders of people stand, so that all instances obey them and a restart keeps them.
 * Every instance reads all of it, without a group. It is made with the first order.
 */
import type { Kafka, Producer } from 'kafkajs';
import type { TenantPause } from '../core/events.js';
import { AtdError } from '../errors.js';
import { type Cluster, createMissingTopic, fetchFrom, hasTopic, readBounds, withCluster } from '../kafka/admin.js';
import { createPartitioner } from '../kafka/partitioner.js';
import { withinTime } from '../util/deadline.js';
import { type Order, Orders } from './orders.js';

export interface ControlOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  /** The topic is made with as many replicas as this one has. */
  readonly sourceTopic: string;
  readonly groupId: string;
}

/** Called synchronously; none of them may throw. */
export interface ControlEvents {
  /** All pauses that there are: once they are known, and whenever they change. */
  controlled(pauses: readonly TenantPause[]): void;
  /** The orders cannot be read, and why; the service goes on without them. */
  unreadable(reason: string): void;
}

export interface ControlAdapter {
  /** Begins to follow the topic. */
  start(): void;
  /**
   * Resolves when every in-sync replica has the order and this instance obeys it.
   *
   * @throws AtdError ATD_CONTROL when the broker did not take it
   */
  give(order: Order): Promise<void>;
  close(): Promise<void>;
}

/** How long it may take until a topic is seen that another instance has made. */
const ABSENT_MS = 15_000;
const RETRY_MS = 2_000;
/** How long loads wait for a topic that is there and cannot be read. */
const PATIENCE_MS = 30_000;
/** How long a broker may hold an empty answer back. */
const MAX_WAIT_MS = 5_000;
/** How long an order may take from its acknowledgement to this instance. */
const OBEY_MS = 10_000;
const NO_RIGHT: ReadonlySet<unknown> = new Set(['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED']);

export function createControl(options: ControlOptions, events: ControlEvents): ControlAdapter {
  return new ControlTopic(options, events);
}

class ControlTopic implements ControlAdapter {
  readonly #options: ControlOptions;
  readonly #events: ControlEvents;
  readonly #producer: Producer;
  #connected: Promise<void> | null = null;
  #orders = new Orders();
  /** The offset to be read next; null for the first one that there is. */
  #next: number | null = null;
  #isKnown = false;
  #isClosed = false;
  #cluster: Cluster | null = null;
  #endWait: () => void = () => undefined;
  #waiters: { readonly offset: number; readonly resolve: () => void }[] = [];

  constructor(options: ControlOptions, events: ControlEvents) {
    this.#options = options;
    this.#events = events;
    this.#producer = options.kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner,
      retry: { retries: 3 },
    });
  }

  start(): void {
    void this.#follow();
  }

  async give({ key, value }: Order): Promise<void> {
    const { topic } = this.#options;
    try {
      await this.#prepare();
      // The one that is read, also of a topic that somebody made with more of them.
      const messages = [{ key, value, partition: 0 }];
      const [sent] = await this.#producer.send({ topic, acks: -1, messages });
      const obeyed = this.#reached(Number(sent?.baseOffset ?? 0));
      this.#endWait();
      await withinTime(obeyed, OBEY_MS);
    } catch (cause) {
      this.#connected = null;
      const why = (cause as Error).message;
      throw new AtdError('ATD_CONTROL', `topic ${topic} did not take the order, so nothing changed: ${why}`, { cause });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWait();
    await Promise.allSettled([this.#cluster?.disconnect(), this.#producer.disconnect()]);
  }

  async #follow(): Promise<void> {
    const { kafka, topic, groupId } = this.#options;
    /** Since when brokers have answered, and the topic cannot be read all the same. */
    let failingSince: number | null = null;
    while (!this.#isClosed) {
      let isThere = false;
      try {
        isThere = await hasTopic(kafka, topic);
        if (isThere) await withCluster(kafka, groupId, (cluster) => this.#read(cluster));
        else {
          this.#publish();
          await this.#rest(ABSENT_MS);
        }
      } catch (error) {
        if (this.#isClosed) return;
        if ((error as { type?: unknown }).type === 'OFFSET_OUT_OF_RANGE') this.#startOver();
        if (isThere) failingSince ??= performance.now();
        if (isThere && !this.#isKnown) this.#goOnWithout(error as Error, performance.now() - (failingSince ?? 0));
        await this.#rest(RETRY_MS);
      }
    }
  }

  /** The topic was made anew, or has forgotten its beginning. */
  #startOver(): void {
    this.#next = null;
    this.#orders = new Orders();
  }

  /** A topic that nobody may read, or that has no leader for long, must not hold up all loads. */
  #goOnWithout(error: Error, failingMs: number): void {
    if (!NO_RIGHT.has((error as { type?: unknown }).type) && failingMs < PATIENCE_MS) return;
    this.#events.unreadable(error.message);
    this.#publish();
  }

  /** Reads on until the connection or the service ends. */
  async #read(cluster: Cluster): Promise<void> {
    const { topic } = this.#options;
    this.#cluster = cluster;
    let next = this.#next ?? (await readBounds(this.#options.kafka, topic)).get(0)?.low ?? 0;
    await cluster.addTargetTopic(topic);
    const [nodeId = ''] = Object.keys(cluster.findLeaderForPartitions(topic, [0]));
    const broker = await cluster.findBroker({ nodeId });
    while (!this.#isClosed) {
      const answer = await fetchFrom(broker, { topic, partition: 0, offset: next, maxWaitMs: MAX_WAIT_MS });
      let isNews = !this.#isKnown;
      for (const { offset, key, value } of answer?.messages ?? []) {
        // A batch may begin before what was asked for.
        if (Number(offset) < next) continue;
        next = Number(offset) + 1;
        isNews = this.#orders.take(textOf(key), textOf(value)) || isNews;
      }
      const isAtEnd = (answer?.messages.length ?? 0) === 0 || next >= Number(answer?.highWatermark);
      if (isNews && isAtEnd) this.#publish();
      this.#next = next;
      for (const { offset, resolve } of this.#waiters) if (offset < next) resolve();
      this.#waiters = this.#waiters.filter(({ offset }) => offset >= next);
    }
  }

  #publish(): void {
    this.#isKnown = true;
    this.#events.controlled(this.#orders.pauses);
  }

  #reached(offset: number): Promise<void> {
    return offset < (this.#next ?? 0)
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiters.push({ offset, resolve }));
  }

  /** Waits, but not when the service ends or somebody has given an order. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isClosed) this.#endWait();
    });
  }

  #prepare(): Promise<void> {
    const { kafka, topic, sourceTopic: like } = this.#options;
    const made = { topic, like, partitions: 1, config: { 'cleanup.policy': 'compact' } };
    this.#connected ??= createMissingTopic(kafka, made).then(() => this.#producer.connect());
    return this.#connected;
  }
}

function textOf(bytes: Uint8Array | null | undefined): string | null {
  return bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('utf8');
}
