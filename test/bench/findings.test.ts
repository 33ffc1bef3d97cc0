import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exitCodeOf, type Finding, type Goal, judge, type Round } from './findings.js';

function finding(goal: Goal, ...rounds: readonly Round[]): Finding {
  return { kind: 'measured', row: 'launch', measured: 'children', unit: '/s', yardstick: 'xargs', goal, rounds };
}

function absent(kind: 'not-available' | 'not-possible'): Finding {
  const goal: Goal = { of: 'ratio', bound: 'at least', value: 1 };
  return { kind, row: 'warm', measured: 'files', unit: '/s', yardstick: 'cold', goal, reason: 'it is not there' };
}

const RATIO: Goal = { of: 'ratio', bound: 'at least', value: 0.8 };

describe('judge', () => {
  it('takes the median of the rounds` ratios, not the ratio of the medians', () => {
    // A machine that is four times as slow in two of three rounds.
    const rounds = [
      { ours: 900, yardstick: 1_000 },
      { ours: 225, yardstick: 250 },
      { ours: 250, yardstick: 251 },
    ];
    assert.deepEqual(judge(finding(RATIO, ...rounds)), { ours: 250, yardstick: 251, ratio: 0.9, met: true });
  });

  it('compares only rounds that have both sides', () => {
    const { ours, yardstick, ratio } = judge(finding(RATIO, { ours: 4, yardstick: null }, { ours: 2, yardstick: 4 }));
    assert.deepEqual({ ours, yardstick, ratio }, { ours: 3, yardstick: 4, ratio: 0.5 });
  });

  const BOUNDS: readonly (readonly [goal: Goal, ours: number, yardstick: number | null, met: boolean | null])[] = [
    [{ of: 'ratio', bound: 'at least', value: 0.8 }, 8, 10, true],
    [{ of: 'ratio', bound: 'at least', value: 0.8 }, 7.9, 10, false],
    [{ of: 'ratio', bound: 'at most', value: 1.5 }, 15, 10, true],
    [{ of: 'ratio', bound: 'at most', value: 1.5 }, 16, 10, false],
    [{ of: 'ours', bound: 'at most', value: 0.6 }, 0.6, 5, true],
    [{ of: 'ours', bound: 'at most', value: 0.6 }, 0.7, 5, false],
    [{ of: 'ours', bound: 'at least', value: 200 }, 199, null, false],
    [{ of: 'ratio', bound: 'at least', value: 0.8 }, 8, null, null],
  ];
  for (const [goal, ours, yardstick, met] of BOUNDS) {
    it(`${ours} beside ${yardstick} for ${goal.of} ${goal.bound} ${goal.value}: ${met}`, () => {
      assert.equal(judge(finding(goal, { ours, yardstick })).met, met);
    });
  }

  it('takes what is not available for a goal missed, and what is not possible for no answer', () => {
    assert.equal(judge(absent('not-available')).met, false);
    assert.equal(judge(absent('not-possible')).met, null);
  });
});

describe('exitCodeOf', () => {
  it('is 0 where goals are missed', () => {
    const missed = finding(RATIO, { ours: 1, yardstick: 10 });
    assert.equal(judge(missed).met, false);
    assert.equal(exitCodeOf([missed, absent('not-available'), absent('not-possible')]), 0);
  });

  it('is 1 where a row could not be measured', () => {
    const met = finding(RATIO, { ours: 10, yardstick: 10 });
    assert.equal(exitCodeOf([met, { kind: 'failed', row: 'load', reason: 'no Kafka' }]), 1);
  });
});
