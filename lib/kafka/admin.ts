/** What is asked of the cluster beside producing and consuming, each time over a connection of its own. */
import type { Admin, Kafka } from 'kafkajs';
import type { CommitOffset, CommittedPosition } from '../core/events.js';
import { EMPTY_METADATA, encodeMetadata } from '../core/offsets/commit-metadata.js';
import { toPosition } from './shapes.js';

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
