import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chooseFormat,
  contentsOf,
  type FormatName,
  hasRows,
  parquetFooter,
  wholeRecords,
} from '../../lib/loader/formats.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

test('contents are told by the first bytes', () => {
  assert.equal(contentsOf(bytes('')), 'empty');
  assert.equal(contentsOf(bytes('PAR1\x15\x00')), 'parquet');
  assert.equal(contentsOf(bytes('\xef\xbb\xbf\n {"a":1}')), 'json');
  assert.equal(contentsOf(bytes('a,b\n')), 'text');
  assert.equal(contentsOf(bytes('\x1f\x8b\x08\x00')), 'binary');
});

type Case = readonly [option: FormatName | null, file: string, head: string, expected: string];

const CASES: readonly Case[] = [
  [null, '/d/a.parquet', 'PAR1', 'parquet'],
  [null, '/d/a.PQ', 'PAR1', 'parquet'],
  [null, '/d/a.csv', 'a,b', 'csv'],
  [null, '/d/a.ndjson', '{}', 'jsonl'],
  [null, '/d/a.json', '', 'jsonl'],
  [null, '/d/noext', 'PAR1', 'parquet'],
  [null, '/d.csv/noext', '{"a":1}', 'jsonl'],
  ['csv', '/d/a.jsonl', 'a,b', 'csv'],
  ['jsonl', '/d/a.log', '{}', 'jsonl'],
  [null, '/d/a.txt', 'a,b', 'undecided'],
  [null, '/d/.csv', 'a,b', 'undecided'],
  [null, '/d/a.gz', '\x1f\x8b\x08\x00', 'undecided'],
  [null, '/d/a.parquet', 'garbage', 'contradiction'],
  [null, '/d/a.parquet', '', 'contradiction'],
  [null, '/d/a.csv', 'PAR1', 'contradiction'],
  ['csv', '/d/a.parquet', 'PAR1', 'contradiction'],
  ['jsonl', '/d/a', '{\x00', 'contradiction'],
];

test('the option decides, then the extension, then the contents, which have a veto', () => {
  for (const [option, file, head, expected] of CASES) {
    const choice = chooseFormat(option, file, bytes(head));
    const outcome = choice.kind === 'format' ? choice.format.name : choice.kind;
    assert.equal(outcome, expected, `${option} ${file} ${head}`);
  }
});

test('a contradiction names the option, the extension and the contents', () => {
  const choice = chooseFormat('csv', '/d/a.json', bytes('PAR1'));
  assert.equal(
    choice.kind === 'contradiction' && choice.reason,
    "it is not csv (--format csv, extension '.json', contents parquet)",
  );
});

test('a sample ends with a whole record', () => {
  assert.equal(wholeRecords('jsonl', bytes('{"a":1}\n{"a"')), 8);
  assert.equal(wholeRecords('csv', bytes('a,b\n1,"x\ny')), 4);
  assert.equal(wholeRecords('csv', bytes('a,b\n1,"x""\ny"\n2')), 14);
  assert.equal(wholeRecords('csv', bytes('5" pipe\nnext')), 8);
  assert.equal(wholeRecords('csv', bytes('no line end')), 0);
});

test('a file of a header or of blanks has no rows', () => {
  for (const file of ['', 'a,b', 'a,b\n', 'a,b\r\n\n', '"a\nb",c\n'])
    assert.equal(hasRows('csv', bytes(file)), false, file);
  assert.equal(hasRows('csv', bytes('a\n1')), true);
  assert.equal(hasRows('jsonl', bytes(' \n\n')), false);
  assert.equal(hasRows('jsonl', bytes('{}')), true);
});

test('the footer of a Parquet file is found from its end', () => {
  assert.deepEqual(parquetFooter(bytes('\x10\x00\x00\x00PAR1'), 100), { start: 76, length: 24 });
  assert.equal(parquetFooter(bytes('\x10\x00\x00\x00PARE'), 100), null);
  assert.equal(parquetFooter(bytes('\xff\xff\x00\x00PAR1'), 100), null);
  assert.equal(parquetFooter(bytes('\x00\x00\x00\x00PAR1'), 100), null);
  assert.equal(parquetFooter(bytes('PAR1'), 4), null);
});
