/** Where the messages of the last dead letters stand that a group has sent, read without a group: by the client's own requests. */
import type { Kafka } from 'kafkajs';
import { type Broker, fetchFrom, hasTopic, readBounds, withCluster } from './admin.js';
import type { Bounds } from './group/lost-offsets.js';
import type { Landmark } from './landmarks.js';

/** Of each partition of the letter topic. */
const MOST_LETTERS = 100;
const MAX_WAIT_MS = 500;

export interface LetterQuestion {
  readonly kafka: Kafka;
  readonly letterTopic: string;
  readonly groupId: string;
  /** Where the messages come from. */
  readonly topic: string;
}

/**
 * None where the topic is missing or this user may not read it.
 *
 * @throws KafkaJSError when no broker answers
 */
export async function readRecentLetters(question: LetterQuestion): Promise<Landmark[]> {
  const { kafka, letterTopic, groupId } = question;
  try {
    if (!(await hasTopic(kafka, letterTopic))) return [];
    const bounds = await readBounds(kafka, letterTopic);
    const places: Landmark[] = [];
    await withCluster(kafka, groupId, async (cluster) => {
      await cluster.addTargetTopic(letterTopic);
      const leaders = cluster.findLeaderForPartitions(letterTopic, [...bounds.keys()]);
      for (const [nodeId, partitions] of Object.entries(leaders)) {
        const broker = await cluster.findBroker({ nodeId });
        for (const partition of partitions) {
          const range = bounds.get(partition) ?? { low: 0, high: 0 };
          places.push(...(await readPartition(broker, partition, range, question)));
        }
      }
    });
    return places;
  } catch (error) {
    if ((error as { type?: string }).type === 'TOPIC_AUTHORIZATION_FAILED') return [];
    throw error;
  }
}

async function readPartition(broker: Broker, partition: number, { low, high }: Bounds, question: LetterQuestion) {
  const places: Landmark[] = [];
  let next = Math.max(low, high - MOST_LETTERS);
  while (next < high) {
    const place = { topic: question.letterTopic, partition, offset: next, maxWaitMs: MAX_WAIT_MS };
    const messages = (await fetchFrom(broker, place))?.messages ?? [];
    places.push(...messages.flatMap(({ headers }) => placeOf(headers ?? {}, question)));
    next = Math.max(next, Number(messages.at(-1)?.offset ?? high)) + 1;
  }
  return places;
}

function placeOf(headers: Readonly<Record<string, unknown>>, { groupId, topic }: LetterQuestion): Landmark[] {
  const text = (name: string): string => String(headers[`__connect.errors.${name}`] ?? '');
  if (text('connector.name') !== groupId || text('topic') !== topic) return [];
  const timestamp = Number(headers['atd.timestamp'] ?? Number.NaN);
  return [{ partition: Number(text('partition')), offset: Number(text('offset')), timestamp }];
}
