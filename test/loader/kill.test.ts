/**
 * as-cli is killed at seeded moments of a load, and the load is repeated: the rows are there once, whatever of the first
 * insert was written before or is still written by ClickHouse meanwhile. A moment is a number of bytes that went up.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FULL, seeded } from '../faults/seed.js';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, startBench } from './as-cli.js';
import { startWatchingProxy } from './watching-proxy.js';

const ROWS = FULL ? 500_000 : 40_000;
const MOMENTS = FULL ? 20 : 3;
const FEW = FULL ? 5 : 1;
const BATCH = ['--batch-size', FULL ? '10000' : '1000'];

let bench: Bench;
let schema: string;

before(async () => {
  bench = await startBench();
  schema = await bench.write('schema.json', '{"id": "Int64", "text": "String"}');
});

after(async () => {
  await bench.stop();
});

const SELECT = `SELECT toInt64(number) AS id, hex(sipHash128(number)) AS text FROM numbers(${ROWS})`;

/** The formats that matter most at every moment, the others and compressed ones at some. */
const CASES: readonly (readonly [extension: string, format: string, moments: number])[] = [
  ['parquet', 'Parquet', MOMENTS],
  ['csv', 'CSVWithNames', MOMENTS],
  ['jsonl', 'JSONEachRow', MOMENTS],
  ['tsv', 'TabSeparatedWithNames', FEW],
  ['arrow', 'Arrow', FEW],
  ['arrows', 'ArrowStream', FEW],
  ['avro', 'Avro', FEW],
  ['orc', 'ORC', FEW],
  ['parquet.gz', 'Parquet', FEW],
  ['csv.gz', 'CSVWithNames', FEW],
  ['jsonl.zst', 'JSONEachRow', FEW],
];

for (const [extension, format, moments] of CASES) {
  test(`${extension}: ${ROWS} rows are there once after a kill and a repetition, at ${moments} moments`, async (t) => {
    const random = seeded(t);
    const file = await write(extension, format);
    const args = ['--create-table', '--schema-file', schema, ...BATCH];
    const all = await bytesOfLoad(file, `undisturbed_${name(extension)}`, args);
    const seen: string[] = [];
    for (let index = 0; index < moments; index++) {
      // Some moments lie at the end, when all bytes are sent and ClickHouse works on them.
      const moment = Math.min(all, Math.ceil(random.next() * 1.2 * all));
      const table = `killed_${name(extension)}_${index}`;
      const env = { ATD_DEDUP_TOKEN: `topic/0/${index}/0` };
      const killed = await killedAt(moment, file, table, args, env);
      const left = await rowsOf(table);
      const repeated = await bench.load(file, table, args, env);
      assert.deepEqual({ code: repeated.code, stderr: repeated.stderr }, { code: 0, stderr: '' });
      const [counted] = await bench.rows(
        `SELECT count() AS n, uniqExact(id) AS ids, uniqExact(text) AS texts FROM ${table}`,
      );
      assert.deepEqual(counted, { n: ROWS, ids: ROWS, texts: ROWS }, `killed after ${moment} of ${all} bytes`);
      seen.push(`${Math.round((100 * moment) / all)}%${killed ? '' : ' (ended before)'}: ${left}`);
    }
    t.diagnostic(`rows seen after the kills: ${seen.join(', ')}`);
  });
}

function name(extension: string): string {
  return extension.replace('.', '_');
}

async function write(extension: string, format: string): Promise<string> {
  const [inner = '', compression] = extension.split('.');
  const plain = await bench.writeSelect(`killed-${compression ?? 'plain'}.${inner}`, SELECT, format);
  return compression === undefined ? plain : await bench.compress(plain, compression as 'gz' | 'zst');
}

test(`behind views too, under a generation and durable, at ${MOMENTS} moments`, async (t) => {
  const random = seeded(t);
  const file = await write('csv', 'CSVWithNames');
  const args = [...BATCH, '--durable'];
  const env = { ATD_DEDUP_TOKEN: 'topic/0/99/0', ATD_GENERATION: '1' };
  const all = await bytesOfLoad(file, await withViews('undisturbed'), args);
  for (let index = 0; index < MOMENTS; index++) {
    const moment = Math.min(all, Math.ceil(random.next() * 1.2 * all));
    const table = await withViews(`killed_views_${index}`);
    await killedAt(moment, file, table, args, env);
    const repeated = await bench.load(file, table, args, env);
    assert.deepEqual({ code: repeated.code, stderr: repeated.stderr }, { code: 0, stderr: '' });
    const counted = await Promise.all(['', '_both', '_chained'].map((end) => countOf(`${table}${end}`)));
    assert.deepEqual(counted, [ROWS, 2 * ROWS, 2 * ROWS], `killed after ${moment} of ${all} bytes`);
  }
});

/** A table, one that two views of it fill, and one that a view of that fills. */
async function withViews(table: string): Promise<string> {
  const settings = [
    'non_replicated_deduplication_window = 10000',
    'fsync_after_insert = 1',
    'fsync_part_directory = 1',
  ];
  const make = (name: string): Promise<void> =>
    execute(
      bench.clickhouse,
      `CREATE TABLE ${name} (id Int64, text String) ENGINE = MergeTree ORDER BY id SETTINGS ${settings.join(', ')}`,
    );
  const view = (from: string, to: string, text: string): Promise<void> =>
    execute(
      bench.clickhouse,
      `CREATE MATERIALIZED VIEW ${to}_${text} TO ${to} AS SELECT id, '${text}' AS text FROM ${from}`,
    );
  for (const end of ['', '_both', '_chained']) await make(`${table}${end}`);
  await view(table, `${table}_both`, 'one');
  await view(table, `${table}_both`, 'two');
  await view(`${table}_both`, `${table}_chained`, 'three');
  return table;
}

/** Each row by itself: what is there twice counts twice. */
async function countOf(table: string): Promise<number> {
  const [counted] = await bench.rows(`SELECT count() AS n FROM ${table}`);
  return Number(counted?.['n']);
}

async function bytesOfLoad(file: string, table: string, args: readonly string[]): Promise<number> {
  let bytes = 0;
  const proxy = await startWatchingProxy(bench.clickhouse, (sent) => {
    bytes = sent;
  });
  const ended = await bench.load(file, table, [...args, '--db-port', String(proxy.port)]);
  proxy.stop();
  assert.equal(ended.code, 0, ended.stderr);
  return bytes;
}

/** Whether the process was killed; it may have ended just before. */
async function killedAt(
  moment: number,
  file: string,
  table: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<boolean> {
  let kill = (): void => undefined;
  const proxy = await startWatchingProxy(bench.clickhouse, (sent) => {
    if (sent >= moment) kill();
  });
  const { child, ended } = bench.startLoad(file, table, [...args, '--db-port', String(proxy.port)], env);
  kill = () => child.kill('SIGKILL');
  await ended;
  proxy.stop();
  return child.signalCode === 'SIGKILL';
}

/** What is visible at once: the insert may go on for a while. */
async function rowsOf(table: string): Promise<number> {
  const [found] = await bench.rows(`SELECT sum(total_rows) AS n FROM system.tables WHERE name = '${table}'`);
  return Number(found?.['n'] ?? 0);
}
