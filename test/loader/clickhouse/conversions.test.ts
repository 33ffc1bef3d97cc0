import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversion, Functions, readType, UnknownField } from '../../../lib/loader/clickhouse/conversions.js';
import { parseType } from '../../../lib/loader/clickhouse/type-tree.js';
import type { FormatName } from '../../../lib/loader/file/formats.js';

const STRICT = { rounding: false, nullAsDefault: false, skipUnknown: false, hasDefault: false, column: 'c' };

function converted(from: string, to: string, format: FormatName = 'parquet', options: Partial<typeof STRICT> = {}) {
  const functions = new Functions();
  const all = { ...STRICT, format, ...options };
  return { ...conversion('c', parseType(from), parseType(to), all, functions), functions: functions.definitions };
}

test('text files are read as text, but for types of which ClickHouse refuses what does not fit', () => {
  for (const type of ['UInt8', 'Nullable(Int64)', 'Date', 'DateTime64(3)', 'Decimal(9, 2)', 'Float32'])
    assert.equal(readType(parseType(type), 'csv'), 'Nullable(String)', type);
  assert.equal(readType(parseType('JSON'), 'csv'), 'JSON');
  assert.equal(readType(parseType('Array(Int8)'), 'csv'), 'Nullable(String)');
  // Narrower ones wrap around.
  assert.equal(readType(parseType('Array(Int8)'), 'tsv'), 'Array(Int256)');
  assert.equal(readType(parseType('Array(UInt64)'), 'tsv'), 'Array(Int256)');
  assert.equal(readType(parseType('Array(Int8)'), 'jsonl'), 'Array(Nullable(String))');
  assert.equal(readType(parseType('Map(UInt8, Tuple(a Int8))'), 'jsonl'), 'Map(String, Tuple(`a` Nullable(String)))');
  assert.equal(readType(parseType('JSON'), 'jsonl'), 'JSON');
});

test('what cannot change is left as it is', () => {
  for (const [from, to] of [
    ['Int64', 'Int64'],
    ['Int8', 'Int64'],
    ['UInt32', 'Int64'],
    ['Float32', 'Float64'],
    ['String', 'String'],
    ['Decimal(9, 2)', 'Decimal(18, 4)'],
    ['Array(Int8)', 'Array(Int64)'],
    ['Tuple(a Int8)', 'Tuple(a Int64)'],
    ['Nullable(Int8)', 'Nullable(Int8)'],
    ['FixedString(2)', 'FixedString(3)'],
    // Of a Parquet file with places on a map.
    ['Point', 'Tuple(Float64, Float64)'],
    ['LineString', 'Array(Tuple(Float64, Float64))'],
  ] as const)
    assert.deepEqual(converted(from, to), { value: 'c', fits: null, functions: [] }, `${from} -> ${to}`);
});

test('what may change is looked at', () => {
  for (const [from, to] of [
    ['UInt64', 'UInt8'],
    ['Int64', 'UInt64'],
    ['UInt64', 'Int64'],
    ['Int64', 'Float64'],
    ['Float64', 'Float32'],
    ['Float64', 'Decimal(9, 2)'],
    ['Decimal(9, 3)', 'Decimal(9, 2)'],
    ['Date32', 'Date'],
    ['Date32', 'Date32'],
    ['Array(Date32)', 'Array(Date32)'],
    ['DateTime64(3)', 'DateTime'],
    ['Int64', 'Date'],
    ['String', 'Int64'],
    ['FixedString(3)', 'FixedString(2)'],
    ['Array(Int64)', 'Array(Int8)'],
    ['Map(String, Int64)', 'Map(String, Int8)'],
    ['Tuple(a Int64)', 'Tuple(a Int8)'],
    ['Nullable(Int8)', 'Int8'],
  ] as const)
    assert.notEqual(converted(from, to).fits, null, `${from} -> ${to}`);
});

test('a whole number without a sign is an address of as many bits, whatever its own width', () => {
  assert.equal(converted('UInt32', 'IPv4').fits, null);
  for (const from of ['UInt8', 'UInt16', 'UInt64'])
    assert.match(
      converted(from, 'IPv4').functions.join(),
      /CAST\(accurateCastOrNull\(x, 'UInt32'\), 'Nullable\(IPv4\)'\)/,
    );
});

test('a negative number is no unsigned one of any width, in formats without unsigned types as well', () => {
  for (const format of ['orc', 'avro', 'parquet', 'arrow'] as const)
    for (const from of ['Int8', 'Int16', 'Int32', 'Int64'])
      for (const to of ['UInt8', 'UInt16', 'UInt32', 'UInt64', 'UInt128', 'UInt256'])
        assert.notEqual(converted(from, to, format).fits, null, `${format}: ${from} -> ${to}`);
});

test('a field that the table lacks is refused wherever it is, unless it may be skipped', () => {
  const struct = 'Array(Tuple(a Int8, b Int8))';
  assert.throws(() => converted(struct, 'Array(Tuple(a Int8))'), UnknownField);
  assert.equal(
    converted(struct, 'Array(Tuple(a Int8))', 'parquet', { skipUnknown: true }).value,
    "arrayMap(e0 -> CAST(tuple(tupleElement(e0, 1)), 'Tuple(a Int8)'), c)",
  );
});

test('no value is an error, the default expression, or the default that was asked for', () => {
  assert.equal(converted('Nullable(Int8)', 'Int8').fits, 'isNotNull(c)');
  assert.deepEqual(converted('Nullable(Int8)', 'Int8', 'parquet', { hasDefault: true }).fits, null);
  assert.deepEqual(converted('Nullable(Int8)', 'Int8', 'parquet', { nullAsDefault: true }).fits, null);
});
