import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ChargedAttempts } from '../../../lib/core/offsets/commit-metadata.js';
import { OUTCOMES } from '../../../lib/core/rules/outcomes.js';
import { backoff, charge, decideRetry, type RetryRules } from '../../../lib/core/rules/retry-policy.js';
import type { Outcome, OutcomeResult } from '../../../lib/types.js';
import { OUTCOME_RESULTS } from '../../../lib/types.js';
import { outcome } from '../../support/engine.js';

const RULES: RetryRules = {
  maxAttempts: 3,
  maxTimeouts: 2,
  maxInterruptions: 5,
  backoffMs: 1_000,
  maxBackoffMs: 10_000,
  maxUnchargedMs: 10_000,
  permanentExitCodes: [65],
  unavailableExitCodes: [69, 75],
};
const NOW = 50_000;

const NEVER: ChargedAttempts = { failed: 0, timedOut: 0 };

/** @param spent a number is that of the attempts that failed */
function decide(ended: Outcome, spent: number | ChargedAttempts, uncharged = 0, rules = RULES) {
  const all = typeof spent === 'number' ? { ...NEVER, failed: spent } : spent;
  return decideRetry(ended, all, uncharged, rules, NOW, 1);
}

/** An attempt of which all before had the same end. */
function decideAfter(ended: Outcome, times: number) {
  let spent = NEVER;
  for (let time = 0; time < times; time += 1) spent = charge(spent, ended);
  return decide(ended, spent);
}

const RETRY = { kind: 'retry', at: NOW + 1_000 };
const REPEAT = { kind: 'retry', at: NOW + 1_000 };

const VERDICTS: Readonly<Record<OutcomeResult, { first: unknown; last: unknown }>> = {
  succeeded: { first: { kind: 'complete' }, last: { kind: 'complete' } },
  failed: { first: RETRY, last: { kind: 'dead-letter', disposition: 'attempts-exhausted' } },
  'timed-out': { first: RETRY, last: { kind: 'dead-letter', disposition: 'timeouts-exhausted' } },
  stopped: { first: { kind: 'leave' }, last: { kind: 'leave' } },
  'sink-unavailable': { first: REPEAT, last: REPEAT },
  'sink-refused': { first: REPEAT, last: REPEAT },
  'table-refused': { first: REPEAT, last: REPEAT },
  'machine-fault': { first: REPEAT, last: REPEAT },
  'service-fault': { first: REPEAT, last: REPEAT },
  'file-missing': { first: RETRY, last: { kind: 'dead-letter', disposition: 'file-missing' } },
  'file-unsettled': { first: REPEAT, last: REPEAT },
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
      assert.deepEqual(decideAfter(outcome(result), 1), first);
      assert.deepEqual(decideAfter(outcome(result), 3), last);
    });
  }

  it('never repeats a permanent exit code', () => {
    const dead = { kind: 'dead-letter', disposition: 'permanent-failure' };
    assert.deepEqual(decide(outcome('failed', { exitCode: 65 }), 1), dead);
    assert.equal(decide(outcome('failed', { exitCode: 66 }), 1).kind, 'retry');
    assert.equal(decide(outcome('timed-out', { exitCode: 65 }), 1).kind, 'retry');
    assert.equal(decide(outcome('failed', { exitCode: null, signal: 'SIGKILL' }), 1).kind, 'retry');
  });

  it('gives up after the first attempt when retries are switched off', () => {
    assert.equal(decide(outcome('failed'), 1, 0, { ...RULES, maxAttempts: 1 }).kind, 'dead-letter');
  });

  it('stretches the wait by the charged attempts, or by the uncharged repetitions in a row', () => {
    assert.deepEqual(decide(outcome('failed'), 2), { kind: 'retry', at: NOW + 2_000 });
    assert.deepEqual(decide(outcome('machine-fault'), 0, 2), { kind: 'retry', at: NOW + 4_000 });
  });

  it('waits a little before an uncharged repetition even without any backoff, since nothing else bounds them', () => {
    const rules = { ...RULES, backoffMs: 0, maxBackoffMs: 0 };
    assert.deepEqual(decide(outcome('failed'), 1, 0, rules), { kind: 'retry', at: NOW });
    assert.deepEqual(decide(outcome('machine-fault'), 0, 0, rules), { kind: 'retry', at: NOW + 100 });
  });

  it('charges what it retries by a budget, and nothing else that it repeats', () => {
    for (const result of OUTCOME_RESULTS) {
      const charged = charge(NEVER, outcome(result));
      const { verdict, charge: budget } = OUTCOMES[result];
      assert.equal(charged !== NEVER, budget !== null, result);
      if (verdict === 'retry') assert.notEqual(budget, null, `${result} would be retried for ever`);
    }
  });

  it('charges nothing to what was loaded: a record may have other files that are to be tried again', () => {
    assert.equal(charge(NEVER, outcome('succeeded')), NEVER);
  });

  it('has a budget of its own for attempts that come to no end in time', () => {
    const dead = { kind: 'dead-letter', disposition: 'timeouts-exhausted' };
    const third = { ...RETRY, at: NOW + 4_000 };
    assert.deepEqual(decide(outcome('timed-out'), { failed: 2, timedOut: 1 }), third);
    assert.deepEqual(decide(outcome('timed-out'), { failed: 0, timedOut: 2 }), dead);
    assert.deepEqual(decide(outcome('failed'), { failed: 1, timedOut: 1 }), { ...RETRY, at: NOW + 2_000 });
    const { failed, timedOut } = charge(charge(NEVER, outcome('timed-out')), outcome('failed'));
    assert.deepEqual([failed, timedOut], [1, 1]);
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
