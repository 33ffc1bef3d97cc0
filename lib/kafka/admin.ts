/** What is asked of the cluster beside producing and consuming, each time over a connection of its own. */
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { CommittedPosition } from '../core/events.js';
import type { Bounds } from './group/lost-offsets.js';
import { toPosition } from './shapes.js';

interface FetchAnswer {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly highWatermark: string;
      readonly messages: readonly {
        readonly offset: string;
        readonly key: Uint8Array | null;
        readonly value: Uint8Array | null;
        readonly headers?: Readonly<Record<string, unknown>>;
      }[];
    }[];
  }[];
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
