import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compare, spreadOfMedian } from './comparison.js';

const FIGURE = { row: 'launch', measured: 'children', unit: 'ms', better: 'less' } as const;

function ofCosts(costs: readonly number[], atMost: number | null = null) {
  return compare({ ...FIGURE, pairs: costs.map((cost) => ({ here: cost * 10, there: 10 })) }, atMost);
}

describe('the comparison with another tree', () => {
  it('has medians of both sides and of the pairs’ own ratios', () => {
    const pairs = [
      { here: 10, there: 20 },
      { here: 30, there: 10 },
      { here: 22, there: 20 },
    ];
    const { here, there, cost } = compare({ ...FIGURE, pairs }, null);
    assert.deepEqual({ here, there, cost }, { here: 22, there: 20, cost: 1.1 });
  });

  it('turns a figure round of which more is better', () => {
    const { cost } = compare({ ...FIGURE, better: 'more', pairs: [{ here: 50, there: 100 }] }, null);
    assert.equal(cost, 2);
  });

  for (const [costs, change] of [
    [[0.9, 0.8, 0.95, 0.7, 0.9], 'cheaper'],
    [[1.1, 1.2, 1.05, 1.3, 1.1], 'dearer'],
    [[0.9, 1.01, 0.9, 0.9, 0.9], null],
    [[0.5, 0.5, 0.5, 0.5], null],
    [[], null],
  ] as const) {
    it(`says ${change ?? 'nothing'} of ${costs.join(', ') || 'no pair'}`, () => {
      if (costs.length === 0) assert.throws(() => ofCosts(costs), RangeError);
      else assert.equal(ofCosts(costs).change, change);
    });
  }

  for (const [costs, met] of [
    [[1.4, 1.45, 1.3, 1.49, 1.5], true],
    [[1.4, 1.45, 1.3, 1.49, 1.51], null],
    [[1.6, 1.7, 1.51, 1.6, 1.6], false],
    [[1.6, 1.7, 1.5, 1.6, 1.6], null],
  ] as const) {
    it(`says of at most 1.5 and ${costs.join(', ')}: ${met ?? 'cannot be told'}`, () =>
      assert.equal(ofCosts(costs, 1.5).met, met));
  }

  it('has no answer to what was not asked', () => assert.equal(ofCosts([1, 1, 1, 1, 1]).met, null));
});

describe('the spread of a median', () => {
  for (const [count, spread] of [
    [1, null],
    [4, null],
    [5, { from: 1, to: 5 }],
    [7, { from: 1, to: 7 }],
    [8, { from: 2, to: 7 }],
    [9, { from: 2, to: 8 }],
    [15, { from: 4, to: 12 }],
  ] as const) {
    it(`of ${count} values is ${JSON.stringify(spread)}`, () => {
      const values = Array.from({ length: count }, (_, index) => count - index);
      assert.deepEqual(spreadOfMedian(values), spread);
    });
  }
});
