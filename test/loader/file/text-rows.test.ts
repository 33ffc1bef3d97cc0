import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foreignSeparator, hasRows, wholeRecords } from '../../../lib/loader/file/text-rows.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

test('a sample ends with a whole record', () => {
  assert.equal(wholeRecords('jsonl', bytes('{"a":1}\n{"a"')), 8);
  assert.equal(wholeRecords('tsv', bytes('a\tb\n"\t2\n3')), 8);
  assert.equal(wholeRecords('csv', bytes('a,b\n1,"x\ny')), 4);
  assert.equal(wholeRecords('csv', bytes('a,b\n1,"x""\ny"\n2')), 14);
  assert.equal(wholeRecords('csv', bytes('5" pipe\nnext')), 8);
  assert.equal(wholeRecords('csv', bytes('no line end')), 0);
});

test('a file of a header or of blanks has no rows', () => {
  for (const file of ['', 'a,b', 'a,b\n', 'a,b\r\n\n', '"a\nb",c\n'])
    assert.equal(hasRows('csv', bytes(file)), false, file);
  assert.equal(hasRows('csv', bytes('a\n1')), true);
  assert.equal(hasRows('tsv', bytes('a"\tb\n')), false);
  assert.equal(hasRows('tsv', bytes('a\tb\n\t\n')), true, 'two empty values');
  assert.equal(hasRows('jsonl', bytes(' \n\n')), false);
  assert.equal(hasRows('jsonl', bytes('{}')), true);
});

test('a header of one column is looked at for other separators', () => {
  assert.deepEqual(foreignSeparator('csv', ['a;b']), {
    why: "its fields are separated by ';'",
    remedy: 'have it written with commas',
  });
  assert.match(foreignSeparator('csv', ['a\tb'])?.remedy ?? '', /--format tsv/);
  assert.match(foreignSeparator('tsv', ['a,b'])?.remedy ?? '', /--format csv/);
  assert.match(foreignSeparator('tsv', ['a|b'])?.remedy ?? '', /tabs/);
  assert.equal(foreignSeparator('csv', ['a;b', 'c']), null);
  assert.equal(foreignSeparator('csv', ['a b']), null);
  assert.equal(foreignSeparator('jsonl', ['a;b']), null);
});
