import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoff, decideRetry, isCharged, type RetryRules } from '../../lib/core/retry-policy.js';
import type { Outcome, OutcomeResult } from '../../lib/types.js';
import { OUTCOME_RESULTS } from '../../lib/types.js';
import { outcome } from '../support/engine.js';

const RULES: RetryRules = {
  maxAttempts: 3,
  maxInterruptions: 5,
  backoffMs: 1_000,
  maxBackoffMs: 10_000,
  maxUnchargedMs: 10_000,
  permanentExitCodes: [65],
};
const NOW = 50_000;

function decide(ended: Outcome, attempts: number, uncharged = 0, rules = RULES) {
  return decideRetry(ended, attempts, uncharged, rules, NOW, 1);
}

const RETRY = { kind: 'retry', at: NOW + 1_000, charged: true };
const REPEAT = { kind: 'retry', at: NOW + 1_000, charged: false };

const VERDICTS: Readonly<Record<OutcomeResult, { first: unknown; last: unknown }>> = {
  succeeded: { first: { kind: 'complete' }, last: { kind: 'complete' } },
  failed: { first: RETRY, last: { kind: 'dead-letter', disposition: 'attempts-exhausted' } },
  'timed-out': { first: RETRY, last: { kind: 'dead-letter', disposition: 'timeouts-exhausted' } },
  stopped: { first: { kind: 'abandon' }, last: { kind: 'abandon' } },
  'sink-unavailable': { first: REPEAT, last: REPEAT },
  'machine-fault': { first: REPEAT, last: REPEAT },
  'service-fault': { first: REPEAT, last: REPEAT },
  'file-missing': { first: RETRY, last: { kind: 'dead-letter', disposition: 'file-missing' } },
  'path-denied': {
    first: { kind: 'dead-letter', disposition: 'path-denied' },
    last: { kind: 'dead-letter', disposition: 'path-denied' },
  },
  'thread-lost': { first: RETRY, last: { kind: 'dead-letter', disposition: 'attempts-exhausted' } },
};

describe('decideRetry', () => {
  for (const result of OUTCOME_RESULTS) {
    const { first, last } = VERDICTS[result];
    it(`knows what to do after an attempt that ended as ${result}`, () => {
      assert.deepEqual(decide(outcome(result), 1), first);
      assert.deepEqual(decide(outcome(result), 3), result === 'stopped' ? { kind: 'abandon' } : last);
    });
  }

  it('never repeats a permanent exit code', () => {
    const dead = { kind: 'dead-letter', disposition: 'permanent-failure' };
    assert.deepEqual(decide(outcome('failed', { exitCode: 65 }), 1), dead);
    assert.equal(decide(outcome('failed', { exitCode: 66 }), 1).kind, 'retry');
    assert.equal(decide(outcome('failed', { exitCode: null, signal: 'SIGKILL' }), 1).kind, 'retry');
  });

  it('gives up after the first attempt when retries are switched off', () => {
    assert.equal(decide(outcome('failed'), 1, 0, { ...RULES, maxAttempts: 1 }).kind, 'dead-letter');
  });

  it('stretches the wait by the charged attempts, or by the uncharged repetitions in a row', () => {
    assert.deepEqual(decide(outcome('failed'), 2), { kind: 'retry', at: NOW + 2_000, charged: true });
    assert.deepEqual(decide(outcome('machine-fault'), 0, 2), { kind: 'retry', at: NOW + 4_000, charged: false });
  });

  it('waits a little before an uncharged repetition even without any backoff, since nothing else bounds them', () => {
    const rules = { ...RULES, backoffMs: 0, maxBackoffMs: 0 };
    assert.deepEqual(decide(outcome('failed'), 1, 0, rules), { kind: 'retry', at: NOW, charged: true });
    assert.deepEqual(decide(outcome('machine-fault'), 0, 0, rules), { kind: 'retry', at: NOW + 100, charged: false });
  });

  it('says that it charges exactly where it is charged', () => {
    for (const result of OUTCOME_RESULTS) {
      const verdict = decide(outcome(result), 1);
      if (verdict.kind === 'retry') assert.equal(isCharged(outcome(result)), verdict.charged, result);
    }
  });
});

describe('backoff', () => {
  const WAITS: readonly (readonly [n: number, random: number, wait: number])[] = [
    [1, 0, 500],
    [1, 0.999_999, 1_000],
    [2, 0.5, 1_500],
    [3, 0, 2_000],
    [4, 1, 8_000],
    [5, 1, 10_000],
    [5, 0, 5_000],
    [2_000, 1, 10_000],
  ];
  for (const [n, random, wait] of WAITS) {
    it(`before repetition ${n} with the dice at ${random} is ${wait} ms`, () => {
      assert.equal(backoff(n, RULES, random), wait);
    });
  }
});
