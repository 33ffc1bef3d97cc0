/** Record headers: those that we read, and those that a dead letter carries. */
import { type HeaderValue, type KafkaRecord, LANES, type Lane } from '../../types.js';
import { shorten } from '../../util/safe-text.js';
import type { DeadLetter } from '../events.js';

/** W3C Trace Context, version 00 and those that extend it. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x20-\x7e]{0,128})?$/;
/** Kafka bounds a record as a whole; the diagnosis must never be what makes a letter too large. */
const MAX_HEADER_CHARACTERS = 2_048;
const MAX_FILES_CHARACTERS = 16_384;
const SHORT_CHARACTERS = 200;
/** Of a lane that nobody knows, for the log. */
const LANE_CHARACTERS = 40;
const REPLAY_COUNT = /^\d{1,9}$/;

/** The trace context of a record, or null when it has none or an ill-formed one: it goes into an environment. */
export function readTraceparent(headers: KafkaRecord['headers']): string | null {
  const value = textOf(headers['traceparent']);
  return value !== null && TRACEPARENT.test(value) ? value : null;
}

/**
 * The lane that a record names. One that nobody knows is a slip of the producer's and no reason to refuse the file, nor to
 * let it go before others: such a record is of the normal lane, and `unknown` is what it named, cut to a few characters.
 */
export function readLane(headers: KafkaRecord['headers']): { readonly lane: Lane; readonly unknown: string | null } {
  const named = textOf(headers['lane'])?.trim().toLowerCase() ?? '';
  const known = LANES.find((lane) => lane === named);
  if (known !== undefined || named === '') return { lane: known ?? 'normal', unknown: null };
  return { lane: 'normal', unknown: shorten(named, LANE_CHARACTERS) };
}

/** The place of a record that was set aside: its job ids, its tokens and its dead letter are those of the original. */
export const ORIGIN_HEADER = 'atd.origin';

/** The topic that is read, and the one that keeps what was set aside of it, partition by partition. */
export interface WaitingTopic {
  readonly of: string;
  readonly topic: string;
}

/** What a header has: `topic/partition/offset@timestamp`. A topic's name has neither a slash nor an at sign. */
const ORIGIN = /^([^/@]+)\/(\d{1,10})\/(\d{1,16})@(-?\d{1,17})$/;

export function originHeader({ topic, partition, offset, timestamp }: KafkaRecord): string {
  return `${topic}/${partition}/${offset}@${timestamp}`;
}

/**
 * The record as it was announced. The header is believed only where we write it; anywhere else it is some producer's, who
 * could have his files taken for those of another record, and is left out.
 */
export function originalOf(record: KafkaRecord, waiting: WaitingTopic | null): KafkaRecord {
  if (!Object.hasOwn(record.headers, ORIGIN_HEADER)) return record;
  const { [ORIGIN_HEADER]: named = null, ...others } = record.headers;
  const headers = Object.assign(Object.create(null), others) as KafkaRecord['headers'];
  const match = record.topic === waiting?.topic ? ORIGIN.exec(textOf(named) ?? '') : null;
  if (match === null) return { ...record, headers };
  const [, topic = '', partition, offset, timestamp] = match;
  if (topic !== waiting?.of || Number(partition) !== record.partition) return { ...record, headers };
  return { ...record, topic, offset: Number(offset), timestamp: Number(timestamp), headers };
}

/** Headers that say what a letter was sent without. They and the diagnosis of an earlier death are not the record's own. */
export const LETTER_NOTES = [
  'atd.value-bytes',
  'atd.value-sha256',
  'atd.key-bytes',
  'atd.key-sha256',
  'atd.headers-left-out',
] as const;

export type LetterNote = (typeof LETTER_NOTES)[number];

/**
 * What a dead letter says of itself: Kafka Connect's `__connect.errors.*`, which existing tools read, and `atd.*` for what
 * those have no name for.
 *
 * @param isShort whether everything that has no small bound of its own is cut, or left out
 */
export function letterDiagnosis(letter: DeadLetter, group: string, isShort = false): Record<string, string> {
  const { record } = letter;
  const most = isShort ? SHORT_CHARACTERS : MAX_HEADER_CHARACTERS;
  return {
    '__connect.errors.topic': record.topic,
    '__connect.errors.partition': String(record.partition),
    '__connect.errors.offset': String(record.offset),
    '__connect.errors.connector.name': shorten(group, most),
    '__connect.errors.task.id': '0',
    '__connect.errors.stage': letter.attempts === 0 ? 'VALUE_CONVERTER' : 'TASK_PUT',
    '__connect.errors.exception.class.name': letter.disposition,
    '__connect.errors.exception.message': shorten(letter.reason, most),
    'atd.disposition': letter.disposition,
    'atd.attempts': String(letter.attempts),
    'atd.exit-code': letter.exitCode === null ? '' : String(letter.exitCode),
    'atd.signal': letter.signal ?? '',
    'atd.stderr-tail': isShort ? '' : letter.stderrTail,
    'atd.first-failed-at': new Date(letter.firstFailedAt).toISOString(),
    // As a number: the time of a record may lie beyond every calendar.
    'atd.timestamp': String(record.timestamp),
    'atd.replay-count': isShort ? '0' : readReplayCount(record.headers),
    'atd.files': isShort ? '[]' : boundedList(letter.files),
  };
}

/** The record's own headers, without what an earlier death left among them: a diagnosis is replaced, not added to. */
export function ownHeaders(
  headers: KafkaRecord['headers'],
  diagnosis: Readonly<Record<string, string>>,
): KafkaRecord['headers'] {
  const own: Record<string, HeaderValue> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (!Object.hasOwn(diagnosis, name) && !(LETTER_NOTES as readonly string[]).includes(name)) own[name] = value;
  }
  return own;
}

/** A count that somebody else keeps; anything else in its place is a foreign header's, however large. */
function readReplayCount(headers: KafkaRecord['headers']): string {
  const text = textOf(headers['atd.replay-count']);
  return text !== null && REPLAY_COUNT.test(text) ? text : '0';
}

/** The first value as text; null where there is none. A header without a value is as good as none. */
export function textOf(value: HeaderValue | undefined): string | null {
  const first = (Array.isArray(value) ? value[0] : value) as Uint8Array | string | null | undefined;
  if (first === undefined || first === null) return null;
  return typeof first === 'string' ? first : new TextDecoder().decode(first);
}

/** Whether a list of files that `boundedList` made may lack some of these, for want of room. */
export function listMayBeCut(kept: readonly string[], others: readonly string[]): boolean {
  const length = kept.reduce((sum, file) => sum + JSON.stringify(file).length + 1, 2);
  return others.some((file) => length + JSON.stringify(file).length + 1 > MAX_FILES_CHARACTERS);
}

/** A JSON list of as many files as fit; the value itself still names them all. */
function boundedList(files: readonly string[]): string {
  let length = 2;
  const kept = files.filter((file) => {
    length += JSON.stringify(file).length + 1;
    return length <= MAX_FILES_CHARACTERS;
  });
  return JSON.stringify(kept);
}
