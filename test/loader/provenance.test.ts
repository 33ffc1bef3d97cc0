/** Rows that say which load they are of: in every format, the file's own values stay what they are, and a repetition adds none. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, type Ended, startBench } from './as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(() => bench.stop());

// Other tests make tables in the same database: those of these begin with `told_` or `untold_`.

const ID = '0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0e';
const ROWS = 2_500;
const SELECT = `SELECT number AS id, concat('text ', toString(number)) AS text, toFloat64(number) / 4 AS \`a.b\`, toDate('2024-01-01') + number AS day FROM numbers(${ROWS})`;
const FORMATS = [
  ['csv', 'CSVWithNames'],
  ['tsv', 'TSVWithNames'],
  ['jsonl', 'JSONEachRow'],
  ['parquet', 'Parquet'],
  ['arrow', 'Arrow'],
  ['avro', 'Avro'],
  ['orc', 'ORC'],
] as const;

async function load(file: string, table: string, args: readonly string[] = [], token = 't/0/1/0@1'): Promise<Ended> {
  return await bench.load(file, table, ['--batch-size', '1000', ...args], { ATD_DEDUP_TOKEN: token });
}

async function loaded(file: string, table: string, args: readonly string[] = []): Promise<void> {
  const { code, stderr } = await load(file, table, args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
}

async function make(table: string, columns: string): Promise<void> {
  const settings = 'SETTINGS non_replicated_deduplication_window = 100';
  await execute(bench.clickhouse, `CREATE TABLE ${table} (${columns}) ENGINE = MergeTree ORDER BY tuple() ${settings}`);
}

async function columns(table: string): Promise<unknown> {
  return await bench.rows(
    `SELECT name, type, default_expression AS otherwise FROM system.columns WHERE database = currentDatabase() AND table = '${table}'`,
  );
}

/** Of the file's own columns. */
async function sum(table: string, own = '*'): Promise<unknown> {
  const [row] = await bench.rows(
    `SELECT count() AS rows, groupBitXor(cityHash64(own)) AS hash FROM (SELECT toString(tuple(${own})) AS own FROM ${table})`,
  );
  return row;
}

const OWN = '* EXCEPT (_load_id, _file, _loaded_at)';
const ADDED = [
  { name: '_load_id', type: 'UUID', otherwise: '' },
  { name: '_file', type: 'LowCardinality(String)', otherwise: '' },
  { name: '_loaded_at', type: "DateTime64(3, 'UTC')", otherwise: 'now64(3)' },
];

for (const [extension, format] of FORMATS) {
  test(`a table that a ${format} file makes says which load its rows are of, and has them once`, async () => {
    const file = await bench.writeSelect(`it's a \\ näme.${extension}`, SELECT, format);
    const [plain, table] = [`untold_${extension}`, `told_${extension}`];
    await loaded(file, plain, ['--create-table']);
    const [{ began } = {}] = await bench.rows("SELECT toString(now64(3, 'UTC')) AS began");
    for (let attempt = 0; attempt < 2; attempt++) await loaded(file, table, ['--create-table', '--load-id', ID]);
    assert.deepEqual(await columns(table), [...((await columns(plain)) as unknown[]), ...ADDED]);
    assert.deepEqual(await sum(table, OWN), await sum(plain));
    const said = await bench.rows(
      `SELECT DISTINCT toString(_load_id) AS id, _file AS file, _loaded_at BETWEEN '${began}' AND now64(3) AS inTime FROM ${table}`,
    );
    assert.deepEqual(said, [{ id: ID, file, inTime: 1 }]);
  });

  test(`a ${format} file that has such a column itself is refused, by a table that is to be made and by one that is there`, async () => {
    const file = await bench.writeSelect(
      `own.${extension}`,
      `SELECT number AS id, 'x' AS _file FROM numbers(3)`,
      format,
    );
    for (const made of [false, true]) {
      const { code, stderr } = await load(file, made ? `told_${extension}` : 'untold_never', [
        ...['--create-table', '--load-id', ID, '--skip-unknown'],
      ]);
      assert.equal(code, 65, stderr);
      assert.match(
        stderr,
        /its column '_file' is where the table says which load a row is of, .*rename it, or load it wi/,
      );
    }
    assert.deepEqual(await columns('untold_never'), []);
    // Without a load id it is a column as any other.
    await loaded(file, `untold_own_${extension}`, ['--create-table']);
    assert.deepEqual(await bench.rows(`SELECT DISTINCT toString(_file) AS file FROM untold_own_${extension}`), [
      { file: 'x' },
    ]);
  });
}

test('a table that was there is filled in the columns that it has, whatever they are of', async () => {
  const file = await bench.writeSelect('there.csv', 'SELECT number AS id FROM numbers(10)', 'CSVWithNames');
  const cases = [
    ['told_strings', '_load_id String, _file String, _loaded_at DateTime', ID, file, 1],
    ['told_few', '_load_id Nullable(UUID)', ID, '', 0],
    // Those of somebody else, who means something else.
    ['told_another_id', '_load_id UInt64, _file String', '0', '', 0],
    ['told_without', "_file String DEFAULT 'theirs'", '', 'theirs', 0],
    [
      'told_computed',
      "_load_id UUID MATERIALIZED '00000000-0000-0000-0000-000000000001', _file String",
      /0001$/,
      '',
      0,
    ],
  ] as const;
  for (const [table, more, id, path, hasTime] of cases) {
    await make(table, `id Int64, ${more}`);
    await loaded(file, table, ['--load-id', ID]);
    const part = (name: string, otherwise: string): string => (more.includes(`${name} `) ? name : otherwise);
    const [row, another] = await bench.rows(
      `SELECT DISTINCT toString(${part('_load_id', "''")}) AS id, ${part('_file', "''")} AS file, ` +
        `toYear(${part('_loaded_at', 'toDate(0)')}) > 2000 AS hasTime FROM ${table}`,
    );
    assert.equal(another, undefined);
    if (typeof id === 'string') assert.equal(row?.['id'], id, table);
    else assert.match(String(row?.['id']), id);
    assert.deepEqual([row?.['file'], row?.['hasTime']], [path, hasTime], table);
  }
});

test('so are files of very many columns, and those whose values are converted and looked at', async () => {
  const names = Array.from({ length: 400 }, (_, index) => `c${index}`);
  const row = names.map((_, index) => index).join(',');
  const file = await bench.write('wide.csv', `${names.join(',')}\n${row}\n`);
  await make('told_wide', `${names.map((name) => `${name} UInt32`).join(', ')}, _load_id UUID, _file String`);
  await loaded(file, 'told_wide', ['--load-id', ID]);
  assert.deepEqual(await bench.rows('SELECT c0, c1, c399, toString(_load_id) AS id, _file AS file FROM told_wide'), [
    { c0: 0, c1: 1, c399: 399, id: ID, file },
  ]);
});

test('a key of JSON lines that comes late is refused as well, with its row', async () => {
  const line = (id: number): string => `{"id": ${id}, "text": "${'x'.repeat(400)}"}\n`;
  const lines = Array.from({ length: 4_000 }, (_, id) => line(id)).join('');
  await make('told_late', 'id Int64, text String, _load_id UUID, _file String, _loaded_at DateTime');
  for (const table of ['told_late', 'untold_late']) {
    for (const value of ['"x"', '""', '{"a": 1}', '7']) {
      const file = await bench.write('late.jsonl', `${lines}{"id": 4000, "text": "", "_load_id": ${value}}\n`);
      const { code, stderr } = await load(file, table, ['--create-table', '--load-id', ID, '--skip-unknown']);
      assert.equal(code, 65, stderr);
      assert.match(stderr, /row 4001: '_load_id' is where the table says which load a row is of/);
    }
  }
  assert.deepEqual(await columns('untold_late'), []);
});

test('views behind the table have every row once after a repetition, as the time of a load is no part of its token', async () => {
  const file = await bench.writeSelect('views.csv', `SELECT number AS id FROM numbers(${ROWS})`, 'CSVWithNames');
  const provenance = "_load_id UUID, _file String, _loaded_at DateTime64(3, 'UTC')";
  for (const name of ['told_source', 'told_both', 'told_chained']) {
    await make(name, `id Int64, ${provenance}`);
  }
  for (const [from, to, view] of [
    ['told_source', 'told_both', 'told_one'],
    ['told_source', 'told_both', 'told_two'],
    ['told_both', 'told_chained', 'told_three'],
  ]) {
    await execute(bench.clickhouse, `CREATE MATERIALIZED VIEW ${view} TO ${to} AS SELECT * FROM ${from}`);
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    await loaded(file, 'told_source', ['--load-id', ID]);
    const counts = ['told_source', 'told_both', 'told_chained'].map(
      (table) => `(SELECT count() FROM ${table}) AS ${table}`,
    );
    const [row] = await bench.rows(`SELECT ${counts.join(', ')}`);
    assert.deepEqual(row, { told_source: ROWS, told_both: 2 * ROWS, told_chained: 2 * ROWS });
  }
});

test('a schema file that names such a column makes no table', async () => {
  const file = await bench.write('schema.csv', 'id\n1\n');
  const schema = await bench.write('schema.json', '{"id": "Int64", "_loaded_at": "DateTime"}');
  const { code, stderr } = await load(file, 'told_schemed', [
    ...['--create-table', '--schema-file', schema, '--load-id', ID],
  ]);
  assert.equal(code, 78, stderr);
  assert.match(
    stderr,
    /column '_loaded_at' of the schema file is one that the table gets beside those of files; rename it/,
  );
});
