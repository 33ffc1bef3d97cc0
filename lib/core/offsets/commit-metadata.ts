/**
 * What is completed ahead of a commit, and the attempts of what fails, as the string that a commit carries as metadata:
 * after a crash only what was not finished is run again.
 *
 * Layout before base64: version, flags (bitset or runs, whichever is shorter; clean), length and bytes of either, attempts;
 * numbers are unsigned LEB128, offsets relative to the committed one. Brokers accept 4,096 characters by default. A string
 * that cannot be read, by its age or its origin, means that records are loaded again, never that one is skipped.
 */
import { Leb128Reader, writeLeb128 } from '../../util/leb128.js';

/** Completed offsets, from the first to before the second. */
export type Range = readonly [from: number, to: number];

/** Attempts that count against the budgets of a job. */
export interface ChargedAttempts {
  readonly failed: number;
  readonly timedOut: number;
}

/** What a record has cost so far. */
export interface AttemptCounts extends ChargedAttempts {
  /** Times that the service ended while a file of it was being loaded. */
  readonly interrupted: number;
}

export interface CommitMetadata {
  readonly completed: readonly Range[];
  readonly attempts: ReadonlyMap<number, AttemptCounts>;
  /** Whether the run that committed it came to an orderly end. */
  readonly clean: boolean;
}

export const EMPTY_METADATA: CommitMetadata = { completed: [], attempts: new Map(), clean: false };

export const MAX_METADATA_CHARACTERS = 4_096;
const VERSION = 1;
const BITSET = 1;
const CLEAN = 2;
/** Failing records are few. If they are many, the map of completed offsets matters more. */
export const MAX_ATTEMPTS = 300;
/** A bound on what a foreign string can make us remember. */
const MAX_SPAN = 4_000_000;

export function encodeMetadata(position: number, { completed, attempts, clean }: CommitMetadata): string {
  if (completed.length === 0 && attempts.size === 0 && !clean) return '';
  const runs = encodeRuns(position, completed);
  const span = (completed.at(-1)?.[1] ?? position) - position;
  const bitsetBytes = Math.ceil(span / 8);
  const [encoding, body] =
    bitsetBytes < runs.length ? [BITSET, encodeBitset(position, completed, bitsetBytes)] : [0, runs];
  const bytes = [VERSION, encoding + (clean ? CLEAN : 0)];
  writeLeb128(bytes, body.length);
  for (const byte of body) bytes.push(byte);
  for (const [offset, { failed, timedOut, interrupted }] of [...attempts].slice(0, MAX_ATTEMPTS)) {
    if (offset < position) continue;
    for (const number of [offset - position, failed, timedOut, interrupted]) writeLeb128(bytes, number);
  }
  return btoa(String.fromCharCode(...bytes));
}

/** The map that was committed with `position`, or null when the string is not one of ours. */
export function decodeMetadata(position: number, metadata: string): CommitMetadata | null {
  if (metadata === '') return EMPTY_METADATA;
  const bytes = decodeBase64(metadata);
  if (bytes === null) return null;
  const [version, flags] = bytes;
  if (version !== VERSION || flags === undefined || flags > (BITSET | CLEAN)) return null;
  const reader = new Reader(bytes, 2);
  const length = reader.number();
  const body = reader.take(length);
  const completed = flags & BITSET ? decodeBitset(position, body) : decodeRuns(position, body);
  const attempts = new Map<number, AttemptCounts>();
  while (!reader.atEnd) {
    attempts.set(position + reader.number(), {
      failed: reader.number(),
      timedOut: reader.number(),
      interrupted: reader.number(),
    });
  }
  const span = (completed?.at(-1)?.[1] ?? position) - position;
  if (completed === null || reader.failed || span > MAX_SPAN) return null;
  return { completed, attempts, clean: (flags & CLEAN) !== 0 };
}

function encodeRuns(position: number, completed: readonly Range[]): number[] {
  const bytes: number[] = [];
  let at = position;
  for (const [from, to] of completed) {
    writeLeb128(bytes, from - at);
    writeLeb128(bytes, to - from);
    at = to;
  }
  return bytes;
}

function decodeRuns(position: number, body: Uint8Array): Range[] | null {
  const reader = new Reader(body, 0);
  const completed: Range[] = [];
  let at = position;
  while (!reader.atEnd) {
    const from = at + reader.number();
    at = from + reader.number();
    if (reader.failed) return null;
    completed.push([from, at]);
  }
  return completed;
}

function encodeBitset(position: number, completed: readonly Range[], length: number): number[] {
  const bytes = new Array<number>(length).fill(0);
  for (const [from, to] of completed) {
    for (let bit = from - position; bit < to - position; bit += 1) {
      bytes[bit >> 3] = (bytes[bit >> 3] as number) | (1 << (bit & 7));
    }
  }
  return bytes;
}

function decodeBitset(position: number, body: Uint8Array): Range[] {
  const completed: Range[] = [];
  let from: number | null = null;
  for (let bit = 0; bit <= body.length * 8; bit += 1) {
    // Behind the last byte no bit is set, which ends a range that comes up to there.
    const isSet = ((body[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
    if (isSet) from ??= bit;
    else if (from !== null) {
      completed.push([position + from, position + bit]);
      from = null;
    }
  }
  return completed;
}

function decodeBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

class Reader {
  failed = false;
  readonly #bytes: Uint8Array;
  readonly #numbers: Leb128Reader;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#numbers = new Leb128Reader(bytes, at);
  }

  get atEnd(): boolean {
    return this.failed || this.#numbers.at >= this.#bytes.length;
  }

  /** Of no use where it makes the reader fail. */
  number(): number {
    const value = this.#numbers.next();
    if (!Number.isSafeInteger(value)) this.failed = true;
    return value;
  }

  take(length: number): Uint8Array {
    const from = this.#numbers.at;
    if (from + length > this.#bytes.length) this.failed = true;
    this.#numbers.at += length;
    return this.#bytes.subarray(from, from + length);
  }
}
