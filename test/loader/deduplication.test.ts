import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, type Ended, startBench } from './as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const ROWS = 25_000;
const NUMBERS = `SELECT number AS \`Some.Number\`, concat('text ', toString(number)) AS text FROM numbers(${ROWS})`;

async function load(file: string, table: string, token: string, batch: number): Promise<Ended> {
  return await bench.load(file, table, ['--create-table', '--batch-size', String(batch)], { ATD_DEDUP_TOKEN: token });
}

/** A table as the loader makes it, without a row: a file that is refused would make none. */
async function madeEmpty(table: string, made: Promise<Ended>): Promise<void> {
  assert.equal((await made).code, 0);
  await execute(bench.clickhouse, `TRUNCATE TABLE ${table}`);
}

async function counts(table: string): Promise<unknown> {
  return (await bench.rows(`SELECT count() AS n, uniqExact(Some_Number) AS distinct FROM ${table}`))[0];
}

for (const [extension, format] of [
  ['parquet', 'Parquet'],
  ['csv', 'CSVWithNames'],
  ['jsonl', 'JSONEachRow'],
] as const) {
  for (const [blocks, batch] of [
    ['one block', 1_000_000],
    ['many blocks', 1_000],
  ] as const) {
    test(`a ${format} file of ${blocks} adds no row when it is loaded again under the same token`, async () => {
      const file = await bench.writeSelect(`again-${batch}.${extension}`, NUMBERS, format);
      const table = `again_${extension}_${batch}`;
      for (let attempt = 0; attempt < 3; attempt++) assert.equal((await load(file, table, 't/0/1/0', batch)).code, 0);
      assert.deepEqual(await counts(table), { n: ROWS, distinct: ROWS });
      assert.equal((await load(file, table, 't/0/2/0', batch)).code, 0);
      assert.deepEqual(await counts(table), { n: 2 * ROWS, distinct: ROWS });
    });
  }
}

test('loading again after a partial insert completes it to the row', async () => {
  const header = 'Some.Number\n';
  const lines = Array.from({ length: ROWS }, (_, i) => `${i}\n`);
  const schema = await bench.write('partial.json', '{"Some.Number": "UInt64"}');
  const partial = async (content: string, token = 't/0/3/0'): Promise<Ended> =>
    await bench.load(
      await bench.write('partial.csv', content),
      'partial',
      ['--create-table', '--schema-file', schema, '--batch-size', '1000'],
      { ATD_DEDUP_TOKEN: token },
    );
  await madeEmpty('partial', partial(`${header}1\n`, 't/0/9/0'));
  // The insert stops in the middle of a block; the blocks before it are written and stay.
  const broken = await partial(`${header}${lines.slice(0, 12_345).join('')}broken\n${lines.slice(12_345).join('')}`);
  assert.equal(broken.code, 65, broken.stderr);
  const [before] = await bench.rows('SELECT count() AS n FROM partial');
  const written = Number(before?.['n']);
  assert.ok(written > 0 && written < ROWS, `${written} rows were written`);
  assert.equal(written % 1000, 0);
  assert.equal((await partial(header + lines.join(''))).code, 0);
  assert.deepEqual(await counts('partial'), { n: ROWS, distinct: ROWS });
});

test('a Parquet file of many row groups is completed to the row too', async () => {
  const rows = 300_000;
  // Without bloom filters, which lie between the row groups and are not read: the damage is to hit a page. Large enough
  // that the reader, which reads ahead, meets the damage only after the first blocks are written.
  const whole = await bench.writeSelect(
    'groups.parquet',
    `SELECT number AS \`Some.Number\`, hex(sipHash128(number)) AS text FROM numbers(${rows})
       SETTINGS output_format_parquet_row_group_size = 20000, output_format_parquet_write_bloom_filter = 0`,
    'Parquet',
  );
  const damaged = await readFile(whole);
  const late = Math.floor(damaged.length * 0.9);
  damaged.fill(0xa5, late, late + 20_000);
  const file = await bench.write('damaged.parquet', damaged);
  // On a busy machine the reader may be ahead of all that is written: then nothing is left to complete.
  for (let round = 0, written = 0; written === 0; round++) {
    assert.ok(round < 5, 'some blocks are written before the damage is met');
    const table = `groups_${round}`;
    await madeEmpty(table, load(whole, table, 't/0/4/0', 10_000));
    const broken = await load(file, table, 't/0/5/0', 10_000);
    assert.equal(broken.code, 65, broken.stderr);
    const [before] = await bench.rows(`SELECT count() AS n FROM ${table}`);
    written = Number(before?.['n']);
    assert.ok(written < rows, `${written} rows were written`);
    assert.equal((await load(whole, table, 't/0/5/0', 10_000)).code, 0);
    assert.deepEqual(await counts(table), { n: rows, distinct: rows });
  }
});

/** A proxy to the ClickHouse that cuts a connection once `limit` bytes went up, as a failing network does. */
async function startCuttingProxy(limit: number): Promise<{ readonly port: number; stop(): void }> {
  const server = createServer((client) => {
    const upstream = connect(bench.clickhouse.port, bench.clickhouse.host);
    let sent = 0;
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on('error', cut).on('close', cut);
    upstream.on('error', cut).on('close', cut);
    upstream.pipe(client);
    client.on('data', (chunk) => {
      sent += chunk.length;
      if (sent > limit) client.resetAndDestroy();
      else upstream.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

test('a connection that is cut during the insert asks for another try, which is exact', async () => {
  const file = await bench.writeSelect('cut.csv', NUMBERS, 'CSVWithNames');
  const token = { ATD_DEDUP_TOKEN: 't/0/4/0' };
  const proxy = await startCuttingProxy(200_000);
  const schema = await bench.write('cut.json', '{"Some.Number": "UInt64", "text": "String"}');
  const made = await bench.write('cut-first.csv', 'Some.Number,text\n0,zero\n');
  await bench.load(made, 'cut', ['--create-table', '--schema-file', schema]);
  const port = ['--db-port', String(proxy.port)];
  const ended = await bench.load(file, 'cut', port, token);
  proxy.stop();
  assert.equal(ended.code, 75, ended.stderr);
  assert.match(ended.stderr, /^as-cli: cannot load \S+cut\.csv into default\.cut on \S+: the connection was closed/);
  assert.equal((await bench.load(file, 'cut', [], token)).code, 0);
  assert.deepEqual(await counts('cut'), { n: ROWS + 1, distinct: ROWS });
});

test('without a token the same file may be loaded twice', async () => {
  const file = await bench.write('twice.csv', 'Some.Number\n1\n');
  for (let attempt = 0; attempt < 2; attempt++)
    assert.equal((await bench.load(file, 'twice', ['--create-table'])).code, 0);
  assert.deepEqual(await counts('twice'), { n: 2, distinct: 1 });
});

test('a table that forgets inserts is warned of, but only where a token asks for more', async () => {
  await execute(
    bench.clickhouse,
    'CREATE TABLE forgetful (`Some_Number` Int64) ENGINE = MergeTree ORDER BY Some_Number',
  );
  const file = await bench.write('forgetful.csv', 'Some.Number\n1\n');
  const warned = await bench.load(file, 'forgetful', [], { ATD_DEDUP_TOKEN: 't/0/9/0' });
  assert.equal(warned.code, 0);
  assert.match(warned.stderr, /^as-cli: warning: table \w+\.forgetful remembers no insert, .*\n$/);
  assert.equal((await bench.load(file, 'forgetful')).stderr, '');
});
