/**
 * Outcome -> verdict: is the job done, tried again, or dead? What each outcome means stands in `outcomes.ts`; here are the
 * budgets and the waits. A retry is charged only when the file may be at fault. A repetition that is not charged says
 * nothing about the file, and comes again for as long as it takes.
 */
import type { Outcome } from '../../types.js';
import type { Disposition } from '../events.js';
import type { ChargedAttempts } from '../offsets/commit-metadata.js';
import { OUTCOMES, type OutcomeRule } from './outcomes.js';

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
  /** Exit codes that mean an unavailable ClickHouse; where the code is another one, only the loader's words mean it. */
  readonly unavailableExitCodes: readonly number[];
}

/** Least wait before an uncharged repetition: there may be any number of them, also where `backoffMs` is 0. */
const MIN_UNCHARGED_MS = 100;

export type Verdict =
  | { readonly kind: 'complete' }
  | { readonly kind: 'retry'; readonly at: number }
  | { readonly kind: 'dead-letter'; readonly disposition: Disposition }
  /** The service stops: the record is left for its next reader. */
  | { readonly kind: 'leave' };

const COMPLETE: Verdict = { kind: 'complete' };

/**
 * @param charged what the job has cost so far, this attempt included
 * @param uncharged repetitions in a row that were not charged; they only stretch the wait
 * @param random a number in [0, 1)
 */
export function decideRetry(
  { result, exitCode }: Outcome,
  charged: ChargedAttempts,
  uncharged: number,
  rules: RetryRules,
  now: number,
  random: number,
  rule: OutcomeRule = OUTCOMES[result],
): Verdict {
  // Nearly always, and in no need of what follows.
  if (result === 'succeeded') return COMPLETE;
  const { verdict, charge: budget, disposition, mayBePermanent } = rule;
  switch (verdict) {
    case 'complete':
      return COMPLETE;
    case 'leave':
      return { kind: 'leave' };
    case 'repeat':
      return { kind: 'retry', at: now + unchargedBackoff(uncharged, rules, random) };
    case 'dead-letter':
      return { kind: 'dead-letter', disposition: disposition as Disposition };
    case 'retry': {
      const isPermanent = mayBePermanent && exitCode !== null && rules.permanentExitCodes.includes(exitCode);
      if (isPermanent) return { kind: 'dead-letter', disposition: 'permanent-failure' };
      const isExhausted =
        budget === 'timedOut' ? charged.timedOut >= rules.maxTimeouts : charged.failed >= rules.maxAttempts;
      if (isExhausted) return { kind: 'dead-letter', disposition: disposition as Disposition };
      return { kind: 'retry', at: now + backoff(charged.failed + charged.timedOut, rules, random) };
    }
  }
}

/** What the job has cost with this attempt; the same object if the attempt is not charged. */
export function charge(
  charged: ChargedAttempts,
  { result }: Outcome,
  { charge: budget }: OutcomeRule = OUTCOMES[result],
): ChargedAttempts {
  return budget === null ? charged : { ...charged, [budget]: charged[budget] + 1 };
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
