/** What the events of the engine tell of loads, as lines for people: one for each attempt that ended and each file given up. */
import type { DeadLetter, Disposition, Effect } from '../core/events.js';
import type { Job, Outcome, OutcomeResult } from '../types.js';

/** What became of the file: it is loaded, given up, or tried again, if need be by the partition's next owner. */
export type Fate = 'loaded' | 'given-up' | 'again';

export interface LoadEntry {
  /** When, in milliseconds since the epoch. */
  readonly at: number;
  /** The job's id; of a message that was refused as a whole, its place. */
  readonly id: string;
  readonly fate: Fate;
  readonly file: string;
  readonly tenant: string | null;
  /** 0 where none was made. */
  readonly attempt: number;
  /** How the attempt ended; null where none was made. */
  readonly result: OutcomeResult | null;
  readonly reason: string;
  readonly disposition: Disposition | null;
  readonly exitCode: number | null;
  readonly stderrTail: string;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly queuedMs: number;
  readonly durationMs: number;
  /** From the announcement until the rows are there; null where they are not, or the message has no time. */
  readonly visibleMs: number | null;
}

/** @param effects what was decided on one event */
export function loadEntries(effects: readonly Effect[], now: number): LoadEntry[] {
  const entries: LoadEntry[] = [];
  const failures = new Map<string, Extract<Effect, { type: 'job-failed' }>>();
  for (const effect of effects) if (effect.type === 'job-failed') failures.set(effect.job.id, effect);
  for (const effect of effects) {
    if (effect.type === 'job-ended') {
      const failed = failures.get(effect.job.id);
      failures.delete(effect.job.id);
      entries.push(ended(effect, failed, now));
    }
    if (effect.type === 'record-taken' && effect.result === 'rejected') entries.push(...refused(effects, effect, now));
  }
  // Given up without an attempt in this run.
  for (const { job, disposition, reason } of failures.values()) {
    entries.push({ ...NO_ATTEMPT, ...placeOf(job), at: Math.round(now), fate: 'given-up', disposition, reason });
  }
  return entries;
}

const NO_ATTEMPT = {
  ...{ attempt: 0, result: null, exitCode: null, stderrTail: '', rows: null, bytes: null },
  ...{ queuedMs: 0, durationMs: 0, visibleMs: null },
};

function placeOf({ id, file, tenant }: Job) {
  return { id, file, tenant };
}

function ended(
  { job, attempt, outcome, queuedMs }: Extract<Effect, { type: 'job-ended' }>,
  failed: Extract<Effect, { type: 'job-failed' }> | undefined,
  now: number,
): LoadEntry {
  const isLoaded = outcome.result === 'succeeded';
  return {
    ...placeOf(job),
    ...{ at: Math.round(now), attempt, queuedMs: Math.round(queuedMs), disposition: failed?.disposition ?? null },
    fate: isLoaded ? 'loaded' : failed === undefined ? 'again' : 'given-up',
    visibleMs: isLoaded && job.timestamp >= 0 ? Math.max(0, Math.round(now - job.timestamp)) : null,
    ...told(outcome),
    reason: failed?.reason ?? outcome.reason,
  };
}

function told({ result, reason, exitCode, stderrTail, rows, bytes, durationMs }: Outcome) {
  return { result, reason, exitCode, stderrTail, rows, bytes, durationMs: Math.round(durationMs) };
}

/** A message of which no file is tried. */
function refused(
  effects: readonly Effect[],
  { record }: Extract<Effect, { type: 'record-taken' }>,
  now: number,
): LoadEntry[] {
  const letters = effects.flatMap((effect) =>
    effect.type === 'dead-letter' && effect.letter.record === record ? [effect.letter] : [],
  );
  return letters.map(({ disposition, reason, files }: DeadLetter) => ({
    ...NO_ATTEMPT,
    ...{ at: Math.round(now), id: `${record.topic}/${record.partition}/${record.offset}`, tenant: null },
    ...{ fate: 'given-up', file: files[0] ?? '', disposition, reason },
  }));
}
