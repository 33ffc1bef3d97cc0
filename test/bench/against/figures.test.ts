import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../findings.js';
import { toJson } from '../report.js';
import { comparisonsOf, figuresOf, type Measured } from './figures.js';

function finding(over: Partial<Finding> & { readonly measured: string; readonly ours: number }): Finding {
  const { ours, ...others } = over;
  return {
    row: 'launch',
    unit: '/s',
    yardstick: 'xargs',
    goal: { of: 'ratio', bound: 'at least', value: 0.8 },
    kind: 'measured',
    rounds: [{ ours, yardstick: 10 }],
    ...others,
  } as Finding;
}

function written(...findings: readonly Finding[]): string {
  return JSON.stringify({ node: 'v20', findings: toJson(findings) });
}

describe('the figures that a bench wrote', () => {
  it('are those of the tree itself, and which way round they are read', () => {
    const cpu = finding({ measured: 'CPU', unit: 'ms', ours: 7, goal: { of: 'ours', bound: 'at most', value: 9 } });
    assert.deepEqual(figuresOf(written(finding({ measured: 'children', ours: 1500 }), cpu)), [
      { row: 'launch', measured: 'children', unit: '/s', better: 'more', value: 1500 },
      { row: 'launch', measured: 'CPU', unit: 'ms', better: 'less', value: 7 },
    ]);
  });

  it('leave out what was not measured', () => {
    const missing = { ...finding({ measured: 'warm', ours: 1 }), kind: 'not-possible', reason: 'no Python' } as Finding;
    assert.deepEqual(figuresOf(written(missing)), []);
  });

  it('are an error where a row could not be measured', () => {
    const json = JSON.stringify({ findings: toJson([{ kind: 'failed', row: 'load', reason: 'no ClickHouse' }]) });
    assert.throws(() => figuresOf(json), /load: no ClickHouse/);
  });
});

describe('the comparisons of rounds', () => {
  function figure(measured: string, value: number): Measured {
    return { row: 'launch', measured, unit: '/s', better: 'more', value };
  }

  it('have a pair of each round, once for each figure', () => {
    const rounds = [
      { here: [figure('children', 10), figure('children', 10)], there: [figure('children', 20)] },
      { here: [figure('children', 11)], there: [figure('children', 21), figure('other', 1)] },
    ];
    assert.deepEqual(comparisonsOf(rounds), [
      {
        row: 'launch',
        measured: 'children',
        unit: '/s',
        better: 'more',
        pairs: [
          { here: 10, there: 20 },
          { here: 11, there: 21 },
        ],
      },
    ]);
  });

  it('leave out what only one of the trees measures', () => {
    assert.deepEqual(comparisonsOf([{ here: [figure('children', 10)], there: [figure('CPU', 20)] }]), []);
    assert.deepEqual(comparisonsOf([]), []);
  });
});
