/**
 * Blocks that fit the file, where no `--batch-size` is given: ordinary files keep the blocks and tokens that they had, larger ones
 * are cut the same way each time, whatever became of the first load.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { FULL, ONLY_FULL } from '../faults/seed.js';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, type Ended, startBench } from './as-cli.js';
import { startWatchingProxy } from './watching-proxy.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const TABLE = '(id Int64, text String) ENGINE = MergeTree';
const REMEMBERS = 'SETTINGS non_replicated_deduplication_window = 10000';
const MANY = 500_001;

/** By the engine, which writes a large file faster than it answers one. */
async function makeFile(name: string, format: string, rows: number, text: string): Promise<string> {
  const file = bench.path(name);
  const select = `SELECT toInt64(number) AS id, ${text} AS text FROM numbers(${rows})`;
  await execute(
    bench.clickhouse,
    `INSERT INTO FUNCTION file('${file}', '${format}') ${select} SETTINGS engine_file_truncate_on_insert = 1`,
  );
  return file;
}

/** Keeps each block as a part of its own. */
async function makeTable(name: string, more = 'ORDER BY id'): Promise<string> {
  await execute(bench.clickhouse, `CREATE TABLE ${name} ${TABLE} ${more} ${REMEMBERS}`);
  await execute(bench.clickhouse, `SYSTEM STOP MERGES ${name}`);
  return name;
}

/** How many parts there are of each number of rows. */
async function blocksOf(table: string): Promise<Record<string, number>> {
  const found = await bench.rows(
    `SELECT n, count() AS blocks FROM (SELECT count() AS n FROM ${table} GROUP BY _part) GROUP BY n ORDER BY n DESC`,
  );
  return Object.fromEntries(found.map(({ n, blocks }) => [String(n), Number(blocks)]));
}

function succeeded({ code, stderr }: Ended): void {
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
}

/** A ClickHouse that is asked in between: `see` may change the path of a request, or answer it by an exception of that code. */
async function startBetween(t: TestContext, see: (path: string, body: string) => string | { readonly code: number }) {
  const { host, port } = bench.clickhouse;
  const server = createServer((asked, answer) => {
    const pieces: Buffer[] = [];
    asked.on('data', (piece: Buffer) => pieces.push(piece));
    asked.on('end', () => {
      const body = Buffer.concat(pieces);
      const seen = see(asked.url ?? '/', body.subarray(0, 4096).toString('latin1'));
      if (typeof seen !== 'string') {
        const text = `Code: ${seen.code}. DB::Exception: it is so. (IT_IS_SO) (version 26.7)`;
        answer.writeHead(500, { 'X-ClickHouse-Exception-Code': String(seen.code) }).end(text);
        return;
      }
      const headers = { ...asked.headers, 'content-length': String(body.length) };
      delete (headers as Record<string, unknown>)['transfer-encoding'];
      request({ host, port, path: seen, method: asked.method, headers }, (answered) => {
        answer.writeHead(answered.statusCode ?? 500, answered.headers);
        answered.pipe(answer);
      }).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: ['--db-port', String((server.address() as AddressInfo).port)] };
}

function tokenOf(path: string): string | null {
  return new URL(path, 'http://c').searchParams.get('insert_deduplication_token');
}

test('tokens of ordinary files are what they were, for every format and compression', async (t) => {
  const tokens = new Set<string | null>();
  const between = await startBetween(t, (path, body) => {
    // The file that makes the table is read once before, and thrown away.
    const isInsert = `${path}${body}`.includes('INSERT') && tokenOf(path) !== null;
    if (isInsert) tokens.add(tokenOf(path));
    return path;
  });
  for (const [extension, format] of [
    ['parquet', 'Parquet'],
    ['csv', 'CSVWithNames'],
    ['tsv', 'TSVWithNames'],
    ['jsonl', 'JSONEachRow'],
    ['arrow', 'Arrow'],
    ['arrows', 'ArrowStream'],
    ['avro', 'Avro'],
    ['orc', 'ORC'],
  ] as const) {
    const plain = await makeFile(`ordinary.${extension}`, format, 25_000, "'text'");
    const packed = extension === 'csv' ? [await bench.compress(plain, 'gz'), await bench.compress(plain, 'zst')] : [];
    for (const file of [plain, ...packed]) {
      const args = ['--create-table', ...between.port];
      succeeded(
        await bench.load(file, `ordinary_${extension}`, args, { ATD_DEDUP_TOKEN: 'topic/3/14/0@1700000000000' }),
      );
    }
    const [found] = await bench.rows(`SELECT count() AS n FROM ordinary_${extension}`);
    assert.deepEqual(found, { n: 25_000 }, extension);
  }
  assert.deepEqual([...tokens], ['topic/3/14/0@1700000000000/10000']);
});

test('a file whose load began under the former way, and was killed, is completed to the row', async () => {
  const env = { ATD_DEDUP_TOKEN: 'topic/0/1/0' };
  const file = await makeFile('former.csv', 'CSVWithNames', 45_000, 'hex(sipHash128(number))');
  const table = await makeTable('former');
  let kill = (): void => undefined;
  const proxy = await startWatchingProxy(bench.clickhouse, (sent) => {
    if (sent > 1_000_000) kill();
  });
  const args = ['--batch-size', '10000', '--db-port', String(proxy.port)];
  const { child, ended } = bench.startLoad(file, table, args, env);
  kill = () => child.kill('SIGKILL');
  await ended;
  proxy.stop();
  assert.equal(child.signalCode, 'SIGKILL');
  succeeded(await bench.load(file, table, [], env));
  assert.deepEqual(await bench.rows(`SELECT count() AS n, uniqExact(id) AS ids FROM ${table}`), [
    { n: 45_000, ids: 45_000 },
  ]);
  assert.deepEqual(await blocksOf(table), { 10000: 4, 5000: 1 });
});

test('a large file is cut into blocks of 64 MiB, and a repetition adds nothing', async () => {
  // 288 bytes behind four that say so, and eight of the number.
  const text = 'repeat(hex(sipHash64(number % 1000)), 18)';
  const file = await makeFile('large.parquet', 'Parquet', MANY, text);
  const table = await makeTable('large');
  for (let attempt = 0; attempt < 2; attempt++) {
    succeeded(await bench.load(file, table, [], { ATD_DEDUP_TOKEN: 'topic/0/2/0' }));
    assert.deepEqual(await blocksOf(table), { 223000: 2, 54001: 1 });
  }
});

test('larger blocks than are read at a time have exactly their rows, for every format, also when repeated', async () => {
  for (const [extension, format] of [
    ['parquet', 'Parquet'],
    ['csv', 'CSVWithNames'],
    ['tsv', 'TSVWithNames'],
    ['jsonl', 'JSONEachRow'],
    ['arrow', 'Arrow'],
    ['arrows', 'ArrowStream'],
    ['avro', 'Avro'],
    ['orc', 'ORC'],
  ] as const) {
    const file = await makeFile(`pieces.${extension}`, format, 250_001, 'hex(number)');
    const table = await makeTable(`pieces_${extension}`);
    for (let attempt = 0; attempt < 2; attempt++) {
      succeeded(await bench.load(file, table, ['--batch-size', '100000'], { ATD_DEDUP_TOKEN: 'topic/0/7/0' }));
      assert.deepEqual(await blocksOf(table), { 100000: 2, 50001: 1 }, extension);
    }
  }
});

test('so have those that views pass on, and a kill in the middle of the file changes nothing', async () => {
  const file = await makeFile('viewed.csv', 'CSVWithNames', 250_001, 'hex(sipHash128(number))');
  const env = { ATD_DEDUP_TOKEN: 'topic/0/8/0' };
  const tables = ['viewed', 'viewed_behind', 'viewed_both'];
  for (const table of tables) await makeTable(table);
  for (const [view, to] of [
    ['one', 'viewed_behind'],
    ['two', 'viewed_both'],
    ['three', 'viewed_both'],
  ])
    await execute(
      bench.clickhouse,
      `CREATE MATERIALIZED VIEW viewed_${view} TO ${to} AS SELECT id, concat(text, '${view}') AS text FROM viewed`,
    );
  let kill = (): void => undefined;
  const proxy = await startWatchingProxy(bench.clickhouse, (sent) => {
    if (sent > 6_000_000) kill();
  });
  const args = ['--batch-size', '100000'];
  const { child, ended } = bench.startLoad(file, 'viewed', [...args, '--db-port', String(proxy.port)], env);
  kill = () => child.kill('SIGKILL');
  await ended;
  proxy.stop();
  assert.equal(child.signalCode, 'SIGKILL');
  for (let attempt = 0; attempt < 2; attempt++) {
    succeeded(await bench.load(file, 'viewed', args, env));
    assert.deepEqual(await blocksOf('viewed'), { 100000: 2, 50001: 1 });
    assert.deepEqual(await blocksOf('viewed_behind'), { 100000: 2, 50001: 1 });
    assert.deepEqual(await bench.rows('SELECT count() AS n, uniqExact(text) AS texts FROM viewed_both'), [
      { n: 500_002, texts: 500_002 },
    ]);
  }
});

for (const [what, tables] of [
  ['a table with partitions', (name: string) => makeTable(name, 'PARTITION BY id % 2 ORDER BY id')],
  [
    'a table before one with partitions',
    async (name: string) => {
      await makeTable(name);
      await makeTable(`${name}_behind`, 'PARTITION BY id % 2 ORDER BY id');
      const view = `CREATE MATERIALIZED VIEW ${name}_view TO ${name}_behind AS SELECT id, text FROM ${name}`;
      await execute(bench.clickhouse, view);
      return name;
    },
  ],
] as const) {
  test(`${what} keeps its blocks of 10,000 rows, with and without a token`, async () => {
    const file = await makeFile('parted.parquet', 'Parquet', MANY, "'text'");
    for (const [index, env] of [{}, { ATD_DEDUP_TOKEN: 'topic/0/3/0' }].entries()) {
      const table = await tables(`parted_${what.replaceAll(' ', '_')}_${index}`);
      succeeded(await bench.load(file, table, [], env));
      const most = Math.max(...Object.keys(await blocksOf(table)).map(Number));
      assert.ok(most === 10_000 || most === 5_000, `${most}`);
    }
  });
}

test('what cannot be seen now is no reason to cut a file in another way: the load is to be tried again', async (t) => {
  const file = await makeFile('unseen.parquet', 'Parquet', MANY, "'text'");
  const table = await makeTable('unseen');
  let fails = 2;
  const between = await startBetween(t, (path, body) =>
    `${path}${body}`.includes('system.tables') && fails-- > 0 ? { code: 241 } : path,
  );
  const env = { ATD_DEDUP_TOKEN: 'topic/0/4/0' };
  const failed = await bench.load(file, table, between.port, env);
  assert.ok([69, 75].includes(failed.code ?? 0), `${failed.code}: ${failed.stderr}`);
  assert.deepEqual(await blocksOf(table), {});
  fails = 0;
  succeeded(await bench.load(file, table, between.port, env));
  assert.deepEqual(await blocksOf(table), { [MANY]: 1 });
});

test('a file that is packed by far more than a hundred to one is loaded within a gigabyte', async (t) => {
  const file = await makeFile('packed.parquet', 'Parquet', MANY, 'repeat(toString(number % 10), 1200)');
  const between = await startBetween(t, (path) => `${path}&max_memory_usage=1000000000`);
  succeeded(await bench.load(file, await makeTable('packed'), between.port, { ATD_DEDUP_TOKEN: 'topic/0/5/0' }));
  assert.deepEqual(await bench.rows('SELECT count() AS n, sum(length(text)) AS bytes FROM packed'), [
    { n: MANY, bytes: MANY * 1200 },
  ]);
});

/** Killed when as much went up, and repeated. */
async function killed(file: string, table: string, share: number, bytes: number): Promise<boolean> {
  const env = { ATD_DEDUP_TOKEN: `topic/1/${share}/0` };
  let kill = (): void => undefined;
  const proxy = await startWatchingProxy(bench.clickhouse, (sent) => {
    if (sent >= share * bytes) kill();
  });
  const { child, ended } = bench.startLoad(file, table, ['--db-port', String(proxy.port)], env);
  kill = () => child.kill('SIGKILL');
  await ended;
  proxy.stop();
  succeeded(await bench.load(file, table, [], env));
  return child.signalCode === 'SIGKILL';
}

/** All blocks but the last have as many rows, to the thousand. */
async function fullBlocks(table: string): Promise<Record<string, number>> {
  const blocks = await blocksOf(table);
  const [rest = 0, full = 0] = Object.keys(blocks).map(Number);
  assert.equal(full % 1_000, 0, JSON.stringify(blocks));
  assert.deepEqual(blocks, { [full]: Math.floor(MANY / full), [rest]: 1 });
  assert.equal(rest, MANY % full);
  return blocks;
}

/** Text that packs to some half: what went up is in proportion to what was read. */
const RANDOM = 'repeat(hex(sipHash128(number)), 9)';
const FORMATS = [
  ['parquet', 'Parquet', true],
  ['csv.gz', 'CSVWithNames', true],
  ['csv', 'CSVWithNames', false],
  ['tsv', 'TSVWithNames', false],
  ['jsonl', 'JSONEachRow', false],
  ['jsonl.zst', 'JSONEachRow', false],
  ['arrow', 'Arrow', false],
  ['arrows', 'ArrowStream', false],
  ['avro', 'Avro', false],
  ['orc', 'ORC', false],
] as const;

for (const [extension, format, always] of FORMATS) {
  const shares = FULL ? [0.2, 0.5, 0.9] : [0.5];
  test(`${extension}: ${MANY} rows in large blocks are there once after a kill at ${shares.map((share) => `${share * 100} %`).join(', ')}`, {
    ...(always ? {} : ONLY_FULL),
    timeout: 1_200_000,
  }, async (t) => {
    const file = await makeFile(`killed.${extension}`, format, MANY, RANDOM);
    const { size } = await import('node:fs').then(({ statSync }) => statSync(file));
    const seen: string[] = [];
    for (const share of shares) {
      const table = await makeTable(`killed_${extension.replace('.', '_')}_${share * 100}`);
      seen.push(`${share * 100} %: ${(await killed(file, table, share, size)) ? 'killed' : 'ended before'}`);
      const [found] = await bench.rows(
        `SELECT count() AS n, uniqExact(id) AS ids, countIf(text != ${RANDOM.replace('number', 'id')}) AS wrong FROM ${table}`,
      );
      assert.deepEqual(found, { n: MANY, ids: MANY, wrong: 0 });
      seen.push(JSON.stringify(await fullBlocks(table)));
      await execute(bench.clickhouse, `DROP TABLE ${table}`);
    }
    t.diagnostic(seen.join(', '));
  });
}

test('a file of 6,000,000 rows leaves ten parts at most', { ...ONLY_FULL, timeout: 1_200_000 }, async () => {
  const text = "concat('text ', toString(cityHash64(number)), 'v', toString(number % 17), toString(number * 7919))";
  const file = await makeFile('six-million.parquet', 'Parquet', 6_000_000, text);
  const table = await makeTable('six_million');
  succeeded(await bench.load(file, table, [], { ATD_DEDUP_TOKEN: 'topic/0/6/0' }));
  const parts = Object.values(await blocksOf(table)).reduce((sum, blocks) => sum + blocks, 0);
  assert.ok(parts <= 10, `${parts} parts`);
});
