/** Dead letters for tests, as a service sends them. */
import type { DeadLetter } from '../../lib/core/events.js';
import { AS_IT_IS } from '../../lib/core/rules/letter-form.js';
import { letterMessage } from '../../lib/kafka/letter-message.js';
import { toRecord } from '../../lib/kafka/shapes.js';
import type { KafkaRecord } from '../../lib/types.js';
import { openProducer } from '../sandbox/topics.js';

const SENT = Date.UTC(2026, 10, 28, 5, 12, 33, 456);

export interface Given {
  readonly topic: string;
  readonly partition?: number;
  readonly offset: number;
  readonly timestamp?: number;
  readonly key?: string | null;
  readonly headers?: KafkaRecord['headers'];
  readonly value: unknown;
  /** Those that failed; none for a message that was refused as a whole. */
  readonly files: readonly string[];
}

function deadLetter({ topic, partition = 0, offset, timestamp = SENT, key = null, headers = {}, value, files }: Given) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const letter: DeadLetter = {
    record: {
      ...{ topic, partition, offset, timestamp, headers, value: Buffer.from(text) },
      key: key === null ? null : Buffer.from(key),
    },
    disposition: 'permanent-failure',
    reason: 'as-cli ended with exit code 65: row 12: no number',
    files,
    attempts: 1,
    exitCode: 65,
    signal: null,
    stderrTail: 'Error: row 12',
    firstFailedAt: SENT,
  };
  return letterMessage(letter, 'group', AS_IT_IS, Date.now());
}

/** As it is read again. */
export function letterRecord(given: Given, partition = 3, offset = 1204): KafkaRecord {
  const { headers, ...message } = deadLetter(given);
  const bytes = Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, Buffer.from(String(value))]),
  );
  return toRecord(`${given.topic}.dlq`, partition, { ...message, headers: bytes, offset: String(offset) } as never);
}

/** Sends letters to a partition of their topic. */
export async function sendLetters(
  brokers: readonly string[],
  topic: string,
  letters: readonly (Given & { readonly to: number })[],
): Promise<void> {
  const producer = await openProducer(brokers);
  try {
    await producer.send({
      topic,
      acks: -1,
      messages: letters.map((one) => ({ ...deadLetter(one), partition: one.to })),
    });
  } finally {
    await producer.disconnect();
  }
}
