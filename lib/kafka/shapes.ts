/**
 * What the Kafka client hands out, as our shapes: offsets as numbers. The bytes are
 * views into a whole answer of the broker, which whoever keeps a record copies. What comes from the
 * wire is brought into these shapes here and nowhere else, so nothing behind this file need expect anything odder.
 */

import type { CommittedPosition } from '../core/events.js';
import type { HeaderValue, KafkaRecord } from '../types.js';

interface Message {
  readonly offset: string;
  readonly key?: Uint8Array | null;
  readonly value?: Uint8Array | null;
  readonly headers?: unknown;
  /** Records of Kafka's first format have none. */
  readonly timestamp?: string;
  /** Why nothing of it was read but where it stands. */
  readonly unread?: string;
}

/** It was left unread on purpose, which is no defect of the service. */
export class Unread extends Error {}

/** A record, or where it could not be read, its coordinates and the error. */
export interface ReadRecord {
  readonly record: KafkaRecord;
  readonly defect: Error | null;
}

const NO_HEADERS: KafkaRecord['headers'] = Object.freeze(Object.create(null));
/** Kafka's own number for it. */
const NO_TIMESTAMP = -1;

interface Committed {
  readonly offset: string;
  readonly metadata: string | null;
}

/** `toRecord` for a message that may be odder than anything known: never throws. */
export function readRecord(topic: string, partition: number, message: Message): ReadRecord {
  try {
    const defect = message.unread === undefined ? null : new Unread(message.unread);
    return { record: toRecord(topic, partition, message), defect };
  } catch (error) {
    const bare = { offset: message.offset, timestamp: message.timestamp ?? '' };
    const defect = error instanceof Error ? error : new Error(String(error));
    return { record: toRecord(topic, partition, bare), defect };
  }
}

export function toRecord(topic: string, partition: number, message: Message): KafkaRecord {
  return {
    topic,
    partition,
    offset: Number(message.offset),
    key: message.key ?? null,
    value: message.value ?? null,
    headers: toHeaders(message.headers),
    timestamp: toTimestamp(message.timestamp),
  };
}

/** A negative offset stands for none. */
export function toPosition(topic: string, partition: number, committed: Committed | undefined): CommittedPosition {
  const offset = Number(committed?.offset ?? -1);
  return { topic, partition, offset: offset < 0 ? null : offset, metadata: committed?.metadata ?? '' };
}

/** In an object without a prototype: there a header of any name is a header, and what is no header is not there. */
function toHeaders(raw: unknown): KafkaRecord['headers'] {
  const entries = typeof raw === 'object' && raw !== null ? Object.entries(raw) : [];
  if (entries.length === 0) return NO_HEADERS;
  const headers: Record<string, HeaderValue> = Object.create(null);
  for (const [name, value] of entries) {
    if (Array.isArray(value)) headers[name] = value.filter(isHeaderValue);
    else if (isHeaderValue(value)) headers[name] = value;
  }
  return headers;
}

function isHeaderValue(value: unknown): value is Uint8Array | string | null {
  return value === null || typeof value === 'string' || value instanceof Uint8Array;
}

function toTimestamp(text: string | undefined): number {
  const timestamp = text === undefined || text === '' ? NO_TIMESTAMP : Number(text);
  return Number.isFinite(timestamp) ? timestamp : NO_TIMESTAMP;
}
