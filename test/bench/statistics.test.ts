import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { median, percentile } from './statistics.js';

describe('median', () => {
  it('is the value in the middle, whatever their order', () => assert.equal(median([9, 1, 5]), 5));
  it('is between the two in the middle', () => assert.equal(median([4, 1, 9, 2]), 3));
  it('orders numbers as numbers', () => assert.equal(median([10, 9, 100]), 10));
  it('does not exist without values', () => assert.throws(() => median([]), RangeError));
  it('leaves the values as they are', () => {
    const values = [3, 1, 2];
    median(values);
    assert.deepEqual(values, [3, 1, 2]);
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  for (const [share, value] of [
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [1, 100],
  ] as const) {
    it(`of ${share} over 1 to 100 is ${value}`, () => assert.equal(percentile(hundred, share), value));
  }
  it('of few values is one of them', () => assert.equal(percentile([1, 2, 3], 0.99), 3));
  it('does not exist without values', () => assert.throws(() => percentile([], 0.5), RangeError));
});
