/** Globs of whole names, the same here and in ClickHouse. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { globSource, isGlobMatch } from '../../lib/ledger/glob.js';

const GLOBS = [
  '',
  '*',
  '**',
  '?',
  'a',
  '*a',
  'a*',
  '*a*',
  'a?c',
  '*ab*ab',
  '*.csv',
  '/in/*/?.csv',
  'a.c',
  '*?',
  '[a]*',
];
const NAMES = [
  '',
  'a',
  'b',
  'ab',
  'abc',
  'a.c',
  'abab',
  'ababab',
  'aab',
  '/in/x/y.csv',
  '/in/x/yy.csv',
  '[a]',
  'a*',
  'a\nc',
];

describe('a glob', () => {
  for (const glob of GLOBS) {
    it(`is the same as its regular expression: ${JSON.stringify(glob)}`, () => {
      const pattern = new RegExp(globSource(glob), 's');
      for (const name of NAMES) assert.equal(isGlobMatch(glob, name), pattern.test(name), name);
    });
  }

  it('of many stars is answered', () => {
    const name = 'a'.repeat(4_000);
    assert.equal(isGlobMatch(`${'*'.repeat(1_000)}b`, name), false);
    assert.equal(isGlobMatch(`${'*a'.repeat(1_000)}*b`, name), false);
    assert.equal(isGlobMatch('*a'.repeat(1_000), name), true);
  });

  it('fits as it fits the regular expression that the server is given', () => {
    const few = ['a', 'b', '/', '.', '\n', '+'];
    const name = fc.string({ unit: fc.constantFrom(...few), maxLength: 8 });
    const glob = fc.string({ unit: fc.constantFrom(...few, '*', '?'), maxLength: 6 });
    fc.assert(
      fc.property(name, glob, (text, asked) => {
        assert.equal(isGlobMatch(asked, text), new RegExp(globSource(asked), 's').test(text));
      }),
      { numRuns: 3_000 },
    );
  });
});
