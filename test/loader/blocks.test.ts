/** Blocks of exactly `--batch-size` rows for every format and compression: what makes a repeated load add nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { execute } from '../sandbox/clickhouse-client.js';
import { type Bench, startBench } from './as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const ROWS = 12_500;
const BATCH = 1_000;
const SELECT = `SELECT toInt64(number) AS id, concat('text ', toString(number)) AS text FROM numbers(${ROWS})`;

/** A table as the loader would create it, which keeps each block as a part of its own: nothing is merged. */
async function createUnmerged(table: string, model: string): Promise<void> {
  await execute(bench.clickhouse, `CREATE TABLE ${table} AS ${model}`);
  await execute(bench.clickhouse, `SYSTEM STOP MERGES ${table}`);
}

async function blocksOf(table: string): Promise<unknown> {
  const [blocks] = await bench.rows(
    `SELECT sum(n) AS written, count() AS blocks, max(n) AS most, countIf(n != ${BATCH}) AS other
       FROM (SELECT count() AS n FROM ${table} GROUP BY _part)`,
  );
  return blocks;
}

const EXACT = { written: ROWS, blocks: Math.ceil(ROWS / BATCH), most: BATCH, other: 1 };

for (const [extension, format, settings] of [
  ['parquet', 'Parquet', 'output_format_parquet_row_group_size = 1700'],
  ['csv', 'CSVWithNames'],
  ['tsv', 'TabSeparatedWithNames'],
  ['jsonl', 'JSONEachRow'],
  ['arrow', 'Arrow', 'max_block_size = 1700'],
  ['arrows', 'ArrowStream', 'max_block_size = 1700'],
  ['avro', 'Avro'],
  ['orc', 'ORC', 'max_block_size = 1700'],
] as const) {
  test(`${extension}: blocks of exactly the batch size, the same when repeated, plain and compressed`, async () => {
    const plain = await bench.writeSelect(
      `b.${extension}`,
      settings ? `${SELECT} SETTINGS ${settings}` : SELECT,
      format,
    );
    const files = [plain, await bench.compress(plain, 'gz'), await bench.compress(plain, 'zst')];
    const model = `blocks_${extension}`;
    const one = await bench.writeSelect(`one.${extension}`, `${SELECT} LIMIT 1`, format);
    assert.equal((await bench.load(one, model, ['--create-table'])).code, 0);
    for (const [index, file] of files.entries()) {
      const table = `${model}_${index}`;
      await createUnmerged(table, model);
      const args = ['--create-table', '--batch-size', String(BATCH)];
      for (let attempt = 0; attempt < 2; attempt++) {
        const { code, stderr } = await bench.load(file, table, args, { ATD_DEDUP_TOKEN: 'topic/0/1/0' });
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        assert.deepEqual(await blocksOf(table), EXACT, `${file}, attempt ${attempt}`);
      }
    }
  });
}

/** An older ClickHouse, as far as this matters: it does not know some settings. */
async function startWithoutSettings(settings: readonly string[]): Promise<{ readonly port: number; stop(): void }> {
  const { host, port } = bench.clickhouse;
  const server = createServer((asked, answer) => {
    const setting = settings.find((name) => asked.url?.includes(name));
    if (setting !== undefined) {
      asked.resume();
      const text = `Code: 115. DB::Exception: Setting ${setting} is neither a builtin setting nor started with the prefix. (UNKNOWN_SETTING) (version 25.8)`;
      answer.writeHead(404, { 'X-ClickHouse-Exception-Code': '115' }).end(text);
      return;
    }
    const { url = '/', method = 'GET', headers } = asked;
    const passed = request({ host, port, path: url, method, headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 500, answered.headers);
      answered.pipe(answer);
    });
    asked.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}

for (const [version, settings] of [
  ['26_3', ['use_strict_insert_block_limits']],
  ['24_3', ['use_strict_insert_block_limits', 'input_format_json_ignore_unnecessary_fields']],
] as const) {
  test(`a ClickHouse ${version}, without ${settings.join(' and ')}, is used all the same, and a repetition adds nothing`, async () => {
    const old = await startWithoutSettings(settings);
    const file = await bench.writeSelect('old.orc', SELECT, 'ORC');
    const args = ['--create-table', '--batch-size', String(BATCH), '--db-port', String(old.port)];
    const table = `old_${version}`;
    for (let attempt = 0; attempt < 2; attempt++) {
      const { code, stderr } = await bench.load(file, table, args, { ATD_DEDUP_TOKEN: `topic/${version}` });
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(await bench.rows(`SELECT count() AS n FROM ${table}`), [{ n: ROWS }]);
    }
    old.stop();
  });
}
