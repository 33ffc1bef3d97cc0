/** Globs of whole names, the same here and in ClickHouse. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
});
