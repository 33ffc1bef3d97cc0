/** A dead letter as people ask for it: read from its message, chosen, counted. */
import { decode } from '../core/rules/decode.js';
import { textOf } from '../core/rules/headers.js';
import { isGlobMatch } from '../ledger/glob.js';
import type { KafkaRecord } from '../types.js';
import { tenantNamed } from '../util/tenant-name.js';

export interface Letter {
  readonly partition: number;
  readonly offset: number;
  /** When it was sent, in milliseconds since the epoch. */
  readonly sentAt: number;
  /** Where the message stood that it is about: `topic/partition/offset`. */
  readonly source: string;
  /** The message's own time. */
  readonly timestamp: number;
  readonly tenant: string | null;
  readonly disposition: string;
  readonly reason: string;
  /** Those that were not loaded. */
  readonly files: readonly string[];
  readonly attempts: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
  readonly replayCount: number;
}

/** Which letters are wanted; null for all. */
export interface LetterFilter {
  /** Null for any; empty for those without one. */
  readonly tenant: string | null;
  readonly disposition: string | null;
  /** A part of the reason, in whatever case. */
  readonly reason?: string | null;
  /** Of a whole path; `*` stands for any characters, `?` for one. */
  readonly file: string | null;
}

export const GROUPINGS = ['tenant', 'disposition', 'reason', 'file'] as const;

export type Grouping = (typeof GROUPINGS)[number];

/** Null for a message that is no dead letter. */
export function letterOf({ partition, offset, timestamp, headers, value }: KafkaRecord): Letter | null {
  const text = (name: string) => textOf(headers[name]) ?? '';
  const disposition = text('atd.disposition');
  if (disposition === '') return null;
  const source = ['topic', 'partition', 'offset'].map((name) => text(`__connect.errors.${name}`)).join('/');
  const exitCode = text('atd.exit-code');
  return {
    partition,
    offset,
    sentAt: timestamp,
    source,
    timestamp: Number(text('atd.timestamp')),
    tenant: tenantOf(value),
    disposition,
    reason: text('__connect.errors.exception.message'),
    files: filesOf(text('atd.files')),
    attempts: Number(text('atd.attempts')),
    exitCode: exitCode === '' ? null : Number(exitCode),
    signal: text('atd.signal') || null,
    stderrTail: text('atd.stderr-tail'),
    replayCount: Number(text('atd.replay-count')),
  };
}

/** A message that was refused for its form has none that anyone could tell. */
function tenantOf(value: Uint8Array | null): string | null {
  const decoded = decode(value, Number.POSITIVE_INFINITY);
  if (decoded.kind !== 'request') return null;
  return tenantNamed(decoded.request.tenant ?? '') || null;
}

function filesOf(json: string): readonly string[] {
  try {
    const files: unknown = JSON.parse(json);
    return Array.isArray(files) ? files.filter((file) => typeof file === 'string') : [];
  } catch {
    return [];
  }
}

/**
 * One that must be there for `replay` and `discard`, so that nobody acts on all letters by a slip. An empty reason, as of a script's
 * variable that is not set, is a part of each.
 */
export function isNarrow({ tenant, disposition, reason = null, file }: LetterFilter): boolean {
  return [tenant, disposition, reason || null, file].some((one) => one !== null);
}

export function isWanted(letter: Letter, { tenant, disposition, reason = null, file }: LetterFilter): boolean {
  if (tenant !== null && (letter.tenant ?? '') !== tenantNamed(tenant)) return false;
  if (disposition !== null && letter.disposition !== disposition) return false;
  if (reason !== null && !letter.reason.toLowerCase().includes(reason.toLowerCase())) return false;
  return file === null || letter.files.some((name) => isGlobMatch(file, name));
}

/** What letters have in common: those of one reason, though it names another file or another number each time. */
export function groupOf(letter: Letter, by: Grouping): readonly string[] {
  switch (by) {
    case 'tenant':
      return [letter.tenant ?? '(none)'];
    case 'disposition':
      return [letter.disposition];
    case 'reason':
      return [likeness(letter)];
    case 'file':
      return letter.files;
  }
}

function likeness({ reason, files }: Letter): string {
  let text = reason;
  for (const file of files) text = text.replaceAll(file, 'FILE');
  return text.replaceAll(/\d+/g, 'N');
}
