/** What a file on the disk is, by what the ledger and the topics say of it. */
import type { PathState } from '../../ledger/queries.js';
import type { Marks } from './topic-marks.js';

/** In the order of a summary, with what each is called. */
export const STATES = {
  loaded: 'loaded',
  running: 'running',
  waiting: 'waiting',
  announced: 'announced now',
  changed: 'changed since it was loaded',
  'given-up': 'given up',
  'end-unknown': 'announced, its end not known',
  'other-tenant': 'announced for another tenant',
  refused: 'never announced, and would be given up',
  unknown: 'older than what is known',
  'never-announced': 'never announced',
} as const;

export type State = keyof typeof STATES;

/** What is in order, or on its way. */
export const WELL: ReadonlySet<State> = new Set(['loaded', 'running', 'waiting', 'announced']);

export interface DiskFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: number;
}

export interface Judgement {
  readonly state: State;
  /** Why, or what to do; empty where the state says it all. */
  readonly note: string;
  /** Who says so; null where nobody knows anything of it. */
  readonly by: 'ledger' | 'topic' | null;
}

export interface Known {
  /** Whose the file is; undefined for whoever's. */
  readonly tenant: string | null | undefined;
  /** Nothing that was announced since then is unknown; -Infinity where nothing ever was lost. */
  readonly since: number;
  /** Letters that were sent before are gone; -Infinity for none. */
  readonly lettersSince: number;
  /** Whether the ledger's bytes are those of the file on the disk. */
  readonly hasDiskBytes: boolean;
  readonly running: ReadonlySet<string>;
  /** Why the service would give it up; null where it would not. */
  readonly objection: () => string | null;
}

export function judge(file: DiskFile, marks: Marks, rows: readonly PathState[], known: Known): Judgement {
  const own = rows.filter(({ tenant }) => known.tenant === undefined || known.tenant === tenant);
  const newest = (...statuses: readonly string[]) =>
    own
      .filter(({ status }) => statuses.includes(status))
      .reduce<PathState | null>((a, b) => (a === null || b.finishedAt > a.finishedAt ? b : a), null);
  const loaded = newest('loaded');
  const change = loaded === null ? null : changeSince(file, loaded, known);
  if (loaded !== null && change === null) return { state: 'loaded', note: '', by: 'ledger' };
  const failed = newest('failed');
  if (marks.isOpen) {
    const note = failed === null ? '' : `the last attempt failed: ${failed.reason}`;
    return { state: known.running.has(file.path) ? 'running' : 'waiting', note, by: 'topic' };
  }
  const dead = newest('given-up', 'skipped');
  if (dead !== null && (loaded === null || dead.finishedAt > loaded.finishedAt)) {
    return { state: 'given-up', note: `${dead.disposition}: ${dead.reason}`, by: 'ledger' };
  }
  if (change !== null) return { state: 'changed', note: change, by: 'ledger' };
  return byTopic(file, marks, known) ?? absent(file, marks, rows, known, failed);
}

function changeSince({ bytes, modifiedAt }: DiskFile, loaded: PathState, { hasDiskBytes }: Known): string | null {
  if (hasDiskBytes && loaded.bytes !== null && loaded.bytes !== bytes) {
    return `it has ${bytes} bytes, and had ${loaded.bytes} when it was loaded`;
  }
  const at = loaded.startedAt ?? loaded.finishedAt;
  if (modifiedAt <= at) return null;
  return `written to ${timeText(modifiedAt)}, loaded ${timeText(at)}`;
}

/** A message that is done without a letter was loaded: its commit says so. */
function byTopic(file: DiskFile, { doneAt, doneSize, letter }: Marks, { lettersSince }: Known): Judgement | null {
  if (letter !== null) {
    const place = `dead letter ${letter.partition}/${letter.offset}`;
    return { state: 'given-up', note: letter.text === null ? place : `${place}: ${letter.text}`, by: 'topic' };
  }
  if (doneAt === null) return null;
  if (doneAt < lettersSince) {
    return { state: 'end-unknown', note: 'its message is done, but dead letters of that time are gone', by: 'topic' };
  }
  const changed = (note: string): Judgement => ({ state: 'changed', note, by: 'topic' });
  if (doneSize !== null && doneSize !== file.bytes) {
    return changed(`it has ${file.bytes} bytes, and was announced with ${doneSize}`);
  }
  // A message without a time says nothing.
  if (doneAt > 0 && file.modifiedAt > doneAt) {
    return changed(`written to ${timeText(file.modifiedAt)}, announced ${timeText(doneAt)}`);
  }
  return { state: 'loaded', note: '', by: 'topic' };
}

function absent(
  file: DiskFile,
  marks: Marks,
  rows: readonly PathState[],
  known: Known,
  failed: PathState | null,
): Judgement {
  if (failed !== null) {
    const note = `the last attempt that is known failed, and its message is not in the topic: ${failed.reason}`;
    return { state: 'end-unknown', note, by: 'ledger' };
  }
  const loadedElsewhere = rows.find(({ status }) => status === 'loaded');
  const elsewhere = loadedElsewhere ?? marks.elsewhere;
  if (elsewhere != null) {
    const note = elsewhere.tenant === null ? 'without one' : `for ${elsewhere.tenant}`;
    return { state: 'other-tenant', note, by: loadedElsewhere === undefined ? 'topic' : 'ledger' };
  }
  const objection = known.objection();
  if (objection !== null) return { state: 'refused', note: objection, by: null };
  if (file.modifiedAt < known.since) {
    const note = `written to ${timeText(file.modifiedAt)}; what was announced before ${timeText(known.since)} is not known`;
    return { state: 'unknown', note, by: null };
  }
  return { state: 'never-announced', note: '', by: null };
}

/** To the millisecond: what is compared is often of one second. */
function timeText(ms: number): string {
  return new Date(Math.floor(ms)).toISOString();
}
