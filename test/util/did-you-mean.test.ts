import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean } from '../../lib/util/did-you-mean.js';

const OPTIONS = ['--file', '--table-name', '--create-table', '--schema-file', '--db-host', '--db-port'];

const CASES: readonly (readonly [word: string, meant: string | null])[] = [
  ['--tabel-name', '--table-name'],
  ['--table_name', '--table-name'],
  ['--TABLE-NAME', '--table-name'],
  ['--fil', '--file'],
  ['--db-prot', '--db-port'],
  ['--schemafile', '--schema-file'],
  ['--verbose', null],
  ['', null],
  ['x', null],
];

test('the nearest candidate is suggested and nothing when none is near', () => {
  for (const [word, meant] of CASES) assert.equal(didYouMean(word, OPTIONS), meant, word);
});

test('of two candidates at the same distance the earlier one is taken', () => {
  assert.equal(didYouMean('cat', ['car', 'cut']), 'car');
  assert.equal(didYouMean('cat', ['cut', 'car']), 'cut');
});

test('there is nothing to suggest without candidates', () => {
  assert.equal(didYouMean('topic', []), null);
});
