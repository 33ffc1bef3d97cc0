/**
 * Outcome -> verdict: is the job done, tried again, or dead? A retry is charged to the job's budget only when the job may
 * be at fault. An interruption, a machine out of resources, an executable that cannot be run and a ClickHouse that is
 * away say nothing about the file, and are repeated for as long as it takes.
 */
import type { Outcome } from '../types.js';
import type { Disposition } from './events.js';

export interface RetryRules {
  /** Attempts in all, the first included; 1 when retries are switched off. */
  readonly maxAttempts: number;
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
  | { readonly kind: 'abandon' };

/**
 * @param attempts attempts that were charged to the job so far, this one included if it is charged
 * @param uncharged repetitions in a row that were not charged; they only stretch the wait
 * @param random a number in [0, 1)
 */
export function decideRetry(
  outcome: Outcome,
  attempts: number,
  uncharged: number,
  rules: RetryRules,
  now: number,
  random: number,
): Verdict {
  switch (outcome.result) {
    case 'succeeded':
      return { kind: 'complete' };
    case 'stopped':
      return { kind: 'abandon' };
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
      return chargedRetry('attempts-exhausted', attempts, rules, now, random);
    case 'timed-out':
      return chargedRetry('timeouts-exhausted', attempts, rules, now, random);
    case 'file-missing':
      return chargedRetry('file-missing', attempts, rules, now, random);
    case 'thread-lost':
      return chargedRetry('attempts-exhausted', attempts, rules, now, random);
  }
}

/** Whether an outcome counts against the job's `maxAttempts`. */
export function isCharged(outcome: Outcome): boolean {
  return !['stopped', 'sink-unavailable', 'machine-fault', 'service-fault'].includes(outcome.result);
}

/** @param uncharged repetitions in a row that were not charged already */
export function unchargedBackoff(uncharged: number, rules: RetryRules, random: number): number {
  const wait = Math.min(rules.maxUnchargedMs, backoff(uncharged + 1, rules, random));
  return Math.max(MIN_UNCHARGED_MS, wait);
}

function chargedRetry(
  exhausted: Disposition,
  attempts: number,
  rules: RetryRules,
  now: number,
  random: number,
): Verdict {
  if (attempts >= rules.maxAttempts) return { kind: 'dead-letter', disposition: exhausted };
  return { kind: 'retry', at: now + backoff(attempts, rules, random), charged: true };
}

/**
 * The wait before repetition `n` (from 1): a random time in the upper half of a cap that doubles. The lower half is left
 * out because a wait near zero would spend an attempt for nothing on, say, a shared disk that lags by a second.
 */
export function backoff(n: number, rules: Pick<RetryRules, 'backoffMs' | 'maxBackoffMs'>, random: number): number {
  const cap = Math.min(rules.maxBackoffMs, rules.backoffMs * 2 ** Math.min(n - 1, 30));
  return Math.round(cap * (0.5 + random / 2));
}
