import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptLedger } from '../../../lib/core/offsets/attempt-counts.js';
import { type AttemptCounts, MAX_ATTEMPTS } from '../../../lib/core/offsets/commit-metadata.js';
import { BOOT_OFFSET, interruptedOnceMore } from '../../../lib/core/offsets/interruptions.js';

const MINUTE_MS = 60_000;
/** Times at which a load was begun alone. */
const EARLIER = 29_000_000 * MINUTE_MS;
const LATER = EARLIER + 5 * MINUTE_MS;

const interruptedTimes = (interrupted: number): AttemptCounts => ({ failed: 0, timedOut: 0, interrupted });
const failedTimes = (failed: number): AttemptCounts => ({ failed, timedOut: 0, interrupted: 0 });

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

test('the boot and what runs take the first places of as many as are committed, and the rest has what is left', () => {
  const boot = { machine: 7, boot: 8 };
  const log = new AttemptLedger();
  log.restore(new Map(Array.from({ length: 200 }, (_, offset) => [offset, failedTimes(1)])));
  for (let offset = 100; offset < 300; offset += 1) log.started(offset);
  const running = Array.from({ length: 200 }, (_, index) => 100 + index);
  const others = Array.from({ length: 100 }, (_, offset) => offset);
  assert.deepEqual([...log.snapshot().keys()], [...running, ...others]);
  assert.deepEqual([...log.snapshot(boot).keys()], [BOOT_OFFSET, ...running, ...others.slice(0, -1)]);
  assert.deepEqual(log.snapshot(boot).get(BOOT_OFFSET), { failed: 7, timedOut: 8, interrupted: 200 });
});

test('the boot is told only beside what runs in it', () => {
  const log = new AttemptLedger();
  log.restore(new Map([[5, failedTimes(1)]]));
  const boot = { machine: 7, boot: 8 };
  assert.deepEqual([...log.snapshot(boot).keys()], [5]);
  log.started(6);
  assert.deepEqual([...log.snapshot(boot).keys()], [BOOT_OFFSET, 6, 5]);
});

test('only what is counted takes a place', () => {
  const log = new AttemptLedger();
  log.restore(
    new Map([
      [4, interruptedTimes(0)],
      [5, failedTimes(1)],
      [6, interruptedTimes(2)],
    ]),
  );
  log.started(7);
  const kept = new Map([
    [5, failedTimes(1)],
    [6, interruptedTimes(2)],
  ]);
  assert.deepEqual(log.withoutStarts(), kept);
  assert.deepEqual(log.snapshot(), new Map([[7, interruptedTimes(1)], ...kept]));
});

test('an end of the machine is held against none of the loads that ran then, and against these alone', () => {
  const attempts = new Map([
    [BOOT_OFFSET, { failed: 7, timedOut: 8, interrupted: 2 }],
    ...[5, 6, 9].map((offset) => [offset, interruptedTimes(2)] as const),
  ]);
  const interruptedAfter = (boot: number): number[] => {
    const log = new AttemptLedger();
    log.restore(attempts, { machine: 7, boot });
    assert.deepEqual(log.of(BOOT_OFFSET), interruptedTimes(0));
    return [5, 6, 9].map((offset) => log.of(offset).interrupted);
  };
  assert.deepEqual(interruptedAfter(9), [1, 1, 2]);
  assert.deepEqual(interruptedAfter(8), [2, 2, 2]);
});

test('of the loads that did not survive alone the latest is told, wherever it stands', () => {
  const alone = (at: number): AttemptCounts => interruptedTimes(interruptedOnceMore(0, at));
  const CASES: readonly (readonly [counts: readonly AttemptCounts[], latest: number | null])[] = [
    [[], null],
    [[interruptedTimes(1), failedTimes(1)], null],
    [[alone(EARLIER)], EARLIER],
    [[alone(EARLIER), interruptedTimes(1), alone(LATER)], LATER],
    [[alone(LATER), interruptedTimes(1), alone(EARLIER)], LATER],
  ];
  for (const [counts, latest] of CASES) {
    const restored = new AttemptLedger().restore(new Map(counts.map((each, offset) => [offset, each])));
    assert.equal(restored, latest);
  }
});

test('a load that runs alone is told with its time until it ends, and the next one has its own', () => {
  const log = new AttemptLedger();
  const told = () => log.snapshot().get(5)?.interrupted;
  log.started(5, EARLIER);
  assert.equal(told(), interruptedOnceMore(0, EARLIER));
  log.ended(5, { failed: 0, timedOut: 0 });
  assert.equal(told(), undefined);
  log.started(5);
  assert.equal(told(), 1);
  log.started(5, LATER);
  assert.equal(told(), interruptedOnceMore(0, LATER));
  log.ended(5, { failed: 0, timedOut: 0 });
  assert.equal(told(), 1);
});

test('that a load runs alone is doubted once, and of what does not there is nothing to doubt', () => {
  const log = new AttemptLedger();
  log.started(4);
  log.restore(new Map([[6, interruptedTimes(1)]]));
  assert.equal(log.doubtAlone(), false);
  log.started(5, EARLIER);
  const doubtful = 1_024 + 1;
  for (const isNew of [true, false]) {
    assert.equal(log.doubtAlone(), isNew);
    assert.deepEqual(
      [4, 5, 6].map((offset) => log.snapshot().get(offset)?.interrupted),
      [1, doubtful, 1],
    );
  }
});

test('starts that a stop had forgotten are no interruptions, and what ends of them is charged as always', () => {
  const log = new AttemptLedger();
  log.restore(new Map([[6, failedTimes(1)]]));
  assert.equal(log.forgetStarts(), false);
  log.started(5, EARLIER);
  log.started(5);
  assert.equal(log.forgetStarts(), true);
  assert.equal(log.forgetStarts(), false);
  assert.deepEqual(log.snapshot(), new Map([[6, failedTimes(1)]]));
  log.ended(5, { failed: 1, timedOut: 0 });
  log.ended(5, { failed: 2, timedOut: 0 });
  assert.deepEqual(log.of(5), failedTimes(2));
  log.started(5);
  assert.deepEqual(log.snapshot().get(5), { failed: 2, timedOut: 0, interrupted: 1 });
});

test('what ends without a start, or after it was forgotten, leaves nothing', () => {
  const log = new AttemptLedger();
  log.ended(5, { failed: 1, timedOut: 0 });
  assert.deepEqual(log.of(5), interruptedTimes(0));
});
