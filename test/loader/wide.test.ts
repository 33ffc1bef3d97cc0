/** Files of very many columns: some statement about them is longer than an address, or than a server's default limits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MANY_COLUMNS } from '../../lib/loader/clickhouse/insert-statement.js';
import { type Bench, startBench } from './as-cli.js';

/** 20,000 take a minute of an idle machine. */
const COLUMNS = process.env['FAULTS'] === 'full' ? 20_000 : 3_000;

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const names = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `very_long_column_name_of_an_exporter_number_${index}`);

async function succeeds(file: string, table: string, args: readonly string[] = []): Promise<void> {
  const ended = await bench.load(file, table, args);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
}

test(`a CSV file of ${COLUMNS} columns makes its table, and loads when it is compressed too`, async () => {
  const header = names(COLUMNS);
  const rows = [1, 2].map((row) => header.map((_, index) => (index % 3 === 0 ? `x${row}` : row * index)).join(','));
  const file = await bench.write('wide.csv', `${header.join(',')}\n${rows.join('\n')}\n`);
  await succeeds(file, 'wide_csv', ['--create-table']);
  await succeeds(await bench.compress(file, 'gz'), 'wide_csv');
  await succeeds(await bench.compress(file, 'zst'), 'wide_csv');
  const [first, last] = [header[0], header[COLUMNS - 2]];
  assert.deepEqual(
    await bench.rows(`SELECT ${first} AS f, ${last} AS l, count() AS n FROM wide_csv GROUP BY f, l ORDER BY f`),
    [1, 2].map((row) => ({ f: `x${row}`, l: row * (COLUMNS - 2), n: 3 })),
  );
});

/** Of each way to convert some columns, so that all of them meet in one statement. */
const TYPES = ['Int8', 'String', 'Nullable(Date)', 'Int64 DEFAULT 7', 'Array(Int16)', 'LowCardinality(String)'];

/** The column that has a type of its own. */
const ALONE = 60;

async function makeTable(table: string, count: number): Promise<readonly string[]> {
  const columns = Array.from({ length: count }, (_, index) => `c${index}`);
  const types = columns.map((name, index) => `${name} ${index === ALONE ? 'UInt16' : TYPES[index % TYPES.length]}`);
  await bench.rows(`CREATE TABLE ${table} (${types.join(', ')}) ENGINE = MergeTree ORDER BY ()`);
  return columns;
}

const VALUES: readonly string[] = ['5', 'text', '1999-12-31', '', '"[1,2]"', 'low'];
const HAS_ALL = (table: string): string =>
  `SELECT count() AS n, sum(c0) AS c0, any(c1) AS c1, toString(any(c2)) AS c2, any(c3) AS c3, any(c4) AS c4, any(c5) AS c5 FROM ${table}`;

/** Of some columns those of small files are put into lists too. */
for (const [count, table] of [
  [MANY_COLUMNS, 'many'],
  [61, 'some'],
] as const) {
  test(`${count} columns of many types at once keep their values, their defaults and their checks`, async () => {
    await keepValues(count, table);
  });
}

async function keepValues(count: number, table: string): Promise<void> {
  const header = (await makeTable(table, count)).join(',');
  const row = (changed: Readonly<Record<number, string>> = {}): string =>
    Array.from({ length: count }, (_, index) => changed[index] ?? VALUES[index % TYPES.length]).join(',');
  const good = row();
  await succeeds(await bench.write(`${table}.csv`, `${header}\n${good}\n${good}\n`), table);
  const expected = { n: 2, c0: 10, c1: 'text', c2: '1999-12-31', c3: 7, c4: [1, 2], c5: 'low' };
  assert.deepEqual(await bench.rows(HAS_ALL(table)), [expected]);
  const bad: readonly (readonly [at: number, value: string, line: RegExp])[] = [
    [ALONE, '70000', /row 2, column 'c60': expected UInt16, found '70000'/],
    [0, '300', /row 2, column 'c0': expected Int8, found '300'/],
    [2, '1999-02-30', /row 2, column 'c2': expected Nullable\(Date\), found '1999-02-30'/],
    [4, '"[1,70000]"', /row 2, column 'c4': expected Array\(Int16\)/],
    [3, 'many', /row 2, column 'c3': expected Int64, found 'many'/],
  ];
  for (const [at, value, line] of bad) {
    const file = await bench.write('bad.csv', `${header}\n${good}\n${row({ [at]: value })}\n`);
    const ended = await bench.load(file, table);
    assert.equal(ended.code, 65, ended.stderr);
    assert.match(ended.stderr, line);
  }
  const unnamed = await bench.write('unnamed.csv', `${header},\n${good},\n${good},lost\n`);
  assert.match(
    (await bench.load(unnamed, table)).stderr,
    new RegExp(`row 2: column ${count + 1} has no name .* 'lost'`),
  );
  assert.deepEqual(await bench.rows(HAS_ALL(table)), [expected]);
}

for (const [count, table] of [
  [MANY_COLUMNS, 'wide_typed'],
  [61, 'some_typed'],
] as const) {
  test(`so do ${count} of JSON lines and of a typed file`, async () => await keepTypedValues(count, table));
}

async function keepTypedValues(count: number, table: string): Promise<void> {
  const columns = await makeTable(table, count);
  const values: readonly unknown[] = [5, 'text', '1999-12-31', null, [1, 2], 'low'];
  const line = JSON.stringify(Object.fromEntries(columns.map((name, index) => [name, values[index % TYPES.length]])));
  await succeeds(await bench.write('typed.jsonl', `${line}\n`), table);
  const select = columns.map((name, index) => {
    const value = [
      '5::Int64',
      "'text'",
      "'1999-12-31'::Date32",
      'NULL::Nullable(Int64)',
      '[1, 2]::Array(Int64)',
      "'low'",
    ];
    return `${value[index % TYPES.length]} AS ${name}`;
  });
  await succeeds(await bench.writeSelect('typed.parquet', `SELECT ${select.join(', ')}`, 'Parquet'), table);
  assert.deepEqual(await bench.rows(HAS_ALL(table)), [
    { n: 2, c0: 10, c1: 'text', c2: '1999-12-31', c3: 7, c4: [1, 2], c5: 'low' },
  ]);
}
