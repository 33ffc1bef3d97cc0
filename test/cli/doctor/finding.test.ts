import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ill, renderFinding, summary, unasked, well } from '../../../lib/cli/doctor/finding.js';

const LONG = ill(
  'topic files',
  'it is not there, or this user may not see it',
  'make it, with as many partitions as instances will share',
);

describe('a finding of doctor', () => {
  it('has a tick, a cross with advice, or a dash', () => {
    const shown = (one: typeof LONG) => renderFinding(one, { columns: 100, colours: false });
    assert.equal(shown(well('port 1:2', 'it is free')), '✓ port 1:2: it is free\n');
    assert.equal(shown(ill('a', 'bad', 'mend it')), '✗ a: bad\n  → mend it\n');
    assert.equal(shown(unasked('b', 'a is bad')), '– b: not asked: a is bad\n');
  });

  for (const columns of [40, 60, 120]) {
    it(`fits ${columns} columns, without colours where none are wanted`, () => {
      const plain = renderFinding(LONG, { columns, colours: false });
      assert.deepEqual(
        plain.split('\n').filter((line) => line.length > columns),
        [],
      );
      assert.ok(!plain.includes('\u001b'));
      assert.ok(renderFinding(LONG, { columns, colours: true }).startsWith('\u001b[31m✗\u001b[0m '));
    });
  }

  it('is counted at the end', () => {
    assert.equal(summary([well('a', 'b')]), 'all is well');
    assert.equal(summary([LONG, LONG, unasked('a', 'b')]), '2 to be mended, 1 not asked');
  });
});
