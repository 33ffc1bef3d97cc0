/** What is asked of the cluster beside producing and consuming, each time over a connection of its own. */
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { CommitOffset, CommittedPosition } from '../core/events.js';
import type { Bounds } from './group/lost-offsets.js';
import { toPosition } from './shapes.js';

export interface FetchedMessage {
  readonly offset: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
}

export interface FetchedPartition {
  readonly highWatermark: string;
  readonly messages: readonly FetchedMessage[];
}

interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[];
}

export interface Broker {
  fetch(question: object): Promise<FetchAnswer>;
}

/** What the client keeps to itself of its connections. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>;
  findBroker(node: { nodeId: string }): Promise<Broker>;
  findGroupCoordinator(group: { groupId: string }): Promise<{
    leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
    offsetCommit(commit: object): Promise<unknown>;
  }>;
}

/** @throws KafkaJSError when no broker answers */
export function hasTopic(kafka: Kafka, topic: string): Promise<boolean> {
  return ask(kafka, 1, async (admin) => (await admin.listTopics()).includes(topic));
}

/** Why one that `hasTopic` does not find is not read, and what to do. */
export function describeMissing(topic: string): string {
  return `topic ${topic} does not exist yet, or this user may not see it: make it, or permit DESCRIBE and READ on it`;
}

export interface TopicToMake {
  readonly topic: string;
  /** The topic whose number of replicas it gets. */
  readonly like: string;
  /** As many as that one has where it is not said. */
  readonly partitions?: number;
  readonly config?: Readonly<Record<string, string>>;
}

/** How long brokers may take to hear of a topic that was made, and to choose its leaders. */
const LED_MS = 30_000;
const LOOK_AGAIN_MS = 100;
const NOT_YET: ReadonlySet<unknown> = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE']);

/**
 * Makes a topic unless there is one of that name; resolves when its partitions can be written to.
 *
 * @throws KafkaJSError when no broker answers, the user may not make it, or it has no leaders in time
 */
export function createMissingTopic(kafka: Kafka, { topic, like, partitions, config = {} }: TopicToMake): Promise<void> {
  return ask(kafka, 3, async (admin) => {
    if ((await admin.listTopics()).includes(topic)) return;
    const { topics } = await admin.fetchTopicMetadata({ topics: [like] });
    const own = topics[0]?.partitions ?? [];
    const replicationFactor = own[0]?.replicas.length ?? 1;
    const numPartitions = partitions ?? Math.max(1, own.length);
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const made = { topic, numPartitions, replicationFactor, configEntries };
    // The client's own wait for leaders ends with an error where the broker that it asks has not heard of the topic yet.
    await admin.createTopics({ topics: [made], waitForLeaders: false });
    await untilLed(admin, topic);
  });
}

async function untilLed(admin: Admin, topic: string): Promise<void> {
  const deadline = performance.now() + LED_MS;
  for (;;) {
    try {
      await admin.fetchTopicMetadata({ topics: [topic] });
      return;
    } catch (error) {
      // What the client itself has tried again to its patience's end is wrapped.
      const { type, cause } = error as { type?: unknown; cause?: { type?: unknown } };
      if (!NOT_YET.has(type ?? cause?.type) || performance.now() > deadline) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}

/** Offsets as the client wants them, by their topics. */
export function byTopic(offsets: readonly CommitOffset[]): { topic: string; partitions: object[] }[] {
  const topics = new Map<string, object[]>();
  for (const { topic, partition, offset, metadata } of offsets) {
    const partitions = topics.get(topic) ?? [];
    partitions.push({ partition, offset: String(offset), metadata });
    topics.set(topic, partitions);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

/**
 * What the group has committed for the partitions of the topic, with the metadata.
 *
 * @throws KafkaJSError when the group's coordinator does not answer
 */
export function readCommitted(kafka: Kafka, groupId: string, topic: string): Promise<CommittedPosition[]> {
  return ask(kafka, 2, async (admin) => {
    const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return (answer?.partitions ?? []).map((entry) => toPosition(topic, entry.partition, entry));
  });
}

/**
 * Where each partition of the topic begins and ends.
 *
 * @throws KafkaJSError when a partition's leader does not answer
 */
export function readBounds(kafka: Kafka, topic: string): Promise<Map<number, Bounds>> {
  return ask(kafka, 2, async (admin) => {
    const offsets = await admin.fetchTopicOffsets(topic);
    return new Map(offsets.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
  });
}

/**
 * Where each partition of the topic has its first message of that time or later, and where it ends.
 *
 * @param since milliseconds since the epoch
 * @throws KafkaJSError when a partition's leader does not answer
 */
export function readBoundsSince(kafka: Kafka, topic: string, since: number): Promise<Map<number, Bounds>> {
  return ask(kafka, 2, async (admin) => {
    const [ends, starts] = [
      await admin.fetchTopicOffsets(topic),
      await admin.fetchTopicOffsetsByTimestamp(topic, since),
    ];
    const startOf = new Map(starts.map(({ partition, offset }) => [partition, Number(offset)]));
    return new Map(
      ends.map(({ partition, high }) => [
        partition,
        { low: startOf.get(partition) ?? Number(high), high: Number(high) },
      ]),
    );
  });
}

/**
 * Opens a connection for one exchange.
 *
 * @param retries how often the client repeats what fails
 */
export async function ask<T>(kafka: Kafka, retries: number, question: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin({ retry: { retries } });
  try {
    await admin.connect();
    return await question(admin);
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

/**
 * Leaves a group for a member that cannot do so itself: kafkajs does not while it joins, and a connection on which a join
 * waits takes no other request. Without it the group waits for the member until its session is over.
 *
 * @throws KafkaJSError when the coordinator cannot be reached or does not know the member
 */
export function leaveFor(kafka: Kafka, groupId: string, memberId: string): Promise<void> {
  return withCluster(kafka, groupId, async (cluster) => {
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    await coordinator.leaveGroup({ groupId, memberId });
  });
}

/**
 * Commits for a member that waits in a join: its own connection takes nothing meanwhile. Until the last member has joined, the
 * group takes commits of the generation before; what it refuses then belongs to others.
 *
 * @throws KafkaJSError when the coordinator cannot be reached, or refuses
 */
export function commitFor(
  kafka: Kafka,
  { groupId, memberId, generationId }: { groupId: string; memberId: string; generationId: number },
  topics: readonly unknown[],
): Promise<void> {
  return withCluster(kafka, groupId, async (cluster) => {
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    await coordinator.offsetCommit({ groupId, memberId, groupGenerationId: generationId, topics });
  });
}

/** At most so much of a partition is asked for at once. */
const FETCH_BYTES = 1024 * 1024;

/**
 * What a partition holds from an offset on, read without a group; its first batch may begin before that offset.
 *
 * @param maxWaitMs how long the broker may hold an empty answer back
 * @throws KafkaJSError when the broker does not answer, does not lead the partition, or has no such offset
 */
export async function fetchFrom(
  broker: Broker,
  { topic, partition, offset, maxWaitMs }: { topic: string; partition: number; offset: number; maxWaitMs: number },
): Promise<FetchedPartition | null> {
  const partitions = [{ partition, fetchOffset: String(offset), maxBytes: FETCH_BYTES }];
  const question = { maxWaitTime: maxWaitMs, maxBytes: FETCH_BYTES, topics: [{ topic, partitions }] };
  const { responses } = await broker.fetch(question);
  return responses[0]?.partitions[0] ?? null;
}

/** How long a broker may hold an empty answer back, where what is asked for is there. */
const MAX_WAIT_MS = 500;

/**
 * Reads partitions of a topic from where they are said to begin to where they are said to end, without a group.
 *
 * @throws KafkaJSError when a broker does not answer, or does not permit it
 */
export async function readRanges(
  { kafka, groupId, topic }: { readonly kafka: Kafka; readonly groupId: string; readonly topic: string },
  ranges: ReadonlyMap<number, Bounds>,
  onMessage: (partition: number, message: FetchedMessage) => void,
): Promise<void> {
  await withCluster(kafka, groupId, async (cluster) => {
    await cluster.addTargetTopic(topic);
    const leaders = cluster.findLeaderForPartitions(topic, [...ranges.keys()]);
    for (const [nodeId, partitions] of Object.entries(leaders)) {
      const broker = await cluster.findBroker({ nodeId });
      for (const partition of partitions) {
        const { low, high } = ranges.get(partition) as Bounds;
        for (let next = low; next < high; ) {
          const fetched = await fetchFrom(broker, { topic, partition, offset: next, maxWaitMs: MAX_WAIT_MS });
          const messages = (fetched?.messages ?? []).filter(({ offset }) => Number(offset) >= next);
          for (const message of messages) if (Number(message.offset) < high) onMessage(partition, message);
          // Of a batch the last messages may be gone, by compaction; then the next one is asked for.
          next = Number(messages.at(-1)?.offset ?? next) + 1;
        }
      }
    }
  });
}

/** For what the client has no call for. */
export async function withCluster(
  kafka: Kafka,
  groupId: string,
  use: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = newCluster(kafka, groupId);
  try {
    await cluster.connect();
    await use(cluster);
  } finally {
    await cluster.disconnect().catch(() => undefined);
  }
}

/** The client hands out its connections to assigners only. */
function newCluster(kafka: Kafka, groupId: string): Cluster {
  let cluster: unknown = null;
  kafka.consumer({
    groupId,
    retry: { retries: 1 },
    allowAutoTopicCreation: false,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        return kafkajs.PartitionAssigners.roundRobin(config);
      },
    ],
  });
  return cluster as Cluster;
}
