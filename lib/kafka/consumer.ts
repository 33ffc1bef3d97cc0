/**
 * The consumer: records in, commits out. It decides nothing: it passes on each record that arrives while its partition is
 * not paused, and the receiver of the records pauses in time.
 *
 * kafkajs has to be held so: handlers only hand on, for heartbeats are sent between them. Pausing does not recall batches
 * that are fetched already, so a paused partition's batch is left unresolved and fetched again later. Every join rewinds
 * all partitions to the committed offset, so redelivery is normal. A join is the only reliable news about the assignment.
 * Commits go around the client's consumer: that one may say that it committed without having sent anything, and repeats
 * what failed under the next generation, which takes back what the partition's new owner committed.
 */
import kafkajs, { type Consumer, type EachBatchPayload, type Kafka } from 'kafkajs';
import type { CommitOffset, CommittedPosition } from '../core/events.js';
import { AtdError } from '../errors.js';
import type { KafkaRecord, TopicPartition } from '../types.js';
import { abortableDelay } from '../util/deadline.js';
import { byTopic, commitFor, describeMissing, hasTopic, leaveFor } from './admin.js';
import { stickyAssigner } from './group/assigner.js';
import { type ClientGroup, coordinatorRefusal, joinAgain, mendJoins, reportingAssigner } from './group/joining.js';
import { Ownership } from './group/ownership.js';
import { groupObstacle, isMetadataTooLarge } from './group/refusals.js';
import { RejoinPolicy } from './group/rejoin-policy.js';
import { readRecord } from './shapes.js';
import { type StartOptions, Starts } from './starting-points.js';
import { VitalSigns } from './vital-signs.js';

export interface ConsumerOptions extends StartOptions {
  readonly kafka: Kafka;
  /** Like it, but soon at its end where no broker answers. */
  readonly asking: Kafka;
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
  /** The client's consumer broke down and starts anew by itself. */
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
  /** Leaves the group, in the midst of a join too. */
  stop(): Promise<void>;
  health(): ConsumerHealth;
}

export interface ConsumerHealth {
  /** For how long acknowledgements that were due have stayed away while a broker answered; null before the first join. */
  readonly silentMs: number | null;
  /** For how long any acknowledgement may have been due: a broker has answered, and the group waited for nobody. */
  readonly dueMs: number;
  /** What keeps the member from its work, and why; null where nothing is known to. */
  readonly obstacle: string | null;
}

const START_RETRY_MS = 2_000;
const RESTORE_RETRY_MS = 1_000;
/** While a group whose commits are gone waits for somebody to say where it is to go on. */
const LOST_RETRY_MS = 10_000;
const MIN_REBALANCE_MS = 60_000;
/** What the client may take to leave the group before that is done for it. */
const LEAVE_MS = 1_500;

export function createConsumer(options: ConsumerOptions, events: ConsumerEvents): ConsumerAdapter {
  mendJoins();
  return new KafkaConsumer(options, events);
}

class KafkaConsumer implements ConsumerAdapter {
  readonly #options: ConsumerOptions;
  readonly #events: ConsumerEvents;
  readonly #consumer: Consumer;
  readonly #vitalSigns: VitalSigns;
  readonly #rejoinPolicy: RejoinPolicy;
  readonly #rebalanceTimeoutMs: number;
  readonly #paused = new Set<number>();
  /** Outlives memberships: so it still counts when the client starts anew. */
  readonly #ownership = new Ownership();
  readonly #starts: Starts;
  /** The membership that is joined or about to be. */
  #group: ClientGroup | null = null;
  /** What the client gave up after an error, until it has joined anew: the group may know it still. */
  #former: ClientGroup['offsetManager'] = null;
  #memberId: string | null = null;
  #isJoined = false;
  #isJoining = false;
  #epoch = 0;
  #waitingFor: string | null = null;
  #stopping: AbortController = new AbortController();
  #started: Promise<void> | null = null;

  constructor(options: ConsumerOptions, events: ConsumerEvents) {
    this.#options = options;
    this.#events = events;
    this.#rebalanceTimeoutMs = Math.max(MIN_REBALANCE_MS, options.sessionTimeoutMs);
    this.#starts = new Starts(options);
    this.#rejoinPolicy = new RejoinPolicy(options.sessionTimeoutMs);
    this.#vitalSigns = new VitalSigns({ ...options, rebalanceTimeoutMs: this.#rebalanceTimeoutMs });
    this.#consumer = options.kafka.consumer({
      groupId: options.groupId,
      partitionAssigners: [
        reportingAssigner(stickyAssigner(this.#ownership, options.besides), {
          // The client would join anew after it has been made to leave.
          mayJoin: () => !this.#stopping.signal.aborted,
          joining: (group) => this.#joining(group),
          named: (memberId) => {
            this.#memberId = memberId;
          },
        }),
        // Every version offers it, so that members of different ones agree.
        kafkajs.PartitionAssigners.roundRobin,
      ],
      sessionTimeout: options.sessionTimeoutMs,
      rebalanceTimeout: this.#rebalanceTimeoutMs,
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
    const group = this.#group;
    const before = this.#isJoining ? (group?.offsetManager ?? this.#former) : this.#former;
    if (before !== null) {
      await commitFor(this.#options.kafka, before, byTopic(offsets));
      return this.#starts.committed(offsets);
    }
    const why = 'the consumer is not running, so nothing was committed';
    if (group === null || !this.#isJoined) throw new AtdError('ATD_KAFKA_CONSUMER', why);
    const epoch = this.#epoch;
    try {
      await group.commitOffsets({ topics: byTopic(offsets) });
    } catch (error) {
      // What is refused after a join, or in one, was sent before it, and says nothing about the new membership.
      const isNow = epoch === this.#epoch && !this.#isJoining;
      if (isNow && this.#rejoinPolicy.refused(error, performance.now())) joinAgain(group);
      throw error;
    }
    this.#starts.committed(offsets);
    this.#vitalSigns.acknowledged();
    this.#rejoinPolicy.acknowledged();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#vitalSigns.close();
    // While it joins, the client leaves nothing and waits for the coordinator's answer.
    if (this.#isJoining) await this.#leave();
    const patience = setTimeout(() => void this.#leave(), LEAVE_MS);
    await this.#started?.catch(() => undefined);
    await this.#consumer.disconnect();
    clearTimeout(patience);
  }

  health(): ConsumerHealth {
    const { silentMs, dueMs } = this.#vitalSigns;
    return { silentMs, dueMs, obstacle: this.#obstacleNow() };
  }

  #listen(): void {
    const { GROUP_JOIN, REBALANCING, CRASH, HEARTBEAT } = this.#consumer.events;
    this.#consumer.on(HEARTBEAT, () => this.#vitalSigns.acknowledged());
    this.#consumer.on(REBALANCING, () => this.#events.rebalancing());
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#vitalSigns.acknowledged();
      this.#isJoined = true;
      this.#isJoining = false;
      this.#former = null;
      this.#waitingFor = null;
      this.#epoch += 1;
      const { topic } = this.#options;
      const partitions = payload.memberAssignment[topic] ?? [];
      this.#ownership.assigned(this.#group?.generationId ?? 0, { [topic]: partitions });
      this.#paused.clear();
      const assigned = partitions.map((partition) => ({ topic, partition }));
      this.#events.assigned(this.#epoch, assigned);
      void this.#restore(this.#epoch, partitions);
    });
    this.#consumer.on(CRASH, ({ payload: { error, restart } }) => {
      this.#former = this.#group?.offsetManager ?? this.#former;
      this.#group = null;
      this.#isJoined = false;
      this.#isJoining = false;
      if (this.#stopping.signal.aborted) return;
      const { groupId } = this.#options;
      const obstacle = groupObstacle(error, groupId) ?? groupObstacle(coordinatorRefusal(groupId), groupId);
      this.#waitingFor = obstacle ?? error.message;
      if (restart) this.#events.restarting(error);
      else if (obstacle !== null) void this.#startAgain(obstacle);
      else this.#events.failed(error);
    });
  }

  async #startAgain(obstacle: string): Promise<void> {
    this.#events.waiting(obstacle);
    await abortableDelay(START_RETRY_MS, this.#stopping.signal);
    await this.#startWhenPossible().catch((error: unknown) => this.#events.failed(error as Error));
  }

  #joining(group: ClientGroup): void {
    this.#group = group;
    this.#isJoining = true;
    this.#vitalSigns.joining();
  }

  /** Where that fails, the group does without the member when its session is over. */
  async #leave(): Promise<void> {
    const { kafka, groupId } = this.#options;
    if (this.#memberId !== null) await leaveFor(kafka, groupId, this.#memberId).catch(() => undefined);
  }

  #obstacleNow(): string | null {
    const { unreachable, joiningSince } = this.#vitalSigns;
    if (unreachable !== null) return `no broker answers: ${unreachable}`;
    if (this.#waitingFor !== null) return this.#waitingFor;
    if (joiningSince === null) return null;
    const until = new Date(performance.timeOrigin + joiningSince + this.#rebalanceTimeoutMs).toISOString();
    return `the group ${this.#options.groupId} waits for a member that does not answer, until ${until} at the latest`;
  }

  /**
   * Asks for the committed offsets with their metadata, which the client's own question at the join leaves out. It asks
   * until it is answered or the assignment is over: without the answer, finished work would be done again.
   */
  async #restore(epoch: number, partitions: readonly number[]): Promise<void> {
    while (epoch === this.#epoch && !this.#stopping.signal.aborted) {
      try {
        const { positions, begin, seek, lost } = await this.#starts.find(partitions);
        if (epoch !== this.#epoch) return;
        if (lost === null) {
          if (begin.length > 0) await this.#commitBeginnings(begin);
          if (epoch !== this.#epoch) return;
          for (const { topic, partition, offset } of seek) {
            this.#consumer.seek({ topic, partition, offset: String(offset) });
          }
          this.#waitingFor = null;
          return this.#events.restored(epoch, positions);
        }
        this.#wait(lost);
        await abortableDelay(LOST_RETRY_MS, this.#stopping.signal);
      } catch (error) {
        const obstacle = groupObstacle(error, this.#options.groupId);
        this.#wait(obstacle ?? `the committed offsets cannot be read: ${(error as Error).message}`);
        await abortableDelay(RESTORE_RETRY_MS, this.#stopping.signal);
      }
    }
  }

  /** Without metadata where the broker takes none. */
  async #commitBeginnings(begin: readonly CommitOffset[]): Promise<void> {
    await this.commit(begin).catch((error: unknown) => {
      if (!isMetadataTooLarge(error)) throw error;
      return this.commit(begin.map((offset) => ({ ...offset, metadata: '' })));
    });
  }

  #wait(reason: string): void {
    if (reason === this.#waitingFor) return;
    this.#waitingFor = reason;
    this.#events.waiting(reason);
  }

  async #startWhenPossible(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const obstacle = await this.#obstacle();
      if (obstacle === null) {
        await this.#consumer.subscribe({ topics: [this.#options.topic], fromBeginning: this.#options.fromBeginning });
        await this.#consumer.run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          eachBatch: (payload) => this.#handOn(payload),
        });
        return;
      }
      this.#wait(obstacle);
      await abortableDelay(START_RETRY_MS, this.#stopping.signal);
    }
  }

  /** Why the consumer cannot run yet, or null. Without the topic it would fail, or have the broker create it by accident. */
  async #obstacle(): Promise<string | null> {
    const { asking, topic, groupId } = this.#options;
    try {
      if (!(await hasTopic(asking, topic))) return describeMissing(topic);
      await this.#consumer.connect();
      return null;
    } catch (error) {
      return groupObstacle(error, groupId) ?? `Kafka cannot be reached: ${(error as Error).message}`;
    }
  }

  async #handOn(payload: EachBatchPayload): Promise<void> {
    const { batch, resolveOffset, isRunning, isStale } = payload;
    const { topic, partition } = batch;
    for (const message of batch.messages) {
      if (!isRunning() || isStale()) return;
      if (this.#paused.has(partition)) {
        // A batch that is returned unresolved is fetched again at once unless its partition is paused.
        return this.#apply('pause', [{ topic, partition }]);
      }
      const { record, defect } = readRecord(topic, partition, message);
      this.#starts.read(record);
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
