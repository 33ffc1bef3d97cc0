/** A dead letter in one of its forms, as the message that the client sends. */
import { createHash } from 'node:crypto';
import type { IHeaders, Message } from 'kafkajs';
import type { DeadLetter } from '../core/events.js';
import { type LetterNote, letterDiagnosis, ownHeaders } from '../core/rules/headers.js';
import { EXCERPT_BYTES, type LetterForm, type LetterParts } from '../core/rules/letter-form.js';
import type { HeaderValue, KafkaRecord } from '../types.js';

/** Kafka's number for a record that has no time. */
const NO_TIME = '-1';

/**
 * @param now milliseconds since the epoch: a letter lives for its topic's retention, however old its record is
 * @param excerptBytes the length of an excerpt of the value
 */
export function letterMessage(
  letter: DeadLetter,
  group: string,
  form: LetterForm,
  now: number,
  excerptBytes = EXCERPT_BYTES,
): Message {
  const { record } = letter;
  const diagnosis = letterDiagnosis(letter, group, form.diagnosis === 'short');
  const own = form.headers === 'all' ? encodeHeaders(ownHeaders(record.headers, diagnosis)) : {};
  const { value, notes: ofValue } = letterValue(record.value, form.value, excerptBytes);
  const { key, notes: ofKey } = letterKey(record, form.key);
  const ofHeaders = form.headers === 'none' ? note('atd.headers-left-out', String(countHeaders(record.headers))) : {};
  return {
    key,
    value,
    headers: { ...own, ...diagnosis, ...ofValue, ...ofKey, ...ofHeaders },
    timestamp: form.time === 'now' ? String(Math.floor(now)) : NO_TIME,
  };
}

/** @param maxValueBytes the longest value that a letter carries whole */
export function letterParts({ key, value, headers }: KafkaRecord, maxValueBytes: number): LetterParts {
  const excerptBytes = Math.min(EXCERPT_BYTES, maxValueBytes);
  return { hasKey: key !== null, valueBytes: value?.byteLength ?? 0, headers: countHeaders(headers), excerptBytes };
}

/** Bytes of its key, value and headers, before any compression. */
export function messageBytes({ key, value, headers }: Message): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, header] of Object.entries(headers ?? {})) {
    for (const one of [header].flat()) bytes += Buffer.byteLength(name) + Buffer.byteLength(one ?? '');
  }
  return bytes;
}

type Notes = Partial<Record<LetterNote, string>>;

function note(name: LetterNote, text: string): Notes {
  return { [name]: text };
}

function letterValue(
  value: Uint8Array | null,
  form: LetterForm['value'],
  excerptBytes: number,
): { value: Buffer | null; notes: Notes } {
  if (value === null) return { value: form === 'empty' ? Buffer.alloc(0) : null, notes: {} };
  const most = form === 'whole' ? value.byteLength : form === 'excerpt' ? excerptBytes : 0;
  const kept = toBuffer(value.subarray(0, most));
  if (kept.byteLength === value.byteLength) return { value: kept, notes: {} };
  const notes = { ...note('atd.value-bytes', String(value.byteLength)), ...note('atd.value-sha256', sha256(value)) };
  return { value: kept, notes };
}

function letterKey(record: KafkaRecord, form: LetterForm['key']): { key: Buffer | null; notes: Notes } {
  const { key, topic, partition, offset } = record;
  if (form === 'own') return { key: key === null ? null : toBuffer(key), notes: {} };
  const coordinates = Buffer.from(`${topic}/${partition}/${offset}`);
  if (key === null) return { key: coordinates, notes: note('atd.key-bytes', '') };
  const notes = { ...note('atd.key-bytes', String(key.byteLength)), ...note('atd.key-sha256', sha256(key)) };
  return { key: coordinates, notes };
}

/** The client cannot encode a header without value, so that one becomes empty; and of bytes it takes only its own kind. */
export function encodeHeaders(headers: KafkaRecord['headers']): IHeaders {
  const encoded: IHeaders = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    encoded[name] = Array.isArray(value) ? value.map(encodeValue) : encodeValue(value as Uint8Array | string | null);
  }
  return encoded;
}

function encodeValue(value: Uint8Array | string | null): Buffer | string {
  if (value === null) return '';
  return typeof value === 'string' ? value : toBuffer(value);
}

function countHeaders(headers: Readonly<Record<string, HeaderValue>>): number {
  let count = 0;
  for (const value of Object.values(headers)) count += Array.isArray(value) ? value.length : 1;
  return count;
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
