import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asCli, type Bench, connectionVariables, type Ended, startBench } from '../as-cli.js';

let bench: Bench;
let schema: string;

before(async () => {
  bench = await startBench();
  schema = await bench.write(
    'schema.json',
    JSON.stringify({ 'MsgHeader.MessageTime': "DateTime64(3, 'UTC')", Id: 'String', 'Req.Bytes': 'Nullable(UInt64)' }),
  );
});

after(async () => {
  await bench.stop();
});

function connection(): Record<string, string> {
  return connectionVariables(bench.clickhouse);
}

async function tenant(...args: string[]): Promise<Ended> {
  return await asCli(['ingest', 'tenant', ...args], connection());
}

/** What it prints. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tenant(...args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

async function columnsOf(table: string): Promise<unknown[]> {
  const rows = await bench.rows(`SELECT name, type FROM system.columns WHERE table = '${table}' ORDER BY position`);
  return rows.map(({ name, type }) => `${name} ${type}`);
}

test('a table is made with the columns that say which load a row is of', async () => {
  const create = ['--create-table', '--provenance'];
  await done(...create, '--tenant-name', 'said', '--schema-file', schema);
  const added = ['_load_id UUID', '_file LowCardinality(String)', "_loaded_at DateTime64(3, 'UTC')"];
  assert.deepEqual((await columnsOf('atd_said')).slice(3), added);
  const taken = await bench.write('taken.json', '{"_file": "String"}');
  const { code, stderr } = await tenant(...create, '--tenant-name', 'taken', '--schema-file', taken);
  assert.equal(code, 78, stderr);
  assert.match(
    stderr,
    /cannot create table \S*atd_taken: column '_file' of the schema file is one that the table gets/,
  );
});

test('a table is made from the schema file, and one that exists is left as it is', async () => {
  const create = ['--tenant-name', ' Acme ', '--create-table', '--schema-file', schema, '--ttl-hours', '262800'];
  assert.equal(await done(...create), `Created table ${bench.clickhouse.database}.atd_acme with 3 columns\n`);
  assert.deepEqual(await columnsOf('atd_acme'), [
    "MsgHeader_MessageTime DateTime64(3, 'UTC')",
    'Id String',
    'Req_Bytes Nullable(UInt64)',
  ]);
  const [table] = await bench.rows("SELECT engine_full AS e FROM system.tables WHERE name = 'atd_acme'");
  assert.match(String(table?.['e']), /^MergeTree .*TTL .*262800.* non_replicated_deduplication_window = \d+/);

  await bench.rows('INSERT INTO atd_acme SELECT now(), toString(number), number FROM numbers(1234)');
  assert.match(
    await done(...create),
    /^Table \S+\.atd_acme exists already, with 1,234 rows \([\d.]+ KiB\); it was left as it is/,
  );
  assert.deepEqual(await bench.rows('SELECT count() AS n FROM atd_acme'), [{ n: 1234 }]);

  const other = await bench.write('other.json', '{"Id": "UInt8"}');
  const replaced = await done('--tenant-name', 'acme', '--create-table', '--schema-file', other, '--drop-first');
  assert.match(
    replaced,
    /^Deleted table \S+\.atd_acme with 1,234 rows \(.*\)\nCreated table \S+\.atd_acme with 1 column\n$/,
  );
  assert.deepEqual(await columnsOf('atd_acme'), ['Id UInt8']);
});

test('what is made can be loaded into, and the service names its table the same', async () => {
  await done('--tenant-name', 'loaded', '--create-table', '--schema-file', schema, '--table-prefix', 'logs');
  const file = await bench.write('a.csv', 'MsgHeader.MessageTime,Id,Req.Bytes\n2026-01-02T03:04:05Z,a,1\n');
  assert.equal((await bench.load(file, 'logs_loaded')).code, 0);
});

test('tables are listed, of one tenant or of all, for people and as lines of JSON', async () => {
  for (const name of ['one', 'two_2']) {
    await done('--tenant-name', name, '--create-table', '--schema-file', schema, '--table-prefix', 'list');
  }
  await bench.rows('INSERT INTO list_one SELECT now(), toString(number), 0 FROM numbers(12345)');
  const listed = await done('--list-tables', '--table-prefix', 'list');
  assert.match(
    listed,
    /^table +rows +size +engine\n\S+\.list_one +12,345 +[\d.]+ KiB +MergeTree\n\S+\.list_two_2 +0 +0 B +MergeTree\n$/,
  );
  const one = await done('--list-tables', '--tenant-name', 'one', '--table-prefix', 'list', '--json');
  const { bytes, ...rest } = JSON.parse(one) as Record<string, unknown>;
  assert.deepEqual(rest, { table: `${bench.clickhouse.database}.list_one`, engine: 'MergeTree', rows: 12345 });
  assert.ok(Number(bytes) > 0);
  assert.match(await done('--list-tables', '--table-prefix', 'nobody'), /^No table nobody_… in database \w+\n$/);
});

test('a deletion says what is gone, and one of nothing is an error', async () => {
  await done('--tenant-name', 'gone', '--create-table', '--schema-file', schema);
  await bench.rows("INSERT INTO atd_gone SELECT now(), 'x', 0");
  assert.match(
    await done('--tenant-name', 'gone', '--delete-table'),
    /^Deleted table \S+\.atd_gone with 1 row \(\d+ B\)\n$/,
  );
  assert.deepEqual(await bench.rows("SELECT name FROM system.tables WHERE name = 'atd_gone'"), []);
  const { code, stdout, stderr } = await tenant('--tenant-name', 'gone', '--delete-table');
  assert.deepEqual({ code, stdout }, { code: 78, stdout: '' });
  assert.match(stderr, /^as-cli: cannot delete table \S+\.atd_gone: there is no such table; .*--list-tables/);
});

test('a dry run shows the statements and reaches no server', async () => {
  const nowhere = ['--dry-run', '--db-port', '1', '--tenant-name', 'dry'];
  const create = await done(...nowhere, '--create-table', '--schema-file', schema, '--drop-first');
  assert.match(
    create,
    /^DROP TABLE IF EXISTS `atd_dry` SYNC;\nCREATE TABLE IF NOT EXISTS `atd_dry` \(.*\) ENGINE = MergeTree .*;\n$/,
  );
  assert.equal(await done(...nowhere, '--delete-table'), 'DROP TABLE `atd_dry` SYNC;\n');
  assert.match(
    await done(...nowhere, '--list-tables'),
    /^SELECT .* FROM system\.tables WHERE .* name = 'atd_dry' .*;\n$/,
  );
  // What is shown is what ClickHouse takes.
  for (const statement of create.trim().split(';\n')) await bench.rows(statement.replace(/;$/, ''));
  assert.equal((await columnsOf('atd_dry')).length, 3);
});

test('results are lines of JSON on request', async () => {
  const table = `${bench.clickhouse.database}.atd_json`;
  const create = ['--tenant-name', 'json', '--create-table', '--schema-file', schema, '--json'];
  assert.deepEqual(JSON.parse(await done(...create)), { table, action: 'created', columns: 3 });
  assert.deepEqual(JSON.parse(await done(...create)), { table, action: 'unchanged', rows: 0 });
  assert.deepEqual(JSON.parse(await done(...create, '--drop-first')), { table, action: 'replaced', columns: 3 });
  assert.deepEqual(JSON.parse(await done('--tenant-name', 'json', '--delete-table', '--json')), {
    ...{ table, action: 'deleted', rows: 0, bytes: 0 },
  });
});

const MISUSES: readonly (readonly [args: readonly string[], code: number, line: RegExp])[] = [
  [['--tenant-name', 'a'], 64, /nothing to do: give one of --create-table, --list-tables, --delete-table/],
  [['--tenant-name', 'a', '--list-tables', '--delete-table'], 64, /--list-tables and --delete-table at once/],
  [['--delete-table'], 64, /--tenant-name is missing/],
  [['--delete-table', '--tenant-name', ' '], 64, /--tenant-name is empty/],
  [
    ['--delete-table', '--tenant-name', 'a-b'],
    64,
    /tenant "a-b" is not made of 1 to 63 letters, digits and underscores/,
  ],
  [['--delete-table', '--tenant-name', 'a'.repeat(64)], 64, /is not made of 1 to 63/],
  [['--delete-table', '--tenant-name', 'a', '--drop-first'], 64, /--drop-first needs --create-table/],
  [['--create-table', '--tenant-name', 'a'], 64, /--create-table needs --schema-file/],
  [
    ['--create-table', '--tenant-name', 'a', '--schema-file', '/nowhere'],
    78,
    /cannot use schema file \/nowhere: no such file/,
  ],
  [['--list-tables', '--table-prefix', 'a`'], 64, /--table-prefix 'a`' is not the beginning of a table name/],
];

test('a misuse is one line that says what to do', async () => {
  for (const [args, exitCode, line] of MISUSES) {
    const { code, stdout, stderr } = await tenant(...args);
    assert.deepEqual({ code, stdout }, { code: exitCode, stdout: '' }, stderr);
    assert.match(stderr, /^as-cli: [^\n]+; [^\n]+\n$/);
    assert.match(stderr, line);
  }
});

test('a schema that cannot become a table says so', async () => {
  const file = await bench.write('wrong.json', '{"a": "Strin"}');
  const wrong = await tenant('--tenant-name', 'wrong', '--create-table', '--schema-file', file);
  assert.equal(wrong.code, 78, wrong.stderr);
  assert.match(
    wrong.stderr,
    /cannot create table \S+\.atd_wrong on \S+: ClickHouse error 50: .*Strin.*; correct the types/,
  );
  const timeless = await bench.write('timeless.json', '{"a": "String"}');
  const ttl = await tenant('--tenant-name', 'x', '--create-table', '--schema-file', timeless, '--ttl-hours', '5');
  assert.equal(ttl.code, 64);
  assert.match(ttl.stderr, /--ttl-hours needs a date or time column MsgHeader_MessageTime/);
});
