/**
 * What each outcome of an attempt means, in one table: the retry policy, the circuit breaker and the bound on dead letters
 * read it, and the table in `docs/errors.md` is tested against it.
 */
import type { OutcomeResult } from '../../types.js';
import type { Disposition } from '../events.js';
import type { ChargedAttempts } from '../offsets/commit-metadata.js';

export interface OutcomeRule {
  /** The budget that the attempt counts against; null where the outcome says nothing about the file. */
  readonly charge: keyof ChargedAttempts | null;
  /**
   * - `complete`: the file is loaded.
   * - `retry`: another attempt until the budget is used up, then a dead letter.
   * - `repeat`: another attempt, for as long as it takes.
   * - `dead-letter`: at once.
   * - `leave`: nothing; the record stays uncommitted for its next reader.
   */
  readonly verdict: 'complete' | 'retry' | 'repeat' | 'dead-letter' | 'leave';
  /** The disposition of the dead letter, if it comes to one. */
  readonly disposition: Disposition | null;
  /** Whether `service.retry.permanent_exit_codes` can make it a dead letter at once. */
  readonly mayBePermanent: boolean;
  /**
   * What it says to the circuit breaker.
   * - `success`: ClickHouse took a file.
   * - `answer`: the file failed by itself, with an exit code: the loader and ClickHouse work.
   * - `failure`: the file failed without an answer of the loader.
   * - `fault`: every other file would fare the same.
   * - `nothing`: neither file nor ClickHouse was tried.
   */
  readonly breaker: 'success' | 'answer' | 'failure' | 'fault' | 'nothing';
  /** Whether its dead letter is one of those in a row that open the breaker; a path that is not allowed is no sign of trouble. */
  readonly countsInRow: boolean;
}

const FAILED = {
  charge: 'failed',
  verdict: 'retry',
  mayBePermanent: false,
  breaker: 'failure',
  countsInRow: true,
} as const;
const REPEATED = {
  charge: null,
  verdict: 'repeat',
  disposition: null,
  mayBePermanent: false,
  countsInRow: true,
} as const;

export const OUTCOMES: Readonly<Record<OutcomeResult, OutcomeRule>> = {
  succeeded: { ...REPEATED, verdict: 'complete', breaker: 'success' },
  failed: { ...FAILED, disposition: 'attempts-exhausted', mayBePermanent: true, breaker: 'answer' },
  'timed-out': { ...FAILED, charge: 'timedOut', disposition: 'timeouts-exhausted' },
  'thread-lost': { ...FAILED, disposition: 'attempts-exhausted' },
  'file-missing': { ...FAILED, disposition: 'file-missing' },
  'file-unsettled': { ...REPEATED, breaker: 'nothing' },
  'path-denied': { ...FAILED, verdict: 'dead-letter', disposition: 'path-denied', countsInRow: false },
  'sink-unavailable': { ...REPEATED, breaker: 'fault' },
  'sink-refused': { ...REPEATED, breaker: 'fault' },
  'table-refused': { ...REPEATED, breaker: 'answer' },
  'service-fault': { ...REPEATED, breaker: 'fault' },
  'machine-fault': { ...REPEATED, breaker: 'nothing' },
  stopped: { ...REPEATED, verdict: 'leave', breaker: 'nothing' },
};

/**
 * What `sink-unavailable` means of a job that was found so again and again while others were loaded: that its loader takes
 * words of the file for those of ClickHouse.
 */
export const SUSPECT: OutcomeRule = { ...FAILED, disposition: 'attempts-exhausted' };
