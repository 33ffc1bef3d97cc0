import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shouldPauseAll, shouldPausePartition } from '../../../lib/core/rules/backpressure.js';

const LIMITS = { jobs: 10, waiting: 100, bytes: 1_000 };

const LOADS: readonly (readonly [jobs: number, waiting: number, bytes: number, reading: boolean, paused: boolean])[] = [
  [0, 0, 0, false, false],
  [4, 49, 499, false, false],
  [5, 5, 0, false, true],
  [0, 50, 0, false, true],
  [0, 0, 500, false, true],
  [9, 99, 999, false, true],
  [10, 10, 0, true, true],
  [0, 100, 0, true, true],
  [0, 0, 1_000, true, true],
  [50, 500, 5_000, true, true],
];

test('reading stops at a limit and goes on below half of it', () => {
  for (const [jobs, waiting, bytes, fromReading, fromPaused] of LOADS) {
    const load = { jobs, waiting, bytes };
    assert.equal(shouldPauseAll(load, LIMITS, false), fromReading, JSON.stringify(load));
    assert.equal(shouldPauseAll(load, LIMITS, true), fromPaused, `${JSON.stringify(load)}, paused`);
  }
});

test('a partition stops at its span and goes on below half of it', () => {
  assert.deepEqual(
    [99, 100].map((span) => shouldPausePartition(span, 100, false)),
    [false, true],
  );
  assert.deepEqual(
    [49, 50].map((span) => shouldPausePartition(span, 100, true)),
    [false, true],
  );
});

test('a limit of one lets one thing through at a time and never stays paused with nothing', () => {
  assert.equal(shouldPausePartition(1, 1, false), true);
  assert.equal(shouldPausePartition(0, 1, true), false);
  assert.equal(shouldPauseAll({ jobs: 0, waiting: 0, bytes: 0 }, { jobs: 1, waiting: 1, bytes: 1 }, true), false);
});
