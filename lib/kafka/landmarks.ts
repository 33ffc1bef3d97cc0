/**
 * Messages by which a topic is known again. One that was deleted and made anew under its name counts its offsets from 0, and
 * has other messages at them.
 */
import type { Kafka } from 'kafkajs';
import { type Broker, type FetchedPartition, fetchFrom, withCluster } from './admin.js';

/** Where a message stands or stood, and its time. */
export interface Landmark {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; not a number where nobody knows. */
  readonly timestamp: number;
}

const MAX_WAIT_MS = 500;

/**
 * Whether the topic has another message at each of these places. A message that is gone proves nothing.
 *
 * @param landmarks none of them beyond the end of its partition
 * @throws KafkaJSError when a partition's leader does not answer
 */
export async function isMadeAnew(
  { kafka, groupId, topic }: { readonly kafka: Kafka; readonly groupId: string; readonly topic: string },
  landmarks: readonly Landmark[],
): Promise<boolean> {
  let isOther = landmarks.length > 0;
  await withCluster(kafka, groupId, async (cluster) => {
    await cluster.addTargetTopic(topic);
    for (const { partition, offset, timestamp } of landmarks) {
      if (!isOther) return;
      const [nodeId = ''] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
      const broker = await cluster.findBroker({ nodeId });
      const found = await messageAt(broker, { topic, partition, offset });
      isOther = found !== undefined && !Number.isNaN(timestamp) && Number(found.timestamp) !== timestamp;
    }
  });
  return isOther;
}

/** Undefined where there is none, or none any more. */
async function messageAt(
  broker: Broker,
  place: { readonly topic: string; readonly partition: number; readonly offset: number },
): Promise<FetchedPartition['messages'][number] | undefined> {
  try {
    const fetched = await fetchFrom(broker, { ...place, maxWaitMs: MAX_WAIT_MS });
    return fetched?.messages.find(({ offset }) => Number(offset) === place.offset);
  } catch (error) {
    if ((error as { type?: unknown }).type === 'OFFSET_OUT_OF_RANGE') return undefined;
    throw error;
  }
}
