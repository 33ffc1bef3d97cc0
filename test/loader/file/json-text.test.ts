import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectKeys } from '../../../lib/loader/file/json-text.js';

const keysOf = (text: string, encoding: BufferEncoding = 'utf8') => objectKeys(Buffer.from(text, encoding));

test('the keys of objects on lines and in a list', () => {
  assert.deepEqual(keysOf('{"a":1,"b":{"x":1}}\r\n\n {"c":[]}\n'), ['a', 'b', 'c']);
  assert.deepEqual(keysOf('\ufeff[\n{"a":1},\n{"ä b":2}]'), ['a', 'ä b']);
  assert.deepEqual(keysOf('{}\n'), []);
  assert.deepEqual(keysOf('{"__proto__":1}'), ['__proto__']);
});

test('what only ClickHouse may understand is left to it', () => {
  for (const text of ['{"a":1}{"b":2}', '{"a":Infinity}', '{\n"a":1}\n', '[1]', '1', '{"a":1', '{"\\ud800":1}'])
    assert.equal(keysOf(text), null, text);
  assert.equal(keysOf('{"straße":1}', 'latin1'), null);
});
