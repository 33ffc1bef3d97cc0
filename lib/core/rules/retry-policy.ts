/**
 * Outcome -> verdict: is the job done, tried again, or dead? A retry is charged to the job's budget only when the job may
 * be at fault. An interruption, a machine out of resources, an executable that cannot be run and a ClickHouse that is
 * away say nothing about the file, and are repeated for as long as it takes.
 */
import type { Outcome } from '../../types.js';
import type { Disposition } from '../events.js';
import type { ChargedAttempts } from '../offsets/commit-metadata.js';

export interface RetryRules {
  /** Attempts that may fail, the first included; 1 when retries are switched off. */
  readonly maxAttempts: number;
  /** The same for attempts that come to no end in time, each of which holds a slot for as long as that takes. */
  readonly maxTimeouts: number;
  /** Ends of the service while a file was being loaded after which the file is held to be the cause. */
  readonly maxInterruptions: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** The longest wait before a repetition that was not charged: what it waits for may be over at any time. */
  readonly maxUnchargedMs: number;
  /** Exit codes that no repetition will change. */
  readonly permanentExitCodes: readonly number[];
}

/** Least wait before an uncharged repetition: there may be any number of them, also where `backoffMs` is 0. */
const MIN_UNCHARGED_MS = 100;

export type Verdict =
  | { readonly kind: 'complete' }
  | { readonly kind: 'retry'; readonly at: number; readonly charged: boolean }
  | { readonly kind: 'dead-letter'; readonly disposition: Disposition }
  /** The service stops: the job is left for whoever reads the record next. */
  | { readonly kind: 'leave' };

const COMPLETE: Verdict = { kind: 'complete' };

/**
 * @param spent what the job has cost so far, this attempt included
 * @param uncharged repetitions in a row that were not charged; they only stretch the wait
 * @param random a number in [0, 1)
 */
export function decideRetry(
  outcome: Outcome,
  spent: ChargedAttempts,
  uncharged: number,
  rules: RetryRules,
  now: number,
  random: number,
): Verdict {
  // Nearly always, and in no need of what follows.
  if (outcome.result === 'succeeded') return COMPLETE;
  const again = (exhausted: Disposition, attempts: number, most: number): Verdict =>
    attempts >= most
      ? { kind: 'dead-letter', disposition: exhausted }
      : { kind: 'retry', at: now + backoff(spent.failed + spent.timedOut, rules, random), charged: true };
  const failedAgain = (exhausted: Disposition): Verdict => again(exhausted, spent.failed, rules.maxAttempts);
  switch (outcome.result) {
    case 'stopped':
      return { kind: 'leave' };
    case 'path-denied':
      return { kind: 'dead-letter', disposition: 'path-denied' };
    case 'sink-unavailable':
    case 'machine-fault':
    case 'service-fault':
      return {
        kind: 'retry',
        at: now + unchargedBackoff(uncharged, rules, random),
        charged: false,
      };
    case 'failed':
      if (outcome.exitCode !== null && rules.permanentExitCodes.includes(outcome.exitCode)) {
        return { kind: 'dead-letter', disposition: 'permanent-failure' };
      }
      return failedAgain('attempts-exhausted');
    case 'timed-out':
      return again('timeouts-exhausted', spent.timedOut, rules.maxTimeouts);
    case 'file-missing':
      return failedAgain('file-missing');
    case 'thread-lost':
      return failedAgain('attempts-exhausted');
  }
}

/** What the job has cost with this attempt; the same object if the attempt is not charged. */
export function charge(spent: ChargedAttempts, { result }: Outcome): ChargedAttempts {
  switch (result) {
    case 'succeeded':
    case 'stopped':
    case 'sink-unavailable':
    case 'machine-fault':
    case 'service-fault':
      return spent;
    case 'timed-out':
      return { ...spent, timedOut: spent.timedOut + 1 };
    default:
      return { ...spent, failed: spent.failed + 1 };
  }
}

/** @param uncharged repetitions in a row that were not charged already */
export function unchargedBackoff(uncharged: number, rules: RetryRules, random: number): number {
  const wait = Math.min(rules.maxUnchargedMs, backoff(uncharged + 1, rules, random));
  return Math.max(MIN_UNCHARGED_MS, wait);
}

/**
 * The wait before repetition `n` (from 1): a random time in the upper half of a cap that doubles. The lower half is left
 * out because a wait near zero would spend an attempt for nothing on, say, a shared disk that lags by a second.
 */
export function backoff(n: number, rules: Pick<RetryRules, 'backoffMs' | 'maxBackoffMs'>, random: number): number {
  const cap = Math.min(rules.maxBackoffMs, rules.backoffMs * 2 ** Math.min(n - 1, 30));
  return Math.round(cap * (0.5 + random / 2));
}
