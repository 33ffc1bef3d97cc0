/**
 * The dead-letter producer: one record to one topic, acknowledged by all in-sync replicas before anyone may rely on it.
 * The value stays as it was; compression lets what fitted into the source topic fit here.
 */
import { createHash } from 'node:crypto';
import { CompressionTypes, type IHeaders, type Kafka, Partitioners, type Producer } from 'kafkajs';
import { AtdError } from '../errors.js';
import type { HeaderValue, KafkaRecord } from '../types.js';
import { ask } from './admin.js';

export interface DeadLetterOptions {
  readonly kafka: Kafka;
  /** Where the records come from; a missing dead-letter topic is created like it. */
  readonly sourceTopic: string;
  readonly topic: string;
  readonly createTopic: boolean;
}

export interface DeadLetterAdapter {
  /** @throws AtdError ATD_DEAD_LETTER when the broker did not acknowledge the letter */
  send(record: KafkaRecord, headers: Readonly<Record<string, HeaderValue>>): Promise<void>;
  close(): Promise<void>;
}

/** What is kept of a value that the broker refuses as too large; the rest is found by the letter's coordinates. */
const EXCERPT_BYTES = 64 * 1024;

export function createDeadLetter(options: DeadLetterOptions): DeadLetterAdapter {
  // Not idempotent: after a send that failed for good, kafkajs gives the sequence number of its letter to the next one,
  // which the broker would take for a copy and drop if the failed one had arrived. Better twice than not at all.
  const producer = options.kafka.producer({
    allowAutoTopicCreation: options.createTopic,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries: 3 },
  });
  let ready: Promise<void> | null = null;
  /** Connects at the first letter: most services never need one. */
  const connect = () => {
    ready ??= prepare(options, producer).catch((error: unknown) => {
      ready = null;
      throw error;
    });
    return ready;
  };
  return {
    async send(record, headers) {
      try {
        await connect();
        await produce(producer, options.topic, record, headers);
      } catch (cause) {
        const why = (cause as Error).message;
        throw new AtdError('ATD_DEAD_LETTER', `topic ${options.topic} did not take the dead letter: ${why}`, { cause });
      }
    },
    async close() {
      await producer.disconnect();
    },
  };
}

async function prepare(options: DeadLetterOptions, producer: Producer): Promise<void> {
  // Where that is not permitted the topic may still be there, or made by the broker; sending the letter will show.
  if (options.createTopic) await createMissingTopic(options).catch(() => undefined);
  await producer.connect();
}

/** Creates the dead-letter topic with as many partitions and replicas as the source has. */
function createMissingTopic({ kafka, sourceTopic, topic }: DeadLetterOptions): Promise<void> {
  return ask(kafka, 3, async (admin) => {
    if ((await admin.listTopics()).includes(topic)) return;
    const { topics } = await admin.fetchTopicMetadata({ topics: [sourceTopic] });
    const partitions = topics[0]?.partitions ?? [];
    const replicationFactor = partitions[0]?.replicas.length ?? 1;
    const numPartitions = Math.max(1, partitions.length);
    await admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor }], waitForLeaders: true });
  });
}

async function produce(
  producer: Producer,
  topic: string,
  record: KafkaRecord,
  headers: Readonly<Record<string, HeaderValue>>,
): Promise<void> {
  const value = record.value === null ? null : Buffer.from(record.value);
  const send = (bytes: Buffer | null, extra: IHeaders) =>
    producer.send({
      topic,
      acks: -1,
      compression: CompressionTypes.GZIP,
      messages: [
        {
          key: record.key === null ? null : Buffer.from(record.key),
          value: bytes,
          headers: { ...(headers as IHeaders), ...extra },
          timestamp: String(record.timestamp),
        },
      ],
    });
  try {
    await send(value, {});
  } catch (error) {
    if (value === null || !isTooLarge(error)) throw error;
    await send(value.subarray(0, EXCERPT_BYTES), {
      'atd.value-bytes': String(value.byteLength),
      'atd.value-sha256': createHash('sha256').update(value).digest('hex'),
    });
  }
}

function isTooLarge(error: unknown): boolean {
  const { type, cause } = error as { type?: string; cause?: { type?: string } };
  return [type, cause?.type].some((name) => name === 'MESSAGE_TOO_LARGE' || name === 'RECORD_LIST_TOO_LARGE');
}
