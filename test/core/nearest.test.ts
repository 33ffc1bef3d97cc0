import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../lib/core/nearest.js';

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
  for (const [word, meant] of CASES) assert.equal(nearest(word, OPTIONS), meant, word);
});

test('of two candidates at the same distance the earlier one is taken', () => {
  assert.equal(nearest('cat', ['car', 'cut']), 'car');
  assert.equal(nearest('cat', ['cut', 'car']), 'cut');
});

test('there is nothing to suggest without candidates', () => {
  assert.equal(nearest('topic', []), null);
});
