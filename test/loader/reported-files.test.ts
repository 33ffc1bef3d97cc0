/**
 * Files of other tools, and by hand, that went wrong once: values changed or lost without a word, files refused that people
 * expect to load, or refusals that helped nobody. Each gives the value as it was written, or an error that says what to do.
 */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../lib/config/load.js';
import { classify, compileSinkRules } from '../../lib/worker/attempt/classify.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { type Bench, startBench } from './as-cli.js';
import { checkFile, type FileCase } from './file-cases.js';

const FILES = join(PACKAGE_ROOT, 'test/fixtures/files');

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

type Case = Pick<FileCase, 'columns' | 'args' | 'expected'> & { readonly file: string };

const at = (row: number, column: string, expected: string, found: string): RegExp =>
  new RegExp(`row ${row}, column '${column}': expected ${expected.replace(/[()]/g, '\\$&')}, found ${found}`);

const ID_S = [
  { id: 1, s: 'a' },
  { id: 2, s: 'b' },
];

const CASES: readonly Case[] = [
  { file: 'date-1965.csv', columns: 'id Int64, d Date', expected: at(2, 'd', 'Date', "'1965-05-05'") },
  {
    file: 'date-1965.csv',
    columns: 'id Int64, d Date32',
    expected: [
      { id: 1, d: '2024-01-01' },
      { id: 2, d: '1965-05-05' },
    ],
  },
  { file: 'date-0230.csv', columns: 'd Date, z Int8', expected: at(1, 'd', 'Date', "'2023-02-30'") },
  {
    file: 'us-dates.csv',
    columns: 'id Int8, d Date',
    expected: /row 1, column 'd': .*found '01\/02\/2024'.*year-month-day/,
  },
  {
    file: 'us-dates.csv',
    columns: null,
    expected: ['01/02/2024', '01/31/2024', '12/25/2024', '03/04/2024'].map((d, i) => ({ id: i + 1, d })),
  },
  { file: 'epoch-ms.jsonl', columns: 'd DateTime', expected: /'1706704496123'.*--allow-rounding/ },
  {
    file: 'epoch-ms.jsonl',
    columns: "d DateTime('UTC')",
    args: ['--allow-rounding'],
    expected: [{ d: '2024-01-31 12:34:56' }],
  },
  { file: 'epoch-ms.jsonl', columns: "d DateTime64(3, 'UTC')", expected: [{ d: '2024-01-31 12:34:56.123' }] },
  { file: 'yyyymmdd.parquet', columns: 'd Date', expected: at(1, 'd', 'Date', "'20240131'") },
  {
    file: 'local-timestamp.avro',
    columns: "id Int32, t DateTime64(6, 'UTC')",
    expected: [{ id: 1, t: '2024-01-01 01:02:03.456789' }],
  },
  { file: 'local-timestamp.avro', columns: null, expected: [{ id: 1, t: '2024-01-01 01:02:03.456789' }] },
  { file: 'date64.arrow', columns: null, expected: /columns 'd' are Arrow date64/ },
  { file: 'fixed16.parquet', columns: 'u UUID', expected: [{ u: '12345678-1234-5678-1234-567812345678' }] },
  {
    file: 'string-abc.parquet',
    columns: 'a FixedString(2), z Int8',
    expected: /column 'a': expected FixedString\(2\), found 'abc'/,
  },
  { file: 'string-abc.parquet', columns: 'a Nullable(FixedString(2)), z Int8', expected: /column 'a': .*found 'abc'/ },
  { file: 'double.parquet', columns: 'a Int32, b UInt8, c Float32', expected: at(1, 'a', 'Int32', "'10000000000'") },
  { file: 'double.parquet', columns: 'b UInt8', args: ['--skip-unknown'], expected: at(1, 'b', 'UInt8', "'-5'") },
  {
    file: 'double.parquet',
    columns: 'c Float32',
    args: ['--skip-unknown'],
    expected: at(1, 'c', 'Float32', "'1e300'"),
  },
  { file: 'string-300.parquet', columns: 'a Int8', expected: at(1, 'a', 'Int8', "'300'") },
  {
    file: 'nested-300.jsonl',
    columns: 'a Array(Int8), m Map(String, Int16), s Tuple(x Int16)',
    expected: /column 'a': expected Array\(Int8\)/,
  },
  {
    file: 'nested-300.jsonl',
    columns: 'a Array(Int16), m Map(String, Int8), s Tuple(x Int16)',
    expected: /column 'm': /,
  },
  {
    file: 'nested-300.jsonl',
    columns: 'a Array(Int16), m Map(String, Int16), s Tuple(x Int8)',
    expected: /column 's': /,
  },
  { file: 'double-0.29.parquet', columns: 'a Decimal(10, 2)', expected: [{ a: 0.29 }] },
  {
    file: 'nested-drift-2.jsonl',
    columns: 'id Int8, o Tuple(a Nullable(Int64))',
    expected: /no column for 'o\.b'.*--skip-unknown/,
  },
  {
    file: 'nested-drift-2.jsonl',
    columns: 'id Int8, o Tuple(a Nullable(Int64))',
    args: ['--skip-unknown'],
    expected: [{ id: 2, o: { a: null } }],
  },
  { file: 'empty-int.tsv', columns: 'a Nullable(Int64), z Int8', expected: [{ a: null, z: 1 }] },
  { file: 'empty-int.tsv', columns: 'a Int64 DEFAULT 5, z Int8', expected: [{ a: 5, z: 1 }] },
  {
    file: 'empty-int.tsv',
    columns: 'a Int64, z Int8',
    expected: /row 1, column 'a': .*found no value.*--null-as-default/,
  },
  {
    file: 'null-into-nonnull.jsonl',
    columns: 'a Int64, z Int8',
    expected: /row 1, column 'a': .*found no value.*--null-as-default/,
  },
  {
    file: 'null-into-nonnull.jsonl',
    columns: 'a Int64, z Int8',
    args: ['--null-as-default'],
    expected: [{ a: 0, z: 1 }],
  },
  {
    file: 'cr-only.csv',
    columns: 'id Int8, s String',
    expected: /its lines end with CR alone; have it written with LF or CRLF/,
  },
  { file: 'empty-name.parquet', columns: null, expected: /does not read its columns ''/ },
  {
    file: 'zip.csv',
    columns: null,
    expected: [
      { id: 1, zip: '02134' },
      { id: 2, zip: '90210' },
    ],
  },
  {
    file: 'zip.csv',
    columns: 'id Int8, zip Int32',
    expected: [
      { id: 1, zip: 2134 },
      { id: 2, zip: 90210 },
    ],
  },
  { file: 'date-1965.csv', columns: 'id Int64, d Date', expected: /MODIFY COLUMN `d` Date32/ },
  { file: 'double.parquet', columns: 'a Int64, b Int64, c Float64', expected: [{ a: 1e10, b: -5, c: 1e300 }] },
  { file: 'string-abc.parquet', columns: 'a FixedString(3), z Int8', expected: [{ a: 'abc', z: 1 }] },
  { file: 'string-300.parquet', columns: 'a Int16', expected: [{ a: 300 }] },
  {
    file: 'nested-300.jsonl',
    columns: 'a Array(Int16), m Map(String, Int16), s Tuple(x Int16)',
    expected: [{ a: [300], m: { k: 300 }, s: { x: 300 } }],
  },
  { file: 'date64.arrow', columns: 'd Date32', expected: /columns 'd' are Arrow date64.*have them written as date32/ },
  { file: 'date64.arrow', columns: "d DateTime64(3, 'UTC')", expected: /columns 'd' are Arrow date64/ },
  {
    file: 'pandas-default.csv',
    columns: null,
    expected: [
      { c1: 0, a: 1, b: 'x' },
      { c1: 1, a: 2, b: 'y' },
    ],
  },
  {
    file: 'pandas-default.csv',
    columns: 'a Int8, b String',
    expected: /column 1 has no name in the header.*index=False/,
  },
  { file: 'trailing-blank-lines.csv', columns: null, expected: ID_S },
  { file: 'sep-line.csv', columns: null, expected: ID_S.slice(0, 1) },
  { file: 'utf16.csv', columns: null, expected: /its text is UTF-16; have it written as UTF-8/ },
  { file: 'empty-array.json', columns: 'a Int64', expected: [] },
  { file: 'hugeint.jsonl', columns: null, expected: [{ id: 1, x: '123456789012345678901234567890' }] },
  {
    file: 'hugeint.jsonl',
    columns: 'id Int64, x Int64',
    expected: at(1, 'x', 'Int64', "'123456789012345678901234567890'"),
  },
  { file: 'epoch-float.jsonl', columns: "a DateTime64(3, 'UTC')", expected: [{ a: '2024-01-31 12:34:56.123' }] },
  {
    file: 'epoch-float.jsonl',
    columns: "a DateTime('UTC')",
    expected: /row 1, column 'a': .*'1706704496\.123'.*--allow-rounding/,
  },
  { file: 'dup-keys.jsonl', columns: 'a Int64', expected: /row 1: it has the key 'a' twice/ },
  { file: 'dup-keys.jsonl', columns: 'a Int64', args: ['--skip-unknown'], expected: /row 1: it has the key 'a' twice/ },
  { file: 'dup-keys.jsonl', columns: null, expected: /it has 'a' twice in one row/ },
  ...[null, 'd Date32', 'd Nullable(String)'].map((columns) => ({
    file: 'date-9999.parquet',
    columns,
    expected: [{ d: '9999-12-31' }],
  })),
  { file: 'date-9999.parquet', columns: "d DateTime64(3, 'UTC')", expected: [{ d: '9999-12-31 00:00:00.000' }] },
  {
    file: 'date-9999.parquet',
    columns: 'd Date',
    expected: /row 1, column 'd': expected Date, found '9999-12-31' .*MODIFY COLUMN `d` String/,
  },
  { file: 'all-none.feather', columns: null, expected: [1, 2].map((id) => ({ id, note: null })) },
  { file: 'duckdb-json-array.parquet', columns: null, expected: [{ o: 1, x: '[1,2]' }] },
];

for (const { file, columns, args = [], expected } of CASES) {
  test(`${file} into ${columns ?? 'a table of its own'} ${args.join(' ')}`, async () => {
    await checkFile(bench, { table: `reported_${tables++}`, file: join(FILES, file), columns, args, expected });
  });
}

test('an empty list makes no table, and is no failure', async () => {
  const ended = await bench.load(join(FILES, 'empty-array.json'), 'reported_empty', ['--create-table']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(await bench.rows("SELECT name FROM system.tables WHERE name = 'reported_empty'"), []);
});

test('nested-drift-1.jsonl makes a table that nested-drift-2.jsonl does not fit into', async () => {
  const first = await bench.load(join(FILES, 'nested-drift-1.jsonl'), 'reported_drift', ['--create-table']);
  assert.deepEqual([first.code, first.stderr], [0, '']);
  const second = await bench.load(join(FILES, 'nested-drift-2.jsonl'), 'reported_drift', ['--create-table']);
  assert.equal(second.code, 65);
  assert.match(second.stderr, /no column for 'o\.b'.*--skip-unknown/);
  assert.deepEqual(await bench.rows('SELECT * FROM reported_drift'), [{ id: 1, o: { a: 1 } }]);
});

test('econnrefused.jsonl is bad data, and no unavailable ClickHouse, whatever its values say', async () => {
  await bench.rows('CREATE TABLE reported_words (n Int64) ENGINE = Memory');
  const { code, stderr } = await bench.load(join(FILES, 'econnrefused.jsonl'), 'reported_words');
  assert.equal(code, 65);
  assert.match(stderr, at(1, 'n', 'Int64', "'connect ECONNREFUSED 10.0.0.1' .*; mend the file or the table\\n$"));
  const { exit_codes: exitCodes, patterns } = loadConfig({ file: null, env: {}, args: {} }).config.service
    .circuit_breaker;
  const attempt = { cause: null, timeoutMs: 1000, signalsSent: [], launchMs: 1, durationMs: 1, stdout: '', stderr };
  const ending = { kind: 'exited', code, signal: null } as const;
  const evidence = { ...attempt, ending, failureText: null, droppedOutputBytes: 0, fileBytes: 38 };
  assert.equal(classify(evidence, compileSinkRules({ exitCodes, patterns })).result, 'failed');
});

test('150-days.csv has more partitions than a block may have, for good, and the message says what helps', async () => {
  await bench.rows('CREATE TABLE reported_days (d Date, x Int64) ENGINE = MergeTree PARTITION BY d ORDER BY ()');
  const file = join(FILES, '150-days.csv');
  const refused = await bench.load(file, 'reported_days');
  assert.equal(refused.code, 65, refused.stderr);
  assert.match(refused.stderr, /Too many partitions.*give a smaller --batch-size/);
  const smaller = await bench.load(file, 'reported_days', ['--batch-size', '50']);
  assert.deepEqual([smaller.code, smaller.stderr], [0, '']);
  assert.deepEqual(await bench.rows('SELECT count() AS n, uniqExact(d) AS days FROM reported_days'), [
    { n: 150, days: 150 },
  ]);
});

test('a CSV of 3,000 long names makes its table', async () => {
  const names = Array.from(
    { length: 3000 },
    (_, n) => `very_long_column_name_of_an_exporter_number_${String(n).padStart(5, '0')}_x`,
  );
  const file = await bench.write('wide.csv', `${names.join(',')}\n${names.map(() => '1').join(',')}\n`);
  const ended = await bench.load(file, 'reported_wide', ['--create-table']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(await bench.rows(`SELECT ${names[0]} + ${names[2999]} AS sum FROM reported_wide`), [{ sum: 2 }]);
});

test('none of the files is left out', async () => {
  const elsewhere = ['nested-drift-1.jsonl', 'econnrefused.jsonl', '150-days.csv'];
  const used = new Set([...CASES.map(({ file }) => file), ...elsewhere]);
  assert.deepEqual(
    (await readdir(FILES)).filter((file) => !used.has(file)),
    [],
  );
});
