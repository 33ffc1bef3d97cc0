/**
 * The consumer: records in, commits out. It decides nothing: it passes on each record that arrives while its partition is
 * not paused, and the receiver of the records pauses in time.
 *
 * kafkajs has to be held in a certain way. Handlers only hand on, because heartbeats are sent between them. Pausing does
 * not recall batches that are fetched already, so a paused partition's batch is left unresolved and fetched again later.
 * Every join rewinds all partitions to the committed offset, so redelivery is normal. A join is the only reliable news
 * about the assignment. A commit may "succeed" without having been sent, so only its event counts; and one that the client
 * repeats by itself may go out under the next generation, and take back what the partition's new owner committed.
 * A rebalance may end without a join: when the answer that holds the assignment is an error or is lost, the client goes on
 * with its old partitions as a member of the new generation, for ever, and the others are read by nobody.
 */
import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { CommitOffset, CommittedPosition } from '../core/events.js';
import { AtdError } from '../errors.js';
import type { KafkaRecord, TopicPartition } from '../types.js';
import { hasTopic, readCommitted } from './admin.js';
import { readRecord } from './shapes.js';

export interface ConsumerOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly groupId: string;
  readonly fromBeginning: boolean;
  readonly sessionTimeoutMs: number;
  readonly maxWaitMs: number;
}

/** Called synchronously; none of them may throw. */
export interface ConsumerEvents {
  assigned(epoch: number, partitions: readonly TopicPartition[]): void;
  /** What the group has committed for the partitions of that epoch. */
  restored(epoch: number, positions: readonly CommittedPosition[]): void;
  /** @param defect why nothing of the record could be read but where it stands; null for all others */
  record(record: KafkaRecord, defect: Error | null): void;
  rebalancing(): void;
  /** The client's consumer broke down and starts anew. */
  restarting(error: Error): void;
  /** The consumer stopped for good; the process should end and be started again. */
  failed(error: Error): void;
  /** It cannot start yet, and why; it keeps trying. */
  waiting(reason: string): void;
}

export interface ConsumerAdapter {
  /** Resolves when the consumer runs, however long the brokers or the topic take to appear, or when it was stopped. */
  start(): Promise<void>;
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /** @throws when the broker did not acknowledge the commit */
  commit(offsets: readonly CommitOffset[]): Promise<void>;
  /** Leaves the group. */
  stop(): Promise<void>;
  /** When the consumer last showed life, in milliseconds since the epoch; 0 before it first did. */
  lastBeatAt(): number;
}

const START_RETRY_MS = 2_000;
const RESTORE_RETRY_MS = 1_000;

export function createConsumer(options: ConsumerOptions, events: ConsumerEvents): ConsumerAdapter {
  return new KafkaConsumer(options, events);
}

class KafkaConsumer implements ConsumerAdapter {
  readonly #options: ConsumerOptions;
  readonly #events: ConsumerEvents;
  readonly #consumer: Consumer;
  readonly #paused = new Set<number>();
  /** Commits by a single request. A batch brings it, and it serves until this run of the client's consumer ends. */
  #commitOnce: EachBatchPayload['commitOffsetsIfNecessary'] | null = null;
  #epoch = 0;
  /** Whether the group has let us into a generation whose assignment the client has not reported. */
  #isJoining = false;
  #lastBeatAt = 0;
  #stopping: AbortController = new AbortController();
  #started: Promise<void> | null = null;

  constructor(options: ConsumerOptions, events: ConsumerEvents) {
    this.#options = options;
    this.#events = events;
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: Math.max(60_000, options.sessionTimeoutMs),
      heartbeatInterval: Math.min(3_000, Math.floor(options.sessionTimeoutMs / 5)),
      maxWaitTimeInMs: options.maxWaitMs,
      maxBytesPerPartition: 1024 * 1024,
      // New partitions start where the group has no commit: they must be seen before they have much to skip.
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
    });
    this.#listen();
  }

  start(): Promise<void> {
    this.#started ??= this.#startWhenPossible();
    return this.#started;
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) this.#paused.add(partition);
    this.#apply('pause', partitions);
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) this.#paused.delete(partition);
    this.#apply('resume', partitions);
  }

  async commit(offsets: readonly CommitOffset[]): Promise<void> {
    let acknowledged = false;
    const forget = this.#consumer.on(this.#consumer.events.COMMIT_OFFSETS, () => {
      acknowledged = true;
    });
    try {
      const partitions = offsets.map((position) => ({ ...position, offset: String(position.offset) }));
      if (this.#commitOnce === null) await this.#consumer.commitOffsets(partitions);
      else await this.#commitOnce({ topics: [{ topic: this.#options.topic, partitions }] });
    } finally {
      forget();
    }
    if (!acknowledged)
      throw new AtdError('ATD_KAFKA_CONSUMER', 'the consumer is not running, so nothing was committed');
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#started?.catch(() => undefined);
    await this.#consumer.disconnect();
  }

  lastBeatAt(): number {
    return this.#lastBeatAt;
  }

  #listen(): void {
    const { GROUP_JOIN, REBALANCING, CRASH, HEARTBEAT, FETCH, REQUEST } = this.#consumer.events;
    const beat = () => {
      this.#lastBeatAt = Date.now();
    };
    this.#consumer.on(REQUEST, ({ payload }) => {
      if (payload.apiName === 'JoinGroup') this.#isJoining = true;
    });
    this.#consumer.on(HEARTBEAT, () => {
      beat();
      if (this.#isJoining && !this.#stopping.signal.aborted) this.#started = this.#joinAnew();
    });
    this.#consumer.on(FETCH, beat);
    this.#consumer.on(REBALANCING, () => this.#events.rebalancing());
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      beat();
      this.#isJoining = false;
      this.#epoch += 1;
      const { topic } = this.#options;
      const partitions = payload.memberAssignment[topic] ?? [];
      this.#paused.clear();
      this.#events.assigned(
        this.#epoch,
        partitions.map((partition) => ({ topic, partition })),
      );
      void this.#restore(this.#epoch, partitions);
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      this.#commitOnce = null;
      if (this.#stopping.signal.aborted) return;
      if (payload.restart) this.#events.restarting(payload.error);
      else this.#events.failed(payload.error);
    });
  }

  /**
   * Asks for the committed offsets with their metadata, which the client's own question at the join leaves out. It asks
   * until it is answered or the assignment is over: without the answer, finished work would be done again.
   */
  async #restore(epoch: number, partitions: readonly number[]): Promise<void> {
    const { kafka, topic, groupId } = this.#options;
    while (epoch === this.#epoch && !this.#stopping.signal.aborted) {
      try {
        const positions = await readCommitted(kafka, groupId, topic, partitions);
        return this.#events.restored(epoch, positions);
      } catch (error) {
        this.#events.waiting(`the committed offsets cannot be read: ${(error as Error).message}`);
        await abortableDelay(RESTORE_RETRY_MS, this.#stopping.signal);
      }
    }
  }

  async #startWhenPossible(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const obstacle = await this.#obstacle();
      if (obstacle === null) {
        await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: this.#options.fromBeginning });
        return this.#run();
      }
      this.#events.waiting(obstacle);
      await abortableDelay(START_RETRY_MS, this.#stopping.signal);
    }
  }

  #run(): Promise<void> {
    return this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#handOn(payload),
    });
  }

  /** Leaves the group and joins it again: what is to be read in its present generation cannot be learnt any more. */
  async #joinAnew(): Promise<void> {
    this.#isJoining = false;
    this.#commitOnce = null;
    this.#events.restarting(new Error('the group was rebalanced, but the assignment did not arrive; joining it again'));
    try {
      await this.#consumer.stop();
      if (!this.#stopping.signal.aborted) await this.#run();
    } catch (error) {
      this.#events.failed(error as Error);
    }
  }

  /** Why the consumer cannot run yet, or null. Without the topic it would fail, or have the broker create it by accident. */
  async #obstacle(): Promise<string | null> {
    const { kafka, topic } = this.#options;
    try {
      if (!(await hasTopic(kafka, topic))) return `topic ${topic} does not exist yet (or this user may not see it)`;
      await this.#consumer.connect();
      return null;
    } catch (error) {
      return `Kafka cannot be reached: ${(error as Error).message}`;
    }
  }

  async #handOn(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, isRunning, isStale } = payload;
    const { topic, partition } = batch;
    this.#commitOnce = payload.commitOffsetsIfNecessary;
    for (const message of batch.messages) {
      if (!isRunning() || isStale()) return;
      if (this.#paused.has(partition)) {
        // A batch that is returned unresolved is fetched again at once unless its partition is paused.
        this.#apply('pause', [{ topic, partition }]);
        return;
      }
      const { record, defect } = readRecord(topic, partition, message);
      this.#events.record(record, defect);
      resolveOffset(message.offset);
    }
  }

  /** Between two runs of the client's consumer there is nothing to pause; the next join states all pauses anew. */
  #apply(what: 'pause' | 'resume', partitions: readonly TopicPartition[]): void {
    try {
      this.#consumer[what](partitions.map(({ topic, partition }) => ({ topic, partitions: [partition] })));
    } catch (error) {
      if ((error as Error).name !== 'KafkaJSNonRetriableError') throw error;
    }
  }
}

function abortableDelay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
