/** Which dead letters a request is about: some by their places, or those that filters let through. */
import { type Problem, readFields, type Wish } from './wishes.js';

export interface WantedLetters {
  /** `partition/offset` of each; null for all that the filter lets through. */
  readonly letters: readonly string[] | null;
  /** Sent since then, in milliseconds since the epoch; null for all times. */
  readonly since: number | null;
  /** Null for any; empty for the messages without one. */
  readonly tenant: string | null;
  readonly disposition: string | null;
  /** A part of what the letter says why. */
  readonly about: string | null;
  readonly file: string | null;
}

export interface LettersWish extends Wish {
  readonly wanted: WantedLetters;
}

export interface LettersQuery {
  readonly wanted: WantedLetters;
  readonly limit: number;
  /** Whether also those that were replayed or discarded. */
  readonly isAll: boolean;
}

const PLACE = /^\d{1,10}\/\d{1,16}$/;
const FILTERS = ['since', 'tenant', 'disposition', 'about', 'file'];
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

/** At least something must narrow them, so that nobody acts on all letters by a slip. */
export function readLettersWish(text: string): LettersWish | Problem {
  const read = readFields(text, ['letters', ...FILTERS]);
  if ('problem' in read) return read;
  const { letters = null, ...filters } = read.fields;
  if (letters !== null && (!Array.isArray(letters) || letters.length === 0 || !letters.every(isPlace))) {
    return { problem: 'letters must be a list of places, "PARTITION/OFFSET" as in the list' };
  }
  const wanted = readFilters(filters);
  if ('problem' in wanted) return wanted;
  // Of a script whose variable is empty; of a tenant it means the messages without one.
  if (wanted.about === '') return { problem: 'about must not be empty: it would mean all letters' };
  if (letters === null && Object.values(wanted).every((value) => value === null)) {
    return { problem: `which letters? name them by letters, or filter them by ${FILTERS.join(', ')}` };
  }
  return { ...read.wish, wanted: { ...wanted, letters } };
}

export function readLettersQuery(query: string): LettersQuery | Problem {
  const { limit = String(DEFAULT_LIMIT), all, ...filters } = Object.fromEntries(new URLSearchParams(query));
  const unknown = Object.keys(filters).find((name) => !FILTERS.includes(name));
  if (unknown !== undefined) {
    return { problem: `${JSON.stringify(unknown)} is not known; known are ${[...FILTERS, 'limit', 'all'].join(', ')}` };
  }
  if (!/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > MAX_LIMIT) {
    return { problem: `limit must be a number from 1 to ${MAX_LIMIT}` };
  }
  const wanted = readFilters(filters);
  if ('problem' in wanted) return wanted;
  return { wanted, limit: Number(limit), isAll: all !== undefined && all !== 'false' };
}

function readFilters(filters: Readonly<Record<string, unknown>>): WantedLetters | Problem {
  const wrong = Object.entries(filters).find(([, value]) => value !== null && typeof value !== 'string');
  if (wrong !== undefined) return { problem: `${wrong[0]} must be a text` };
  const {
    since = null,
    tenant = null,
    disposition = null,
    about = null,
    file = null,
  } = filters as Readonly<Record<string, string | null>>;
  const at = since === null ? null : /^\d+$/.test(since) ? Number(since) : Date.parse(since);
  if (at !== null && !Number.isSafeInteger(at)) {
    return { problem: 'since must be a time, as 2026-11-28T05:00:00Z, or milliseconds since the epoch' };
  }
  return { letters: null, since: at, tenant, disposition, about, file };
}

function isPlace(value: unknown): value is string {
  return typeof value === 'string' && PLACE.test(value);
}
