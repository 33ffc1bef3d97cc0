/** The rows that a load reports are the file's own, also where ClickHouse counts those of materialized views or knows the blocks. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { chooseFormat } from '../../lib/loader/file/formats.js';
import { countRows } from '../../lib/loader/file/row-count.js';
import { layoutOf } from '../../lib/loader/file/text-layout.js';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, startBench } from './as-cli.js';

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

/** A table with two views, one of which takes some rows alone. */
async function withViews(columns: string): Promise<string> {
  const name = `counted_${tables++}`;
  const settings = 'ENGINE = MergeTree ORDER BY () SETTINGS non_replicated_deduplication_window = 1000';
  await execute(bench.clickhouse, `CREATE TABLE ${name} (${columns}) ${settings}`);
  await execute(bench.clickhouse, `CREATE TABLE ${name}_all (n Int64) ${settings}`);
  await execute(bench.clickhouse, `CREATE TABLE ${name}_some (n Int64) ${settings}`);
  await execute(bench.clickhouse, `CREATE MATERIALIZED VIEW ${name}_v1 TO ${name}_all AS SELECT 1 AS n FROM ${name}`);
  await execute(
    bench.clickhouse,
    `CREATE MATERIALIZED VIEW ${name}_v2 TO ${name}_some AS SELECT 2 AS n FROM ${name} WHERE rand() % 2 = 0`,
  );
  return name;
}

async function reported(file: string, table: string, token?: string): Promise<number> {
  const env = token === undefined ? {} : { ATD_DEDUP_TOKEN: token };
  const { code, stdout, stderr } = await bench.load(file, table, ['--json', '--batch-size', '1000'], env);
  assert.deepEqual([code, stderr], [0, ''], file);
  return (JSON.parse(stdout) as { rows: number }).rows;
}

const ROWS = 3_500;

for (const [extension, format] of [
  ['parquet', 'Parquet'],
  ['orc', 'ORC'],
  ['arrow', 'Arrow'],
  ['arrows', 'ArrowStream'],
  ['avro', 'Avro'],
  ['csv', 'CSVWithNames'],
  ['tsv', 'TSVWithNames'],
  ['jsonl', 'JSONEachRow'],
] as const) {
  test(`${extension}: with two views, with and without a token, again under the same one, and compressed`, async () => {
    const text = "concat('a,\\n\\\\{[\"', toString(number), '\\t\\\\')";
    const select = `SELECT number AS n, ${text} AS s FROM numbers(${ROWS}) SETTINGS output_format_avro_rows_in_file = 1000000`;
    const file = await bench.writeSelect(`counted.${extension}`, select, format);
    const table = await withViews('n Int64, s String');
    assert.equal(await reported(file, table), ROWS);
    for (let attempt = 0; attempt < 2; attempt++) assert.equal(await reported(file, table, 'topic/0/1/0'), ROWS);
    for (const compression of ['gz', 'zst'] as const)
      assert.equal(await reported(await bench.compress(file, compression), table), ROWS);
    assert.deepEqual(await bench.rows(`SELECT count() AS rows, uniqExact(n, s) AS distinct FROM ${table}`), [
      { rows: 4 * ROWS, distinct: ROWS },
    ]);
  });
}

/** Text as programs and people write it: what ends a line need not end a row. */
const TEXTS: readonly (readonly [name: string, content: string, rows: number, columns: string])[] = [
  ['quotes.csv', 'a,b\n"x\n""y""\n",1\n5" pipe,2\nit\'s,"3"', 3, 'a String, b String'],
  ['crlf.csv', '\ufeff"a","b"\r\n"1\r\n","2"\r\n3,4\r\n\r\n\r\n', 2, 'a String, b String'],
  ['blanks.csv', 'a, b\n1, "x\ny"\n2, z\n', 2, 'a String, b String'],
  ['one.csv', 'a\n1\n\n2\n\n', 4, 'a Nullable(String)'],
  ['sep.csv', 'sep=;\n\na;b\n1;"2\n;"\n', 1, 'a String, b String'],
  ['index.csv', ',a\n0,"1\n2"\n1,3\n', 2, 'c1 Int8, a String'],
  ['escaped.tsv', 'a\tb\n1\\\n2\tx\\\\\n3\ty', 2, 'a String, b String'],
  ['list.json', ' [{"a":"}{[","b":[{"x":1}]},\n{"a":"\\"{","b":[]}]\n', 2, 'a String, b Array(Tuple(x Int8))'],
  [
    'pretty.json',
    '{\n  "a": "1",\n  "b": [{"x": 1}]\n}\n{"a":"2"}{"a":"3"}',
    3,
    'a Nullable(String), b Array(Tuple(x Int8))',
  ],
];

for (const [name, content, rows, columns] of TEXTS) {
  test(`${name}: ${JSON.stringify(content)}`, async () => {
    const table = await withViews(columns);
    const file = await bench.write(name, content);
    assert.equal(await reported(file, table), rows);
    assert.deepEqual(await bench.rows(`SELECT count() AS rows FROM ${table}`), [{ rows }]);
    // The same in pieces of one byte each: a row may end in one and a quote begin in the next.
    const bytes = await readFile(file);
    const choice = chooseFormat(null, name, bytes);
    assert.ok(choice.kind === 'format');
    const { format } = layoutOf(choice.format, bytes.subarray(choice.format.preamble.bytes));
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (const byte of bytes) yield Buffer.of(byte);
    }
    assert.equal(await countRows({ chunks }, format, bytes), rows);
  });
}

test('a load that fails beside its views says why', async () => {
  const table = await withViews('n Int8');
  const file = await bench.write('bad.csv', `n\n${'1\n'.repeat(5000)}300\n`);
  const { code, stderr } = await bench.load(file, table);
  assert.equal(code, 65);
  assert.match(stderr, /row 5001, column 'n': expected Int8, found '300'/);
});
