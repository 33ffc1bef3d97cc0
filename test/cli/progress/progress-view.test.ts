import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { progressLine } from '../../../lib/cli/progress/progress-view.js';

const HALF = { what: 'replayed', done: 1_205, all: 2_410, seconds: 60 };

describe('the line of progress', () => {
  it('is plain where it goes to no terminal', () => {
    assert.equal(progressLine(HALF, null), '1,205 of 2,410 replayed, 50 %, 60 s left');
    assert.equal(progressLine({ ...HALF, done: 0 }, null), '0 of 2,410 replayed, 0 %');
    assert.equal(progressLine({ ...HALF, done: 2_410 }, null), '2,410 of 2,410 replayed, 100 %');
    assert.equal(progressLine({ ...HALF, all: 0, done: 0 }, null), '0 of 0 replayed, 100 %');
    assert.equal(progressLine({ ...HALF, all: 1_000_000 }, null), '1,205 of 1,000,000 replayed, 0 %, 14 h left');
  });

  for (const columns of [20, 40, 60, 80, 120]) {
    it(`leaves the last of ${columns} columns free`, () => {
      for (const done of [0, 1, 1_205, 2_410]) {
        const line = progressLine({ ...HALF, done }, { columns, colours: false });
        assert.ok(line.length < columns, `${line.length}: ${line}`);
      }
    });
  }

  it('has a bar where there is room for one, in colour where that is wanted', () => {
    const line = progressLine(HALF, { columns: 60, colours: false });
    assert.equal(
      line,
      '[#######.......] 1,205 of 2,410 replayed, 50 %, 60 s left'.replace(
        '#######.......',
        '#'.repeat(8) + '.'.repeat(8),
      ),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.match(progressLine(HALF, { columns: 60, colours: true }), /\u001b\[32m#+\.+\u001b\[39m/);
    assert.ok(!progressLine(HALF, { columns: 40, colours: true }).includes('\u001b'));
  });
});
