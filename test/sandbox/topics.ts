/** Topics, messages and offsets for tests, through connections that are closed after each call. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Admin, CompressionTypes, type IHeaders, type Message, type Producer } from 'kafkajs';
import { createPartitioner } from '../../lib/kafka/partitioner.js';
import { kafkaClient, withAdmin } from './kafka-admin.js';

export interface ProducedMessage {
  readonly value: Uint8Array | string | null;
  readonly key?: Uint8Array | string | null;
  readonly headers?: Readonly<Record<string, string | Uint8Array>>;
  /** By default what the key's hash says, or any. */
  readonly partition?: number;
}

export interface ConsumedMessage {
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The last value of each header, as text. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its timestamp, in milliseconds since the epoch. */
  readonly sentAt: number;
}

export interface GroupOffset {
  readonly partition: number;
  /** The offset that the group will read next; null where it never committed one. */
  readonly committed: number | null;
  /** The string that was committed with the offset. */
  readonly metadata: string;
  /** The offset that the next message will get. */
  readonly end: number;
}

const READ_TIMEOUT_MS = 300_000;
const LEADER_TRIES = 600;
const LEADER_RETRY_MS = 100;

function bytes(value: Uint8Array | string | null): Buffer | null {
  return value === null ? null : Buffer.from(value as Uint8Array);
}

/**
 * Creates a topic. The mock cluster has no controller to ask for one, and makes every topic that it hears of, with four
 * partitions. Where there are three nodes, each keeps a copy. @throws Error where the topic has another number of partitions afterwards.
 */
export async function createTopic(
  brokers: readonly string[],
  topic: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await withAdmin(brokers, async (admin) => {
    const { controller, brokers: nodes } = await admin.describeCluster();
    if (nodes.some((node) => node.nodeId === controller)) {
      await admin.createTopics({
        // A broker that has not heard of the topic yet would end this wait of the client.
        waitForLeaders: false,
        topics: [{ topic, numPartitions: partitions, replicationFactor: nodes.length < 3 ? 1 : 3, configEntries }],
      });
    }
    const made = await partitionsWithLeader(admin, topic, partitions);
    if (made !== partitions) throw new Error(`topic ${topic} has ${made} partitions instead of ${partitions}`);
  });
}

/** How many partitions of the topic have a leader, as soon as it is `wanted`, or after a minute. */
async function partitionsWithLeader(admin: Admin, topic: string, wanted: number): Promise<number> {
  for (let tries = LEADER_TRIES; ; tries -= 1) {
    const metadata = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
    const made = metadata.topics[0]?.partitions.filter(({ leader }) => leader >= 0).length ?? 0;
    if (made === wanted || tries === 0) return made;
    await delay(LEADER_RETRY_MS);
  }
}

/**
 * Connected. It repeats what is acknowledged late or only in part, and the broker drops the copy, which
 * goes to the same partition: else a test that counts messages takes a copy for one that it never announced. The mock cluster
 * has no controller, which kafkajs asks for what it takes to be recognised; there copies stay possible.
 */
export async function openProducer(brokers: readonly string[]): Promise<Producer> {
  const kafka = kafkaClient(brokers);
  const idempotent = kafka.producer({ createPartitioner, idempotent: true, maxInFlightRequests: 1 });
  try {
    await idempotent.connect();
    return idempotent;
  } catch (error) {
    await idempotent.disconnect();
    if ((error as Error).name !== 'KafkaJSBrokerNotFound') throw error;
  }
  const ordinary = kafka.producer({ createPartitioner });
  await ordinary.connect();
  return ordinary;
}

/** Resolves once all replicas acknowledged every message; those of one partition are one batch. */
export async function produce(
  brokers: readonly string[],
  topic: string,
  messages: readonly ProducedMessage[],
  compression = CompressionTypes.None,
): Promise<void> {
  const producer = await openProducer(brokers);
  try {
    await producer.send({
      topic,
      acks: -1,
      compression,
      messages: messages.map(toKafkaMessage),
    });
  } finally {
    await producer.disconnect();
  }
}

export function toKafkaMessage(message: ProducedMessage): Message {
  return {
    key: bytes(message.key ?? null),
    value: bytes(message.value),
    ...(message.partition === undefined ? {} : { partition: message.partition }),
    ...(message.headers === undefined ? {} : { headers: { ...message.headers } as IHeaders }),
  };
}

interface Range {
  readonly partition: number;
  readonly low: number;
  readonly end: number;
}

async function ranges(admin: Admin, topic: string): Promise<Range[]> {
  const offsets = await topicOffsets(admin, topic);
  return offsets.map((o) => ({ partition: o.partition, low: Number(o.low), end: Number(o.high) }));
}

function headersOf(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, String([value].flat().at(-1))]),
  );
}

/**
 * All messages that the topic holds now, by partition and offset. @throws Error where the topic does not exist or its
 * end is not reached in five minutes.
 */
export async function readAll(brokers: readonly string[], topic: string): Promise<ConsumedMessage[]> {
  const expected = await withAdmin(brokers, (admin) => ranges(admin, topic));
  const open = new Map(expected.filter((range) => range.end > range.low).map((range) => [range.partition, range.end]));
  const found: ConsumedMessage[] = [];
  if (open.size === 0) return found;

  const groupId = `atd-sandbox-reader-${randomUUID()}`;
  const consumer = kafkaClient(brokers).consumer({ groupId, maxWaitTimeInMs: 100 });
  let timer: NodeJS.Timeout | undefined;
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const left = () => `${topic}: the end of partitions ${[...open.keys()]} was not reached in ${READ_TIMEOUT_MS} ms`;
      timer = setTimeout(() => reject(new Error(left())), READ_TIMEOUT_MS);
      const run = consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const { partition } = batch;
          for (const { offset, key, value, headers, timestamp } of batch.messages) {
            const at = Number(offset);
            if (at >= (open.get(partition) ?? 0)) continue;
            found.push({ partition, offset: at, key, value, headers: headersOf(headers), sentAt: Number(timestamp) });
          }
          if (Number(batch.lastOffset()) + 1 >= (open.get(partition) ?? Number.POSITIVE_INFINITY))
            open.delete(partition);
          if (open.size === 0) resolve();
        },
      });
      run.catch(reject);
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
  return found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** What a group has committed on a topic, against the topic's end, by partition. */
export async function groupOffsets(brokers: readonly string[], groupId: string, topic: string): Promise<GroupOffset[]> {
  return await withAdmin(brokers, async (admin) => {
    const ends = await ranges(admin, topic);
    const committed = (await admin.fetchOffsets({ groupId, topics: [topic] }))[0]?.partitions ?? [];
    const offsets = ends.map(({ partition, end }) => {
      const entry = committed.find((candidate) => candidate.partition === partition);
      const offset = Number(entry?.offset ?? -1);
      return { partition, committed: offset < 0 ? null : offset, metadata: entry?.metadata ?? '', end };
    });
    return offsets.sort((a, b) => a.partition - b.partition);
  });
}

export interface GroupCommit {
  readonly partition: number;
  readonly committed: number;
}

const OFFSETS_TOPIC = '__consumer_offsets';
/** Versions of a key in that topic which mean a committed offset, not a group. */
const COMMIT_KEYS: ReadonlySet<number> = new Set([0, 1]);

/** All commits of a group on a topic that the broker wrote down, in their order. None of a mock cluster, which has no such log. */
export async function groupCommits(brokers: readonly string[], groupId: string, topic: string): Promise<GroupCommit[]> {
  const exists = await withAdmin(brokers, async (admin) => (await admin.listTopics()).includes(OFFSETS_TOPIC));
  const commits: GroupCommit[] = [];
  for (const { key, value } of exists ? await readAll(brokers, OFFSETS_TOPIC) : []) {
    if (key === null || value === null || !COMMIT_KEYS.has(key.readInt16BE(0))) continue;
    const [group, afterGroup] = readText(key, 2);
    const [name, afterName] = readText(key, afterGroup);
    // The value begins with its version.
    if (group === groupId && name === topic)
      commits.push({ partition: key.readInt32BE(afterName), committed: Number(value.readBigInt64BE(2)) });
  }
  return commits;
}

/** A string of Kafka's protocol, and where it ends. */
function readText(bytes: Buffer, at: number): readonly [string, number] {
  const end = at + 2 + bytes.readInt16BE(at);
  return [bytes.toString('utf8', at + 2, end), end];
}

/** Of a topic that was just made, some partitions may have no leader yet; the client asks for the others and gives up. */
async function topicOffsets(admin: Admin, topic: string): ReturnType<Admin['fetchTopicOffsets']> {
  for (let tries = LEADER_TRIES; ; tries -= 1) {
    try {
      return await admin.fetchTopicOffsets(topic);
    } catch (error) {
      const { type } = error as { readonly type?: unknown };
      if (tries === 0 || !['NOT_LEADER_FOR_PARTITION', 'LEADER_NOT_AVAILABLE'].includes(String(type))) throw error;
      await delay(LEADER_RETRY_MS);
    }
  }
}
