import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockRows, type RowSize } from '../../../lib/loader/blocks/block-rows.js';

const CASES: readonly (readonly [what: string, size: RowSize | null, rows: number])[] = [
  ['a file that does not tell', null, 10_000],
  ['an empty one', { rows: 0, bytes: Number.NaN }, 10_000],
  ['500,000 rows', { rows: 500_000, bytes: 60 }, 10_000],
  ['one row more', { rows: 500_001, bytes: 67.2 }, 998_000],
  ['rows of some bytes', { rows: 6_000_000, bytes: 8 }, 1_000_000],
  ['rows of 64 bytes and a bit', { rows: 6_000_000, bytes: 68 }, 986_000],
  ['rows of a kilobyte', { rows: 6_000_000, bytes: 1024 }, 65_000],
  ['rows of ten kilobytes', { rows: 6_000_000, bytes: 10_240 }, 6_000],
  ['rows of a megabyte', { rows: 6_000_000, bytes: 1024 * 1024 }, 1_000],
  ['rows of no size', { rows: 6_000_000, bytes: 0 }, 10_000],
  ['rows whose size is no number', { rows: 6_000_000, bytes: Number.NaN }, 10_000],
  ['a number of rows that is none', { rows: Number.NaN, bytes: 64 }, 10_000],
  ['less than nothing, as a damaged file may claim', { rows: 6_000_000, bytes: -1 }, 10_000],
];

for (const [what, size, rows] of CASES) {
  test(`${what}: blocks of ${rows} rows`, () => {
    assert.equal(blockRows(size), rows);
  });
}
