/**
 * Types that few files have, or that are within others: what ClickHouse's own cast would do with them is wrap, cut, clamp or take
 * another unit. The small files are by pyarrow, fastavro and polars, since ClickHouse writes no such types.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import { type Bench, startBench } from '../as-cli.js';

const FILES = join(PACKAGE_ROOT, 'test/fixtures/types');

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

/** A column of the file, the type of the table's, and what is read back; null for a refusal that names row and column. */
type Case = readonly [column: string, type: string, expected: unknown];

async function check(file: string, [column, type, expected]: Case): Promise<void> {
  const table = `other_types_${tables++}`;
  await bench.rows(`CREATE TABLE ${table} (${column} ${type}) ENGINE = Memory`);
  const ended = await bench.load(file, table, ['--skip-unknown']);
  const what = `${column} into ${type}: ${ended.stderr}`;
  assert.equal(ended.code, expected === null ? 65 : 0, what);
  if (expected === null) assert.match(ended.stderr, new RegExp(`row 1, column '${column}': expected `), what);
  const rows = await bench.rows(`SELECT * FROM ${table}`);
  assert.deepEqual(rows, expected === null ? [] : [{ [column]: expected }], what);
}

const UTC3 = "DateTime64(3, 'UTC')";

const RECORD = 'Tuple(x Nullable(Int64), y Nullable(String))';
const NO_RECORD = { x: null, y: null };
/** Records, lists and maps that are NULL. */
const ABSENT: readonly Case[] = [
  ['record', RECORD, NO_RECORD],
  ['record', 'Tuple(x Int64, y String)', null],
  ['records', `Array(${RECORD})`, [NO_RECORD]],
  ['records', 'Array(Tuple(x Nullable(Int64), y String))', null],
  ['list', 'Array(Int32)', []],
  ['byName', 'Map(String, Int32)', {}],
];

const FIXTURES: Readonly<Record<string, readonly Case[]>> = {
  'clocks.arrows': [
    ['seconds', 'Int16', 300],
    ['seconds', 'Int8', null],
    ['seconds', 'Time', '00:05:00'],
    ['seconds', 'Date', null],
    ['seconds', 'Bool', null],
    ['back', 'UInt64', null],
    ['back', 'DateTime', null],
    ['millis', 'Int64', 1500],
    ['millis', 'Time64(3)', null],
    ['spans', 'Array(Int8)', null],
    ['clock', 'Time', '01:01:01'],
    ['clock', 'Int32', 3661],
    ['fraction', 'Int32', null],
    ['fraction', 'Time', null],
    ['fraction', 'Time64(6)', '01:01:01.500000'],
    ['fraction', 'Decimal(9, 1)', 3661.5],
    ['fraction', 'Decimal(9, 0)', null],
    ['fraction', 'Date', null],
    ['fraction', UTC3, '1970-01-01 01:01:01.500'],
    ['fraction', "DateTime64(3, 'Asia/Tokyo')", null],
    ['fractions', 'Array(Int64)', null],
    ['fractions', 'Array(String)', ['01:01:01.500']],
    ['ids', 'Array(UUID)', ['61f0c404-5cb3-11e7-907b-a6006ad3dba0']],
  ],
  // ClickHouse describes them as instants of 1 January 1970.
  'clocks.parquet': [
    ['millis', 'String', '01:01:01.500'],
    ['millis', 'Time64(3)', '01:01:01.500'],
    ['millis', 'Time', null],
    ['millis', 'Date', null],
    ['millis', 'Decimal(9, 1)', 3661.5],
    ['millis', UTC3, '1970-01-01 01:01:01.500'],
    ['millis', "DateTime64(3, 'Asia/Tokyo')", null],
    ['micros', 'Nullable(String)', '01:01:01.000001'],
    ['micros', 'Time64(3)', null],
    ['nanos', 'String', '01:01:01.000000001'],
    ['nanos', 'Time64(9)', '01:01:01.000000001'],
    ['whole', 'Time', '01:01:01'],
    ['whole', 'Int32', 3661],
    ['list', 'Array(Nullable(String))', ['01:01:01.500000', null]],
    ['byName', 'Map(String, FixedString(12))', { k: '01:01:01.500' }],
    ['inside', 'Tuple(n Int8, at String)', { n: 1, at: '01:01:01.500000' }],
    ['inside', 'Tuple(n Int8, at Time64(6))', { n: 1, at: '01:01:01.500000' }],
    ['instant', 'String', '1970-01-01 01:01:01.000'],
  ],
  'absent.arrows': ABSENT,
  'absent.orc': ABSENT,
  'absent.avro': [...ABSENT, ['present', 'Tuple(x Int8, y String)', { x: 5, y: 's' }]],
  'alternatives.avro': [
    ['large', 'Int16', 300],
    ['large', 'Int8', null],
    ['large', 'Nullable(UInt8)', null],
    ['large', 'String', '300'],
    ['text', 'Nullable(Int64)', null],
    ['text', 'String', 'x'],
    ['negative', 'UInt64', null],
    ['negative', 'Date', null],
    ['fraction', 'Int32', null],
    ['fraction', 'Decimal(9, 0)', null],
    ['fraction', 'Decimal(9, 1)', 1.5],
    ['time', 'DateTime', null],
    ['time', "DateTime64(6, 'UTC')", '1960-01-01 00:00:00.000000'],
    ['flag', 'Bool', null],
    ['list', 'Array(Int8)', null],
    ['list', 'Array(String)', ['300', 'x']],
    ['numbers', 'Int16', 300],
    ['numbers', 'Int8', null],
    ['kind', "Enum8('b' = 7, 'a' = 3)", 'b'],
    ['kind', "Enum8('a' = 0)", null],
    ['kind', 'Int8', null],
    ['kinds', "Array(Enum8('b' = 7, 'a' = 3))", ['b', 'a']],
  ],
  'times.avro': [
    ['clocks', 'Array(Time64(3))', ['01:01:01.500']],
    ['clocks', `Array(${UTC3})`, ['1970-01-01 01:01:01.500']],
    ['clocks', 'Array(Int32)', [3_661_500]],
    ['locals', `Array(${UTC3})`, ['1970-01-02 00:00:00.000']],
    ['byName', 'Map(String, Time64(6))', { k: '00:00:01.000000' }],
    [
      'inside',
      `Tuple(at ${UTC3}, again Tuple(t Time64(3)), list Array(Tuple(t Time)))`,
      { at: '1970-01-02 00:00:00.000', again: { t: '00:00:02.000' }, list: [{ t: '00:00:03' }] },
    ],
    ['nanos', "DateTime64(9, 'UTC')", '2024-01-31 12:34:56.123456789'],
    ['nanos', "DateTime('UTC')", null],
  ],
};

for (const [file, cases] of Object.entries(FIXTURES))
  for (const one of cases) test(`${file}: ${one[0]} into ${one[1]}`, async () => await check(join(FILES, file), one));

test('a time of its own unit among values of other types is refused, as ClickHouse takes it for a number', async () => {
  await bench.rows(`CREATE TABLE mixed (mixed ${UTC3}) ENGINE = Memory`);
  const ended = await bench.load(join(FILES, 'mixed.avro'), 'mixed');
  assert.equal(ended.code, 65, ended.stderr);
  assert.match(ended.stderr, /column 'mixed' has times among values of other types.*timestamp-micros/);
});

test('a file of polars, whose schema is no message, is loaded and its rows are counted', async () => {
  const file = join(FILES, 'polars.arrow');
  await bench.rows('CREATE TABLE of_polars (v Int64, s String, d Date) ENGINE = MergeTree ORDER BY v');
  await bench.rows('CREATE MATERIALIZED VIEW of_polars_view ENGINE = MergeTree ORDER BY v AS SELECT v FROM of_polars');
  const ended = await bench.load(file, 'of_polars', ['--json']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal((JSON.parse(ended.stdout) as { rows: number }).rows, 1);
  assert.deepEqual(await bench.rows('SELECT * FROM of_polars'), [{ v: 7, s: 'x', d: '2024-01-31' }]);
  const made = await bench.load(file, 'made_of_polars', ['--create-table']);
  assert.equal(made.code, 0, made.stderr);
});

test('a table is made of times of day of Parquet as of those of Arrow', async () => {
  const made = await bench.load(join(FILES, 'clocks.parquet'), 'made_of_clocks', ['--create-table']);
  assert.equal(made.code, 0, made.stderr);
  const named = ['millis', 'micros', 'nanos', 'list', 'byName', 'inside', 'instant'];
  const types = await bench.rows(
    `SELECT ${named.map((name) => `toTypeName(${name}) AS ${name}`).join(', ')} FROM made_of_clocks`,
  );
  assert.deepEqual(types, [
    {
      millis: 'Nullable(Time64(3))',
      micros: 'Nullable(Time64(6))',
      nanos: 'Nullable(Time64(9))',
      list: 'Array(Nullable(Time64(6)))',
      byName: 'Map(String, Nullable(Time64(3)))',
      inside: 'Tuple(\n    n Nullable(Int8),\n    at Nullable(Time64(6)))',
      instant: "Nullable(DateTime64(3, 'UTC'))",
    },
  ]);
});

test('a table is made of alternatives, and of those that are all whole numbers a column of numbers', async () => {
  const made = await bench.load(join(FILES, 'alternatives.avro'), 'made_of_alternatives', ['--create-table']);
  assert.equal(made.code, 0, made.stderr);
  const rows = await bench.rows(
    'SELECT numbers, toTypeName(numbers) AS type, toTypeName(large) AS large FROM made_of_alternatives',
  );
  assert.deepEqual(rows, [{ numbers: 300, type: 'Nullable(Int64)', large: 'Variant(Int64, String)' }]);
});

/** What ClickHouse writes, into columns of another shape. */
const SHAPES: readonly (readonly [value: string, type: string, expected: unknown])[] = [
  ["[CAST(('a', 300), 'Tuple(k String, v Int64)')]", 'Map(String, Int8)', null],
  ["[CAST(('a', 300), 'Tuple(k String, v Int64)')]", 'Map(String, Int16)', { a: 300 }],
  ["map('a', 300)", 'Array(Tuple(k String, v Int8))', null],
  ["map('a', 300)", 'Array(Tuple(k String, v Int16))', [{ k: 'a', v: 300 }]],
  ["map('a', 300)", 'Int8', null],
  ["'(300,\\'x\\')'", 'Tuple(a Int8, b String)', null],
  ["'(3,\\'x\\')'", 'Tuple(a Int8, b String)', { a: 3, b: 'x' }],
  ["'[300,1]'", 'Array(Int8)', null],
  ["'[300,1]'", 'Array(Int16)', [300, 1]],
  ["CAST('[3]', 'Nullable(String)')", 'Array(Int8)', [3]],
  ["CAST(NULL, 'Nullable(String)')", 'Array(Int8)', null],
  ["'{}'", 'Map(String, Int8)', {}],
  ["'{\\'a\\':300}'", 'Map(String, Int8)', null],
  ["''", 'Map(String, Int8)', null],
  ['toInt64(300)', 'Array(Int8)', null],
  ["CAST(300, 'Nullable(Int64)')", 'Tuple(a Int8)', null],
  ["toDecimal64('1.5', 2)", 'UUID', null],
  ['toFloat64(1.5)', 'IPv4', null],
  ['toInt64(5)', 'UUID', null],
  ['toUInt32(16909060)', 'IPv4', '1.2.3.4'],
  ['toUInt64(16909060)', 'IPv4', '1.2.3.4'],
  ['toUInt64(4294967297)', 'IPv4', null],
  ['toUInt16(772)', 'IPv4', '0.0.3.4'],
  ["toDateTime64('2024-01-31 12:00:00', 3, 'UTC')", 'Time', null],
  ["toDateTime64('1970-01-01 12:00:00', 3, 'UTC')", 'Time', '12:00:00'],
  ["toDate32('2024-01-31')", 'Time64(3)', null],
  // A DateTime64 holds more years than ClickHouse shows; DuckDB writes them for its infinity.
  ["fromUnixTimestamp64Micro(9223372036854775807, 'UTC')", "DateTime64(6, 'UTC')", null],
  ["fromUnixTimestamp64Micro(-9223372036854775807, 'UTC')", UTC3, null],
  ["fromUnixTimestamp64Micro(9223372036854775807, 'UTC')", 'String', null],
  ["[fromUnixTimestamp64Milli(253402300800000, 'UTC')]", `Array(${UTC3})`, null],
  ["[fromUnixTimestamp64Milli(253402300799999, 'UTC')]", `Array(${UTC3})`, ['9999-12-31 23:59:59.999']],
  ["fromUnixTimestamp64Milli(-62135596800000, 'UTC')", "DateTime64(6, 'UTC')", '0001-01-01 00:00:00.000000'],
  ['toFloat64(280000000000)', UTC3, null],
  ['toFloat64(-20000000000000)', UTC3, null],
  ["[toDecimal64('280000000000', 2)]", `Array(${UTC3})`, null],
  ["toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", 'UInt128', null],
];

for (const [index, [value, type, expected]] of SHAPES.entries())
  test(`parquet: ${value} into ${type}`, async () => {
    const file = await bench.writeSelect(`shape-${index}.parquet`, `SELECT ${value} AS c`, 'Parquet');
    await check(file, ['c', type, expected]);
  });
