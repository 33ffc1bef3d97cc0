/** Whether what a load wrote is on disk when it ends, by what ClickHouse counts of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { execute } from '../sandbox/clickhouse-client.js';
import { startOwnClickHouse } from '../sandbox/sandbox.js';
import { type Bench, startBench } from './as-cli.js';

let bench: Bench;
let file: string;

before(async () => {
  bench = await startBench(await startOwnClickHouse());
  file = await bench.write('durable.csv', 'id,text\n1,a\n2,b\n');
});

after(async () => {
  await bench.stop();
});

/** Of the whole engine, which nobody else uses. */
async function syncs(): Promise<{ readonly files: number; readonly directories: number }> {
  const count = (event: string): string => `sumIf(value, event = '${event}')`;
  const [row] = await bench.rows(
    `SELECT ${count('FileSync')} AS files, ${count('DirectorySync')} AS directories FROM system.events`,
  );
  return { files: Number(row?.['files']), directories: Number(row?.['directories']) };
}

async function syncsOf(
  table: string,
  ...args: string[]
): Promise<{ readonly files: number; readonly directories: number }> {
  const before = await syncs();
  const { code, stderr } = await bench.load(file, table, args);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const after = await syncs();
  return { files: after.files - before.files, directories: after.directories - before.directories };
}

test('each load into a table that was made durable is on disk, file and name', async () => {
  await bench.load(file, 'durable', ['--create-table', '--durable']);
  const { files, directories } = await syncsOf('durable', '--durable');
  assert.ok(files > 0 && directories > 0, `${files} files, ${directories} directories`);
  await bench.load(file, 'cached', ['--create-table']);
  assert.deepEqual(await syncsOf('cached'), { files: 0, directories: 0 }, 'by itself nothing is');
});

test('a table that was made otherwise is left as it is, and the statement that changes it works', async () => {
  await bench.load(file, 'other', ['--create-table']);
  const { code, stderr } = await bench.load(file, 'other', ['--durable']);
  assert.equal(code, 0);
  const [, alter = ''] = /; (ALTER TABLE \S+ MODIFY SETTING .*) changes that\n$/.exec(stderr) ?? [];
  await execute(bench.clickhouse, alter);
  const { files, directories } = await syncsOf('other', '--durable');
  assert.ok(files > 0 && directories > 0, `${files} files, ${directories} directories`);
});

test('a table is made with the engine and the keys that are asked for', async () => {
  const schema = await bench.write('shaped.json', '{"id": "UInt32", "text": "String"}');
  const keys = [
    '--schema-file',
    schema,
    '--engine',
    'ReplacingMergeTree(id)',
    '--order-by',
    'text',
    '--partition-by',
    'id % 2',
  ];
  const { code, stderr } = await bench.load(file, 'shaped', ['--create-table', ...keys]);
  assert.equal(code, 0, stderr);
  const [made] = await bench.rows(
    "SELECT engine, sorting_key AS s, partition_key AS p FROM system.tables WHERE name = 'shaped'",
  );
  assert.deepEqual(made, { engine: 'ReplacingMergeTree', s: '(text)', p: '(id % 2)' });
});

test('a table that cannot be made as it is asked for is the fault of who asked, for every file of the table', async () => {
  for (const [option, value] of [
    ['--on-cluster', 'nowhere'],
    ['--order-by', 'nowhere'],
    ['--order-by', 'id +'],
    ['--partition-by', 'rand()'],
    ['--engine', 'NowhereMergeTree'],
    ['--engine', 'ReplacingMergeTree(text)'],
  ] as const) {
    const { code, stderr, stdout } = await bench.load(file, 'everywhere', ['--create-table', '--json', option, value]);
    assert.equal(code, 78, stderr);
    assert.equal(JSON.parse(stdout).scope, 'table', stderr);
  }
});
