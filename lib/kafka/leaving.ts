/**
 * Leaves a group for a member that cannot do so itself: kafkajs does not while it joins, and a connection on which a join
 * waits takes no other request. Without it the group waits for the member until its session is over.
 */
import kafkajs, { type Kafka } from 'kafkajs';

interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  findGroupCoordinator(group: { groupId: string }): Promise<{
    leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown>;
  }>;
}

/** @throws KafkaJSError when the coordinator cannot be reached or does not know the member */
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
