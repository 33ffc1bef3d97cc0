/** Record headers: the one that we read, and those that a dead letter carries. */
import type { HeaderValue, KafkaRecord } from '../../types.js';
import { shorten } from '../../util/safe-text.js';
import type { DeadLetter } from '../events.js';

/** W3C Trace Context, version 00 and those that extend it. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x20-\x7e]{0,128})?$/;
/** Kafka bounds a record as a whole; the diagnosis must never be what makes a letter too large. */
const MAX_HEADER_CHARACTERS = 2_048;
const MAX_FILES_CHARACTERS = 16_384;

/** The trace context of a record, or null when it has none or an ill-formed one: it goes into an environment. */
export function readTraceparent(headers: KafkaRecord['headers']): string | null {
  const value = textOf(headers['traceparent']);
  return value !== null && TRACEPARENT.test(value) ? value : null;
}

/**
 * The headers of a dead letter: the record's own, Kafka Connect's `__connect.errors.*`, which existing tools read, and
 * `atd.*` for what those have no name for. On a second death the diagnosis is replaced, not added to.
 */
export function letterHeaders(letter: DeadLetter, group: string): Record<string, HeaderValue> {
  const { record } = letter;
  return {
    ...record.headers,
    '__connect.errors.topic': record.topic,
    '__connect.errors.partition': String(record.partition),
    '__connect.errors.offset': String(record.offset),
    '__connect.errors.connector.name': group,
    '__connect.errors.task.id': '0',
    '__connect.errors.stage': letter.attempts === 0 ? 'VALUE_CONVERTER' : 'TASK_PUT',
    '__connect.errors.exception.class.name': letter.disposition,
    '__connect.errors.exception.message': shorten(letter.reason, MAX_HEADER_CHARACTERS),
    'atd.disposition': letter.disposition,
    'atd.attempts': String(letter.attempts),
    'atd.exit-code': letter.exitCode === null ? '' : String(letter.exitCode),
    'atd.signal': letter.signal ?? '',
    'atd.stderr-tail': letter.stderrTail,
    'atd.first-failed-at': new Date(letter.firstFailedAt).toISOString(),
    'atd.replay-count': textOf(record.headers['atd.replay-count']) ?? '0',
    'atd.files': boundedList(letter.files),
  };
}

function textOf(value: HeaderValue | undefined): string | null {
  const first = Array.isArray(value) ? (value[0] as Uint8Array | string | undefined) : (value as Uint8Array | string);
  if (first === undefined) return null;
  return typeof first === 'string' ? first : new TextDecoder().decode(first);
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
