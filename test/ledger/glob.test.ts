import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { globPattern, globSource } from '../../lib/ledger/glob.js';

const FEW = ['a', 'b', '/', '.', '\n', '+'];

test('a name fits as it fits the regular expression that the server is given', () => {
  const name = fc.string({ unit: fc.constantFrom(...FEW), maxLength: 8 });
  const glob = fc.string({ unit: fc.constantFrom(...FEW, '*', '?'), maxLength: 6 });
  fc.assert(
    fc.property(name, glob, (text, asked) => {
      assert.equal(globPattern(asked).test(text), new RegExp(globSource(asked), 's').test(text));
    }),
    { numRuns: 3_000 },
  );
});

test('no question takes for ever', () => {
  const path = `/data/${'a'.repeat(4_000)}.csv`;
  for (const asked of ['*'.repeat(2_000), '*a'.repeat(2_000), `${'*a'.repeat(1_000)}*.csv`, '*?'.repeat(1_000)]) {
    assert.ok(globPattern(asked).test(path) || asked.endsWith('a'));
    assert.ok(!globPattern(`${asked}*b`).test(path));
  }
});
