/** A repeated load, and one that broke off, into a table with materialized views: every table has every row once. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, type Ended, startBench } from './as-cli.js';

let bench: Bench;
let file: string;

before(async () => {
  bench = await startBench();
  file = await bench.writeSelect('views.csv', `SELECT number AS id FROM numbers(${ROWS})`, 'CSVWithNames');
});

after(async () => {
  await bench.stop();
});

const ROWS = 5_000;
const WINDOW = 'SETTINGS non_replicated_deduplication_window = 100';

async function make(name: string, settings = WINDOW): Promise<void> {
  await execute(
    bench.clickhouse,
    `CREATE TABLE ${name} (id UInt64, via String) ENGINE = MergeTree ORDER BY id ${settings}`,
  );
}

async function view(from: string, to: string, via: string, where = ''): Promise<void> {
  const select = `SELECT id, '${via}' AS via FROM ${from} ${where}`;
  await execute(bench.clickhouse, `CREATE MATERIALIZED VIEW ${to}_${via} TO ${to} AS ${select}`);
}

async function load(table: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return await bench.load(file, table, ['--batch-size', '1000'], { ATD_DEDUP_TOKEN: 't/0/1/0@1', ...env });
}

async function counts(...tables: string[]): Promise<unknown> {
  const columns = tables.map((table) => `(SELECT count() FROM ${table}) AS ${table}`);
  return (await bench.rows(`SELECT ${columns.join(', ')}`))[0];
}

test('two views with one target and a chain of two have every row once after a repetition', async () => {
  for (const name of ['source', 'both', 'chained']) await make(name);
  await view('source', 'both', 'one');
  await view('source', 'both', 'two');
  await view('both', 'chained', 'three');
  for (let attempt = 0; attempt < 3; attempt++) {
    const { code, stderr } = await load('source');
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(await counts('source', 'both', 'chained'), { source: ROWS, both: 2 * ROWS, chained: 2 * ROWS });
  }
});

test('a load that broke off behind the table and before the views is completed in all of them', async () => {
  for (const name of ['broken_source', 'broken_first', 'broken_second']) await make(name);
  await execute(bench.clickhouse, 'CREATE TABLE mended (id UInt8) ENGINE = Memory');
  await view('broken_source', 'broken_first', 'one');
  const breaks = `WHERE NOT throwIf(id = ${ROWS / 2} AND (SELECT count() FROM mended) = 0)`;
  await view('broken_first', 'broken_second', 'two', breaks);
  assert.notEqual((await load('broken_source')).code, 0);
  const [before] = await bench.rows(
    'SELECT (SELECT count() FROM broken_source) AS a, (SELECT count() FROM broken_second) AS b',
  );
  assert.ok(Number(before?.['a']) > Number(before?.['b']), JSON.stringify(before));
  await execute(bench.clickhouse, 'INSERT INTO mended VALUES (1)');
  assert.equal((await load('broken_source')).code, 0);
  const whole = { broken_source: ROWS, broken_first: ROWS, broken_second: ROWS };
  assert.deepEqual(await counts('broken_source', 'broken_first', 'broken_second'), whole);
});

test('a view whose target forgets is warned of, wherever in the chain it is', async () => {
  for (const name of ['warned_source', 'warned_middle']) await make(name);
  await make('warned_target', '');
  await view('warned_source', 'warned_middle', 'one');
  await view('warned_middle', 'warned_target', 'two');
  const { code, stderr } = await load('warned_source');
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^as-cli: warning: table \w+\.warned_target, which view \w+\.warned_target_two fills, remembers no insert/,
  );
});

test('rows that were removed are loaded again under the next generation, and once', async () => {
  await make('undone');
  assert.equal((await load('undone')).code, 0);
  await execute(bench.clickhouse, 'ALTER TABLE undone DELETE WHERE 1 SETTINGS mutations_sync = 2');
  assert.equal((await load('undone')).code, 0);
  assert.deepEqual(await counts('undone'), { undone: 0 }, 'the token is known');
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.equal((await load('undone', { ATD_GENERATION: '1' })).code, 0);
    assert.deepEqual(await counts('undone'), { undone: ROWS });
  }
});
