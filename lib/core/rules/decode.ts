/**
 * Message bytes -> request. The format: a JSON object in UTF-8 with `filename` (a string or a list of them;
 * `file_path` is its alias), and optionally `tenant`, `format` and `size`; other fields are ignored.
 */
import type { IngestRequest } from '../../types.js';
import type { Disposition } from '../events.js';
import { objectionToJson } from './json-shape.js';

/** A record that can never be loaded, and why. */
export interface Poison {
  readonly kind: 'poison';
  readonly disposition: Disposition;
  readonly reason: string;
  /** A tenant that the allow-list does not have, perhaps not yet. */
  readonly unknownTenant?: string;
}

/** `tombstone`: a record with a null value, which asks for nothing. */
export type Decoded =
  | { readonly kind: 'request'; readonly request: IngestRequest }
  | { readonly kind: 'tombstone' }
  | Poison;

/** Files that one message may name; more is a mistake of its producer rather than a wish. */
const MAX_FILES = 10_000;
/** A pebibyte. A larger claim is a mistake, and sums of such claims would leave the numbers that are exact. */
const MAX_SIZE = 2 ** 50;
/** Characters of the message that an error may quote. */
const QUOTED = 80;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** Made once: making one costs more than decoding a message. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

export function poison(disposition: Disposition, reason: string): Poison {
  return { kind: 'poison', disposition, reason };
}

export function decode(value: Uint8Array | null, maxBytes: number): Decoded {
  if (value === null) return { kind: 'tombstone' };
  if (value.byteLength > maxBytes) {
    return invalid(`the message has ${value.byteLength} bytes, more than ingest.max_message_bytes (${maxBytes})`);
  }
  const text = decodeUtf8(value);
  if (text === null) return invalid('the message is not valid UTF-8');
  const objection = objectionToJson(text);
  if (objection !== null) return invalid(objection);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return invalid(`the message is not JSON: ${quote(text)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return invalid(`the message is JSON but not an object: ${quote(text)}`);
  }
  return decodeObject(parsed as Record<string, unknown>);
}

function decodeObject(message: Record<string, unknown>): Decoded {
  const files = decodeFiles(own(message, 'filename') ?? own(message, 'file_path'));
  if (!Array.isArray(files)) return files;
  const tenant = own(message, 'tenant') ?? null;
  if (tenant !== null && typeof tenant !== 'string') return invalid(`tenant is ${kindOf(tenant)}, not a string`);
  const format = own(message, 'format');
  const size = own(message, 'size');
  return {
    kind: 'request',
    request: {
      files,
      tenant,
      // `format` and `size` only inform: a strange value in them is no reason to refuse a file.
      format: typeof format === 'string' ? format : null,
      size: typeof size === 'number' && size >= 0 && size <= MAX_SIZE ? size : null,
    },
  };
}

function decodeFiles(value: unknown): string[] | Poison {
  if (value === undefined || value === null) return invalid('filename is missing');
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) return invalid('filename is an empty list');
  if (list.length > MAX_FILES) return invalid(`filename lists ${list.length} files, more than ${MAX_FILES}`);
  for (const file of list) {
    if (typeof file !== 'string') return invalid(`filename holds ${kindOf(file)}, not a string`);
    if (file === '') return invalid('filename is empty');
    // Handed on it would become the name of another file.
    if (LONE_SURROGATE.test(file)) return invalid('filename holds half a character (a lone surrogate)');
  }
  // A file that is listed twice is one file to load, not two loads of it.
  return list.length === 1 ? list : [...new Set(list as string[])];
}

/** Only own fields: a message without `filename` must not find one on a prototype. */
function own(message: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(message, key) ? message[key] : undefined;
}

function decodeUtf8(value: Uint8Array): string | null {
  try {
    return UTF8.decode(value);
  } catch {
    return null;
  }
}

function invalid(reason: string): Poison {
  return poison('invalid-message', reason);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function quote(text: string): string {
  const start = text.trim().slice(0, QUOTED);
  return JSON.stringify(start) + (text.trim().length > QUOTED ? ' …' : '');
}
