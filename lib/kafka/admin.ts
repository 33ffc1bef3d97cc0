/** What is asked of the cluster beside producing and consuming, each time over a connection of its own. */
import kafkajs, { type Admin, type Kafka } from 'kafkajs';
import type { CommitOffset, CommittedPosition } from '../core/events.js';
import { EMPTY_METADATA, encodeMetadata } from '../core/offsets/commit-metadata.js';
import { toPosition } from './shapes.js';

interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findGroupCoordinator(group: { groupId: string }): Promise<{
    leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
  }>;
}

/** @throws KafkaJSError when no broker answers */
export function hasTopic(kafka: Kafka, topic: string): Promise<boolean> {
  return ask(kafka, 1, async (admin) => (await admin.listTopics()).includes(topic));
}

/**
 * What the group has committed for these partitions, with the metadata.
 *
 * @throws KafkaJSError when the group's coordinator does not answer
 */
export function readCommitted(
  kafka: Kafka,
  groupId: string,
  topic: string,
  partitions: readonly number[],
): Promise<CommittedPosition[]> {
  return ask(kafka, 2, async (admin) => {
    const [answer] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const committed = new Map(answer?.partitions.map((entry) => [entry.partition, entry]));
    return partitions.map((partition) => toPosition(topic, partition, committed.get(partition)));
  });
}

/**
 * The ends of these partitions, to be committed as the position of a group that has read nothing and lost nothing.
 *
 * @throws KafkaJSError when a partition's leader does not answer
 */
export function readEnds(kafka: Kafka, topic: string, partitions: readonly number[]): Promise<CommitOffset[]> {
  return ask(kafka, 2, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    return ends
      .filter(({ partition }) => partitions.includes(partition))
      .map(({ partition, high }) => {
        const offset = Number(high);
        return { topic, partition, offset, metadata: encodeMetadata(offset, { ...EMPTY_METADATA, clean: true }) };
      });
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
export async function leaveFor(kafka: Kafka, groupId: string, memberId: string): Promise<void> {
  const cluster = newCluster(kafka, groupId);
  try {
    await cluster.connect();
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    await coordinator.leaveGroup({ groupId, memberId });
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
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        return kafkajs.PartitionAssigners.roundRobin(config);
      },
    ],
  });
  return cluster as Cluster;
}
