import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  aloneAt,
  BOOT_OFFSET,
  bootEntry,
  countOf,
  DOUBTED,
  doubtsOf,
  endedByBoot,
  interruptedOnceLess,
  interruptedOnceMore,
} from '../../../lib/core/offsets/interruptions.js';

/** What stands above the count, and the first of it that is a time. The numbers are in commits: other versions read them. */
const UNIT = 1_024;
const FIRST_TIME = 1_000;
const MINUTE_MS = 60_000;
const NOW_MINUTES = 29_000_000;

describe('The number of interruptions', () => {
  const READ: readonly (readonly [
    what: string,
    number: number,
    count: number,
    doubts: number,
    aloneAt: number | null,
  ])[] = [
    ['nothing', 0, 0, 0, null],
    ['a count', 3, 3, 0, null],
    ['the highest count', UNIT - 1, UNIT - 1, 0, null],
    ['a doubt', UNIT + 2, 2, 1, null],
    ['the most doubts', (FIRST_TIME - 1) * UNIT + 1, 1, FIRST_TIME - 1, null],
    ['the first time', FIRST_TIME * UNIT + 1, 1, 0, FIRST_TIME * MINUTE_MS],
    ['a time of today', NOW_MINUTES * UNIT + 5, 5, 0, NOW_MINUTES * MINUTE_MS],
  ];
  for (const [what, number, count, doubts, at] of READ) {
    it(`is read where it is ${what}`, () => {
      assert.deepEqual(
        { count: countOf(number), doubts: doubtsOf(number), aloneAt: aloneAt(number) },
        { count, doubts, aloneAt: at },
      );
    });
  }

  const MORE: readonly (readonly [what: string, number: number, aloneSince: number | null, more: number])[] = [
    ['beside others', 0, null, 1],
    ['beside others, after a time', NOW_MINUTES * UNIT + 1, null, 2],
    ['beside others, at the highest count', UNIT - 1, null, UNIT - 1],
    ['doubted', 1, DOUBTED, UNIT + 2],
    ['doubted again', 3 * UNIT + 1, DOUBTED, 4 * UNIT + 2],
    ['doubted after the most doubts', (FIRST_TIME - 1) * UNIT, DOUBTED, (FIRST_TIME - 1) * UNIT + 1],
    ['doubted after a time', NOW_MINUTES * UNIT + 1, DOUBTED, UNIT + 2],
    ['alone, by the minute', 2 * UNIT + 1, NOW_MINUTES * MINUTE_MS + MINUTE_MS - 1, NOW_MINUTES * UNIT + 2],
    ['alone by a clock that is wrong', 0, 1, FIRST_TIME * UNIT + 1],
  ];
  for (const [what, number, aloneSince, more] of MORE) {
    it(`is one more for a load that runs ${what}`, () => assert.equal(interruptedOnceMore(number, aloneSince), more));
  }

  it('is one less without the load that ran, never below none, and says no more that it ran alone', () => {
    const less = [0, 1, 3, 2 * UNIT, NOW_MINUTES * UNIT + 2].map((number) => interruptedOnceLess(number));
    assert.deepEqual(less, [0, 0, 2, 0, 1]);
  });
});

describe('The boot of a commit', () => {
  it('stands where no record does, in the numbers of an entry', () => {
    assert.equal(BOOT_OFFSET, 2 ** 53 - 1);
    assert.deepEqual(bootEntry({ machine: 7, boot: 8 }, 3), { failed: 7, timedOut: 8, interrupted: 3 });
  });

  it('tells how many loads ended with it: on the same machine, after another boot', () => {
    const entry = bootEntry({ machine: 7, boot: 8 }, 3);
    const ended = [
      endedByBoot(entry, { machine: 7, boot: 9 }),
      endedByBoot(entry, { machine: 7, boot: 8 }),
      endedByBoot(entry, { machine: 6, boot: 9 }),
      endedByBoot(entry, null),
      endedByBoot(undefined, { machine: 7, boot: 9 }),
    ];
    assert.deepEqual(ended, [3, 0, 0, 0, 0]);
  });
});
