import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptLedger } from '../../../lib/core/offsets/attempt-counts.js';
import { MAX_ATTEMPTS } from '../../../lib/core/offsets/commit-metadata.js';

test('what runs would have been interrupted if the service ended now', () => {
  const log = new AttemptLedger();
  log.started(5);
  assert.deepEqual(log.snapshot(), new Map([[5, { failed: 0, timedOut: 0, interrupted: 1 }]]));
});

test('interruptions add up over lives, and an end of the job forgets them', () => {
  const log = new AttemptLedger();
  log.restore(new Map([[5, { failed: 1, timedOut: 0, interrupted: 3 }]]));
  assert.deepEqual(log.of(5), { failed: 1, timedOut: 0, interrupted: 3 });
  log.started(5);
  assert.deepEqual(log.snapshot(), new Map([[5, { failed: 1, timedOut: 0, interrupted: 4 }]]));
  log.ended(5, { failed: 1, timedOut: 1 });
  assert.deepEqual(log.snapshot(), new Map([[5, { failed: 1, timedOut: 1, interrupted: 0 }]]));
  log.forget(5);
  assert.deepEqual(log.snapshot(), new Map());
});

test('a job that ended uncharged leaves nothing to tell', () => {
  const log = new AttemptLedger();
  log.started(5);
  log.ended(5, { failed: 0, timedOut: 0 });
  assert.deepEqual(log.snapshot(), new Map());
});

test('of several files of a record the one with most of each is told', () => {
  const log = new AttemptLedger();
  for (const spent of [
    { failed: 2, timedOut: 0 },
    { failed: 1, timedOut: 3 },
  ]) {
    log.started(5);
    log.ended(5, spent);
  }
  assert.deepEqual(log.of(5), { failed: 2, timedOut: 3, interrupted: 0 });
});

test('a record that nothing is known of has cost nothing', () => {
  assert.deepEqual(new AttemptLedger().of(5), { failed: 0, timedOut: 0, interrupted: 0 });
});

test('what this run knows of a record is not replaced by what was committed before', () => {
  const log = new AttemptLedger();
  log.started(5);
  log.ended(5, { failed: 2, timedOut: 0 });
  log.restore(new Map([[5, { failed: 1, timedOut: 0, interrupted: 3 }]]));
  assert.deepEqual(log.of(5), { failed: 2, timedOut: 0, interrupted: 0 });
});

test('a record counts as running until the last of its files has ended', () => {
  const log = new AttemptLedger();
  for (let file = 0; file < 3; file += 1) log.started(5);
  const interrupted: (number | undefined)[] = [];
  for (let file = 0; file < 3; file += 1) {
    log.ended(5, { failed: 0, timedOut: 0 });
    interrupted.push(log.snapshot().get(5)?.interrupted);
  }
  assert.deepEqual(interrupted, [1, 1, undefined]);
});

test('the counts of no more records are kept than are committed', () => {
  assert.equal(MAX_ATTEMPTS, 300);
  const log = new AttemptLedger();
  for (let offset = 0; offset < 310; offset += 1) log.started(offset);
  assert.deepEqual(
    [...log.snapshot().keys()],
    Array.from({ length: 300 }, (_, offset) => offset),
  );
});
