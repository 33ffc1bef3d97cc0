import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptLedger } from '../../../lib/core/offsets/attempt-counts.js';

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
