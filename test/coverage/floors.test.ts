import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { belowFloors, FLOORS, type FolderCoverage, percent } from './floors.js';

const covered = (lines: number, branches: number): FolderCoverage => ({
  lines: { covered: lines, total: 1_000 },
  branches: { covered: branches, total: 1_000 },
});
const floors = { 'lib/a': { lines: 90, branches: 80 } };

describe('the floors of the coverage', () => {
  it('are of folders that exist', () => {
    for (const folder of Object.keys(FLOORS)) assert.ok(existsSync(join(PACKAGE_ROOT, folder)), folder);
  });

  it('hold what stands on them', () => {
    assert.deepEqual(belowFloors(new Map([['lib/a', covered(900, 800)]]), floors), []);
  });

  it('complain about each figure that is below', () => {
    const complaints = belowFloors(new Map([['lib/a', covered(899, 799)]]), floors);
    assert.deepEqual(complaints, [
      'lib/a: 89.9 % of its lines are covered, less than 90 %; test what is new',
      'lib/a: 79.9 % of its branches are covered, less than 80 %; test what is new',
    ]);
  });

  it('complain about a folder without a floor, and a floor without a folder', () => {
    assert.match(belowFloors(new Map([['lib/b', covered(1_000, 1_000)]]), {})[0] as string, /^lib\/b has no floor/);
    assert.match(belowFloors(new Map(), floors)[0] as string, /^lib\/a has a floor and no code/);
  });

  it('are compared with what is rounded down, so that 100 means all', () => {
    assert.equal(percent({ covered: 9_999, total: 10_000 }), 99.9);
    assert.equal(percent({ covered: 0, total: 0 }), 100);
  });
});
