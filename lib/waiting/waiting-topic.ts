/**
 * The topic `<topic>.waiting`, as a part of what is consumed: the consumer of the topic, with the partitions of the same
 * numbers beside its own, and a producer for what is set aside.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { CompressionTypes, type Kafka } from 'kafkajs';
import { ORIGIN_HEADER, originHeader, type WaitingTopic } from '../core/rules/headers.js';
import { isAtdError } from '../errors.js';
import { describeMissing, hasTopic, readBounds, readCommitted } from '../kafka/admin.js';
import type { ConsumerEvents } from '../kafka/consumer.js';
import { groupObstacle, isLost, isMissingRight } from '../kafka/group/refusals.js';
import { encodeHeaders } from '../kafka/letter-message.js';
import type { MemberAdapter } from '../kafka/member.js';
import type { KafkaRecord, TopicPartition } from '../types.js';
import { abortableDelay } from '../util/deadline.js';
import { checkWaitingTopic } from './topic-check.js';
import { WaitingReader } from './waiting-reader.js';

export interface WaitingOptions {
  readonly kafka: Kafka;
  /** Like it, but soon at its end where no broker answers. */
  readonly asking: Kafka;
  readonly groupId: string;
  readonly waiting: WaitingTopic;
}

export interface WaitingEvents extends ConsumerEvents {
  /** The topic cannot be used in this run, and why. */
  off(refusal: Refusal): void;
  outOfRange(): void;
}

export interface WaitingAdapter extends MemberAdapter {
  /** Resolves when every in-sync replica has the copies, with null; else why not: they may be there all the same. */
  setAside(to: TopicPartition, records: readonly KafkaRecord[]): Promise<Refusal | null>;
  /** Resolves when the group has committed all that was set aside. */
  whenEmpty(): Promise<void>;
}

/** Why nothing was set aside. */
export interface Refusal {
  readonly error: string;
  /** Whether it is for want of a right, and so for good. */
  readonly isForbidden: boolean;
  readonly isTooLarge: boolean;
}

const RETRY_MS = 2_000;
/** How often it is looked whether anything still waits. */
const EMPTY_POLL_MS = 1_000;

function refusalOf(error: unknown): Refusal {
  // Of what was refused for each topic apart, and only one was asked for.
  const [only = error] = (error as { readonly errors?: readonly unknown[] }).errors ?? [];
  const { type, cause, message } = only as Error & { readonly type?: unknown; readonly cause?: { type?: unknown } };
  const name = String(type ?? cause?.type ?? '');
  const isForbidden = /AUTHORIZATION_FAILED/.test(name);
  return { error: message, isForbidden, isTooLarge: /MESSAGE_TOO_LARGE|RECORD_LIST_TOO_LARGE/.test(name) };
}

/** @param makeConsumer makes the consumer of the topic itself */
export function readWithWaiting(
  makeConsumer: (events: ConsumerEvents) => MemberAdapter,
  { kafka, asking, groupId, waiting }: WaitingOptions,
  events: WaitingEvents,
): WaitingAdapter {
  const { topic } = waiting;
  const stopping = new AbortController();
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 3 } });
  let connected: Promise<void> | null = null;
  let isOff = false;
  /** Whether the topic is lost to us, and not only its leader or our knowledge of it for a moment. */
  const isGone = async (error: unknown): Promise<boolean> => {
    if (isMissingRight(error)) return true;
    return isLost(error) && !(await hasTopic(asking, topic).catch(() => true));
  };
  const turnOffWhereGone = async (error: unknown): Promise<void> => {
    if (await isGone(error)) events.off({ ...refusalOf(error), isForbidden: true });
  };
  const reader = new WaitingReader(
    { kafka, groupId, topic },
    { ...events, lost: (error) => void turnOffWhereGone(error) },
  );
  let obstacle: string | null = null;
  /** Whether it is to be in the group, by who asked last. */
  let isWanted = true;
  const consumer = makeConsumer({
    ...events,
    assigned(epoch, partitions) {
      if (isOff) return events.assigned(epoch, partitions);
      const copies = partitions.map(({ partition }) => ({ topic, partition }));
      events.assigned(epoch, [...partitions, ...copies]);
      void reader.assigned(partitions.map(({ partition }) => partition)).then((positions) => {
        if (positions !== null) events.restored(epoch, positions);
      });
    },
  });
  const wait = async (reason: string) => {
    if (reason !== obstacle) events.waiting(reason);
    obstacle = reason;
    await abortableDelay(RETRY_MS, stopping.signal);
  };
  /** Waits for brokers and for the topic, as the consumer does. */
  const prepare = async () => {
    while (!stopping.signal.aborted) {
      try {
        if (await hasTopic(asking, waiting.of)) return await checkWaitingTopic(kafka, waiting);
        await wait(describeMissing(waiting.of));
      } catch (error) {
        if (isAtdError(error)) throw error;
        const refusal = refusalOf(error);
        if (refusal.isForbidden) {
          isOff = true;
          return events.off(refusal);
        }
        await wait(groupObstacle(error, groupId) ?? `Kafka cannot be reached: ${refusal.error}`);
      }
    }
  };
  let prepared: Promise<void> | null = null;
  const ready = () => {
    prepared ??= prepare();
    return prepared;
  };
  const isEmpty = async () => {
    const bounds = await readBounds(kafka, topic);
    const committed = new Map(
      (await readCommitted(kafka, groupId, topic)).map((each) => [each.partition, each.offset]),
    );
    return [...bounds].every(([partition, { low, high }]) => (committed.get(partition) ?? low) >= high);
  };
  const setPaused = (partitions: readonly TopicPartition[], paused: boolean): TopicPartition[] => {
    for (const each of partitions) if (each.topic === topic) reader.setPaused(each.partition, paused);
    return partitions.filter((each) => each.topic !== topic);
  };
  return {
    async start() {
      await ready();
      obstacle = null;
      if (!stopping.signal.aborted) await consumer.start();
    },
    pause: (partitions) => consumer.pause(setPaused(partitions, true)),
    resume: (partitions) => consumer.resume(setPaused(partitions, false)),
    async commit(offsets) {
      try {
        await consumer.commit(offsets);
      } catch (error) {
        const others = offsets.filter((each) => each.topic !== topic);
        if (others.length === offsets.length || !(await isGone(error))) throw error;
        // The broker refuses a commit for one topic of it, and the client says it of all.
        if (others.length > 0) await consumer.commit(others);
        events.off({ ...refusalOf(error), isForbidden: true });
      }
    },
    async stop() {
      stopping.abort();
      reader.close();
      await Promise.allSettled([consumer.stop(), producer.disconnect()]);
    },
    leave() {
      isWanted = false;
      reader.close();
      return consumer.leave();
    },
    async join() {
      isWanted = true;
      await ready();
      if (isWanted) await consumer.join();
    },
    health() {
      const health = consumer.health();
      return { ...health, obstacle: obstacle ?? health.obstacle ?? reader.obstacle };
    },
    async setAside({ partition }, records) {
      const timestamp = String(Date.now());
      const messages = records.map((record) => ({
        partition,
        key: bytes(record.key),
        value: bytes(record.value),
        headers: { ...encodeHeaders(record.headers), [ORIGIN_HEADER]: originHeader(record) },
        timestamp,
      }));
      try {
        connected ??= producer.connect();
        await connected;
        await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages });
        return null;
      } catch (error) {
        connected = null;
        const refusal = refusalOf(error);
        return { ...refusal, isForbidden: refusal.isForbidden || (await isGone(error)) };
      }
    },
    async whenEmpty() {
      while (!(await isEmpty().catch(() => false))) await delay(EMPTY_POLL_MS);
    },
  };
}

function bytes(of: Uint8Array | null): Buffer | null {
  return of === null ? null : Buffer.from(of.buffer, of.byteOffset, of.byteLength);
}
