import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeSettling, MAX_WAITS, settlingOf } from '../../../lib/core/rules/settling.js';

const MS = 10_000;
const NOW = 1_000_000;

/** A look now at a file of `bytes` that was last written to `age` ago by its disk's clock. */
function look(age: number, bytes = 5) {
  return { bytes, modifiedAt: NOW - age, at: NOW };
}

/** The same file, seen `ms` before. */
function before(ms: number, age: number, bytes = 5) {
  return { bytes, modifiedAt: NOW - age, at: NOW - ms };
}

describe('judgeSettling', () => {
  const CASES: readonly (readonly [
    what: string,
    now: ReturnType<typeof look>,
    seen: ReturnType<typeof look> | null,
    settled: boolean,
  ])[] = [
    ['a file that rests since long', look(MS), null, true],
    ['a young file', look(MS - 1), null, false],
    ['a file of the time to come, by a clock that is ahead', look(-3_600_000), null, false],
    ['the same that did not change', look(-3_600_000), before(MS, -3_600_000), true],
    ['the same that did not change for a shorter time', look(-3_600_000), before(MS - 1, -3_600_000), false],
    ['a file that grows while its time stands still', look(MS * 5, 6), before(MS, MS * 5, 5), false],
    ['a file that is written over in place', look(1), before(MS, 20_000), false],
    ['a file that was written over and rests since long', look(MS), before(MS * 2, MS * 3), false],
    ['a file that rests', look(MS), before(MS, MS), true],
  ];
  for (const [what, now, seen, settled] of CASES) {
    it(`${settled ? 'lets through' : 'holds back'} ${what}`, () => {
      assert.equal(judgeSettling(now, { ms: MS, seen }) === null, settled);
    });
  }

  it('says why', () => {
    assert.equal(
      judgeSettling(look(1_234), { ms: MS, seen: null }),
      'it was written to 1.2 s ago, and is to rest for 10 s',
    );
    assert.equal(judgeSettling(look(1), { ms: MS, seen: before(MS, 1, 4) }), 'it was written to within 10 s');
  });
});

describe('settlingOf', () => {
  it('asks for nothing where nothing is to be awaited, or was for long enough', () => {
    assert.equal(settlingOf(0, null, null, NOW), null);
    assert.deepEqual(settlingOf(MS, null, null, NOW), { ms: MS, seen: null });
    const seen = look(1);
    assert.deepEqual(settlingOf(MS, seen, NOW - MS * MAX_WAITS + 1, NOW), { ms: MS, seen });
    assert.equal(settlingOf(MS, seen, NOW - MS * MAX_WAITS, NOW), null);
  });
});
