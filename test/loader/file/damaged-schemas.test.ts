/** Footers and samples that claim to hold more than they do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longNumbersAsText } from '../../../lib/loader/file/json-text.js';
import { parquetColumns } from '../../../lib/loader/file/parquet-names.js';
import { writeLeb128 } from '../../../lib/util/leb128.js';

/** A footer whose second field is this list of the schema's elements. */
function parquetEnd(elements: readonly number[], count = elements.length): Buffer {
  const listOfStructs = 12;
  const head: number[] = [(2 << 4) | 9, 0xf0 | listOfStructs];
  writeLeb128(head, count);
  const footer = Buffer.from([...head, ...elements, 0]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([footer, length, Buffer.from('PAR1')]);
}

/** A name, and how many elements are within it. */
function element(name: string, children: number): number[] {
  const bytes = [0x48, name.length, ...Buffer.from(name), 0x15];
  writeLeb128(bytes, children * 2);
  return [...bytes, 0];
}

test('columns of columns that are not there are looked for no longer than there is something', () => {
  const elements = [...element('root', 2), ...element('a', 2 ** 50), ...element('b', 0)];
  assert.deepEqual(parquetColumns(parquetEnd(elements, 3)), [{ name: 'a', clocks: [null] }]);
});

test('a list that claims to be longer than the footer ends with it', () => {
  const noElements = parquetEnd([], 2 ** 50);
  assert.throws(() => parquetColumns(noElements), /the footer ends too early/);
  // A list of booleans, which have no bytes of their own as fields.
  const list: number[] = [(1 << 4) | 9, 0xf0 | 1];
  writeLeb128(list, 2 ** 50);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(list.length);
  const end = Buffer.concat([Buffer.from(list), length, Buffer.from('PAR1')]);
  assert.throws(() => parquetColumns(end), /the footer ends too early/);
});

test('strings without an end are read once, and not from each of their quotes', () => {
  const long = '12345678901234567890123';
  const text = `{"a":${long},"b":"${'\\"'.repeat(500_000)}`;
  const read = Buffer.from(longNumbersAsText(Buffer.from(text))).toString();
  assert.equal(read, text.replace(long, `"${long}"`));
});
