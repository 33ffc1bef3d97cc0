/** Files of other tools whose values were changed once: each is loaded as it was written, or refused with the place. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { queryRows } from '../../sandbox/clickhouse-client.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import { type Bench, startBench } from '../as-cli.js';
import { checkFile } from '../file-cases.js';

const FILES = join(PACKAGE_ROOT, 'test/fixtures/files');

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

interface Case {
  /** In the folder of fixtures, or a name and its contents. */
  readonly file: string | readonly [name: string, contents: string];
  /** Of the table; null where the file makes it. */
  readonly columns: string | null;
  readonly args?: readonly string[];
  /** What is in the table then, or what is said. */
  readonly expected: readonly Record<string, unknown>[] | RegExp;
}

async function check({ file, columns, args = [], expected }: Case): Promise<void> {
  const path = typeof file === 'string' ? join(FILES, file) : await bench.write(...file);
  await checkFile(bench, { table: `foreign_values_${tables++}`, file: path, columns, args, expected });
}

const at = (row: number, column: string, expected: string, found: string): RegExp =>
  new RegExp(`row ${row}, column '${column}': expected ${expected.replace(/[()]/g, '\\$&')}, found ${found}`);

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
  { file: ['zero.csv', 'd\n0000-00-00\n'], columns: 'd Date', expected: at(1, 'd', 'Date', "'0000-00-00'") },
  {
    file: ['zero.jsonl', '{"d":"0000-00-00 00:00:00"}\n'],
    columns: 'd DateTime',
    expected: /expected DateTime, found '0000/,
  },
  {
    file: ['clock.csv', 'd\n2024-01-01 25:61:61\n'],
    columns: 'd DateTime',
    expected: at(1, 'd', 'DateTime', "'2024-01-01 25"),
  },
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
    file: ['cut.csv', 'a\n1.235\n'],
    columns: 'a Decimal(10, 2)',
    expected: /row 1, column 'a': .*'1\.235'.*--allow-rounding/,
  },
  { file: ['cut.csv', 'a\n1.235\n'], columns: 'a Decimal(10, 2)', args: ['--allow-rounding'], expected: [{ a: 1.23 }] },
  { file: ['half.csv', 'a\n10.5\n'], columns: 'a Int64', expected: /row 1, column 'a': .*'10\.5'.*--allow-rounding/ },
  { file: ['half.csv', 'a\n10.5\n'], columns: 'a Int64', args: ['--allow-rounding'], expected: [{ a: 10 }] },
  {
    file: ['ms.csv', 't\n2024-01-31 12:34:56.789\n'],
    columns: "t DateTime('UTC')",
    expected: /\.789'.*--allow-rounding/,
  },
  {
    file: ['ms.csv', 't\n2024-01-31 12:34:56.789\n'],
    columns: "t DateTime('UTC')",
    args: ['--allow-rounding'],
    expected: [{ t: '2024-01-31 12:34:56' }],
  },
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
  { file: ['quoted.csv', 'a,z\n"",1\n'], columns: 'a Nullable(Int64), z Int8', expected: [{ a: null, z: 1 }] },
  { file: ['null.csv', 'a,z\n\\N,1\n'], columns: 'a String, z Int8', expected: /column 'a': .*found no value/ },
  { file: ['nothing.csv', 'a,z\n,1\n'], columns: 'a String, z Int8', expected: [{ a: '', z: 1 }] },
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
  { file: ['cr.tsv', 'id\ts\r1\ta\r'], columns: null, expected: /its lines end with CR alone/ },
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
  {
    file: [
      'spelled.csv',
      'plus,version,money,half,long\n+49,1.10,1.50,1.0,12345678901234567890123\n1,1.2,2.25,0.5,1\n',
    ],
    columns: null,
    expected: [
      { plus: '+49', version: '1.10', money: 1.5, half: 1, long: '12345678901234567890123' },
      { plus: '1', version: '1.2', money: 2.25, half: 0.5, long: '1' },
    ],
  },
];

for (const one of CASES) {
  const { file, columns, args = [] } = one;
  const name = typeof file === 'string' ? file : `${file[0]} ${JSON.stringify(file[1])}`;
  test(`${name} into ${columns ?? 'a table of its own'} ${args.join(' ')}`, async () => await check(one));
}

test('behind the sample a changed number is an error, and another spelling of one is not', async () => {
  const many = '2024-01-01,5\n'.repeat(90_000);
  const before1970 = ['behind.csv', `d,n\n${many}1965-05-05,5\n`] as const;
  await check({ file: before1970, columns: null, expected: /row 90001, column 'd': .*found '1965-05-05'/ });
  const spelled = await bench.write('spelled-behind.csv', `d,n\n${many}2024-01-01,007\n`);
  const ended = await bench.load(spelled, 'spelled_behind', ['--create-table']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(await bench.rows('SELECT count() AS rows FROM spelled_behind WHERE n = 7'), [{ rows: 1 }]);
});

test('a struct that gains a field is refused in every format that has structs, and in lists', async () => {
  await queryRows(bench.clickhouse, 'CREATE TABLE gains (o Tuple(a Int64), l Array(Tuple(a Int64))) ENGINE = Memory');
  for (const [extension, format] of [
    ['parquet', 'Parquet'],
    ['arrow', 'Arrow'],
    ['orc', 'ORC'],
    ['avro', 'Avro'],
    ['jsonl', 'JSONEachRow'],
  ] as const) {
    const gained = "CAST((1, 'x'), 'Tuple(a Int64, b String)')";
    for (const [name, select] of [
      ['o', `SELECT ${gained} AS o, [CAST(tuple(1), 'Tuple(a Int64)')] AS l`],
      ['l', `SELECT CAST(tuple(1), 'Tuple(a Int64)') AS o, [${gained}] AS l`],
    ] as const) {
      const file = await bench.writeSelect(`gains-${name}.${extension}`, select, format);
      const ended = await bench.load(file, 'gains');
      assert.equal(ended.code, 65, `${extension} ${name}: ${ended.stderr}`);
      assert.match(ended.stderr, /'b'|'[ol]\.b'|all fields of '[ol]'/);
      const skipped = await bench.load(file, 'gains', ['--skip-unknown']);
      assert.equal(skipped.code, 0, `${extension} ${name}: ${skipped.stderr}`);
    }
  }
  assert.deepEqual(await bench.rows('SELECT count() AS n, sum(o.a) AS a, sum(l[1].a) AS l FROM gains'), [
    { n: 10, a: 10, l: 10 },
  ]);
});
