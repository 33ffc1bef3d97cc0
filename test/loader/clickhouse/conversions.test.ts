import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conversion, widened } from '../../../lib/loader/clickhouse/conversions.js';

test('integers of text are read by a type that is wide enough to see that they are too large', () => {
  assert.equal(widened('UInt8'), 'UInt64');
  assert.equal(widened('Int32'), 'Int64');
  assert.equal(widened('Int64'), 'Int128');
  assert.equal(widened('Nullable(UInt64)'), 'Nullable(UInt128)');
  for (const type of ['Int128', 'UInt256', 'Float64', 'LowCardinality(Int8)', 'Array(Int8)', 'Bool'])
    assert.equal(widened(type), type);
});

const CASES: readonly (readonly [from: string, to: string, kind: string | null])[] = [
  ['Int64', 'Int64', null],
  ['Int8', 'Int64', null],
  ['UInt8', 'Int16', null],
  ['UInt64', 'UInt8', 'in-range'],
  ['Nullable(Int64)', 'UInt8', 'in-range'],
  ['Int128', 'Nullable(Int64)', 'in-range'],
  ['Int8', 'UInt16', 'in-range'],
  ['Int64', 'UInt64', 'in-range'],
  ['UInt64', 'Int64', 'in-range'],
  ['UInt32', 'Int64', null],
  ['Int32', 'UInt64', 'in-range'],
  ['Int64', 'Float64', null],
  ['String', 'String', null],
  ['String', 'Int64', 'parsed'],
  ['String', 'Nullable(Int64)', 'parsed'],
  ['Nullable(String)', 'Int64', 'parsed'],
  ['LowCardinality(Nullable(String))', 'DateTime', 'parsed'],
  ['Nullable(String)', 'LowCardinality(String)', null],
  ['Nullable(String)', 'Array(Int64)', null],
];

test('only what ClickHouse would change without a word is converted', () => {
  for (const [from, to, kind] of CASES)
    assert.equal(conversion(from, to, true)?.kind ?? null, kind, `${from} -> ${to}`);
});

test('where a format has no unsigned types, 64 bits keep what they are', () => {
  assert.equal(conversion('Int64', 'UInt64', false), null);
  assert.equal(conversion('Int32', 'UInt32', false)?.kind, 'in-range');
  assert.equal(conversion('Int64', 'UInt32', false)?.kind, 'in-range');
});
