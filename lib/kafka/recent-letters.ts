/** Where the messages of the last dead letters stand that a group has sent, read without a group: by the client's own requests. */
import type { Kafka } from 'kafkajs';
import { hasTopic, readBounds, readRanges } from './admin.js';
import type { Bounds } from './group/lost-offsets.js';
import type { Landmark } from './landmarks.js';

/** Of each partition of the letter topic. */
const MOST_LETTERS = 100;

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
    const ranges = new Map<number, Bounds>();
    for (const [partition, { low, high }] of bounds) {
      ranges.set(partition, { low: Math.max(low, high - MOST_LETTERS), high });
    }
    await readRanges({ kafka, groupId, topic: letterTopic }, ranges, (_, { headers }) => {
      places.push(...placeOf(headers ?? {}, question));
    });
    return places;
  } catch (error) {
    if ((error as { type?: string }).type === 'TOPIC_AUTHORIZATION_FAILED') return [];
    throw error;
  }
}

function placeOf(headers: Readonly<Record<string, unknown>>, { groupId, topic }: LetterQuestion): Landmark[] {
  const text = (name: string): string => String(headers[`__connect.errors.${name}`] ?? '');
  if (text('connector.name') !== groupId || text('topic') !== topic) return [];
  const timestamp = Number(headers['atd.timestamp'] ?? Number.NaN);
  return [{ partition: Number(text('partition')), offset: Number(text('offset')), timestamp }];
}
