/**
 * The state file of `emit`: what is to be announced, and how far that has come. Each line is one JSON object: the head, the
 * files in their order, then an intent before each send and its end behind the acknowledgement. A last line that was cut off by
 * a crash says nothing.
 */
import { AtdError } from '../../errors.js';
import { LANES, type Lane } from '../../types.js';
import type { Announcement } from './announcement.js';

export interface EmitHead {
  /** In the header of each message, with the number of its file. */
  readonly id: string;
  readonly topic: string;
  readonly lane: Lane | null;
  readonly count: number;
}

/** Files from the first to before the second number. */
export interface Intent {
  readonly from: number;
  readonly to: number;
  /** Where the partitions ended before: what was sent stands behind that. */
  readonly ends: Readonly<Record<string, number>>;
}

/** The process that announces. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
}

export type EmitLine =
  | { readonly head: EmitHead }
  | { readonly file: Announcement }
  | { readonly owner: Owner }
  | { readonly intent: Intent }
  /** All files before this number are in the topic. */
  | { readonly sent: number }
  /** So are these behind it. */
  | { readonly found: readonly number[] };

export interface EmitState {
  readonly head: EmitHead;
  readonly files: readonly Announcement[];
  readonly owner: Owner | null;
  readonly sent: number;
  readonly found: ReadonlySet<number>;
  /** Sent perhaps; null where the last one has its end. */
  readonly open: Intent | null;
  /** Where the partitions ended before any of them; null where nothing was tried yet. */
  readonly begin: Intent['ends'] | null;
}

export function lineOf(line: EmitLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** @throws AtdError ATD_USAGE for what is no such file */
export function stateOf(text: string, name: string): EmitState {
  const lines = text.split('\n').flatMap(parse);
  const [first] = lines;
  const head = first !== undefined && 'head' in first ? first.head : null;
  const files = lines.flatMap((line) => ('file' in line ? [line.file] : []));
  const isHead = head !== null && (head.lane === null || LANES.includes(head.lane));
  if (!isHead || files.length !== head.count) {
    throw new AtdError('ATD_USAGE', `${name} is no state file of emit, or its beginning was not written to its end`);
  }
  let [sent, open, owner]: [number, Intent | null, Owner | null] = [0, null, null];
  let begin: Intent['ends'] | null = null;
  const found = new Set<number>();
  for (const line of lines) {
    if ('owner' in line) owner = line.owner;
    if ('intent' in line) {
      open = line.intent;
      begin ??= open.ends;
    }
    if ('found' in line) for (const number of line.found) found.add(number);
    if ('sent' in line) [sent, open] = [line.sent, null];
  }
  return { head, files, owner, sent, found, open, begin };
}

/** Whose line comes first in a piece of such a file; null where there is none. */
export function firstOwner(text: string): Owner | null {
  for (const line of text.split('\n').flatMap(parse)) if ('owner' in line) return line.owner;
  return null;
}

function parse(line: string): EmitLine[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as EmitLine];
  } catch {
    return [];
  }
}

/** What a message is found again by. */
export const EMIT_ID_HEADER = 'atd.emit-id';

export function emitId(id: string, number: number): string {
  return `${id}/${number}`;
}
