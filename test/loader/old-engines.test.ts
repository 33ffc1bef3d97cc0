/** The loader's promise with servers of the last years: what a token, a generation and views do there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ONLY_FULL } from '../faults/seed.js';
import { execute } from '../sandbox/clickhouse-client.js';
import { startOldClickHouse } from '../sandbox/sandbox.js';
import { installOldEngine, OLD_ENGINES, type OldEnginePackage } from '../support/old-engines.js';
import { type Bench, type Ended, startBench } from './as-cli.js';

const ROWS = 5_000;
const WINDOW = 'SETTINGS non_replicated_deduplication_window = 100';
const TIMEOUT_MS = 900_000;
/** Older than the loader asks for: what it says of such a server, and why it warns of servers before 24.8. */
const TOO_OLD = '23.10';

/** Types of columns, and text that becomes a value of each. */
const KINDS: readonly (readonly [type: string, text: string])[] = [
  ['Int64', '7.0'],
  ['Nullable(Date)', '31 January 1999'],
  ['DateTime64(3)', '2024-01-01 00:00:00.123'],
  ['DateTime', '2024-01-01T00:00:00Z'],
  ['Decimal(9, 2)', '1.25'],
  ['Float64', '+0.10'],
  ['String', 'text'],
  ['Bool', 'true'],
];

function skipped(engine: OldEnginePackage): { readonly skip?: string } {
  if ('skip' in ONLY_FULL) return ONLY_FULL;
  const installed = installOldEngine(engine);
  return 'unreachable' in installed ? { skip: installed.unreachable } : {};
}

for (const engine of OLD_ENGINES) {
  describe(`ClickHouse ${engine.version}`, { ...skipped(engine), timeout: TIMEOUT_MS }, () => {
    let bench: Bench;

    before(async () => {
      const installed = installOldEngine(engine);
      if ('unreachable' in installed) throw new Error(installed.unreachable);
      bench = await startBench(await startOldClickHouse(installed.python));
    });

    after(() => bench.stop());

    async function load(file: string, table: string, env: Readonly<Record<string, string>> = {}): Promise<Ended> {
      const args = ['--create-table', '--batch-size', '1000'];
      return await bench.load(file, table, args, { ATD_DEDUP_TOKEN: 't/0/1/0@1', ...env });
    }

    async function counts(...tables: string[]): Promise<unknown> {
      const columns = tables.map((table) => `(SELECT count() FROM ${table}) AS ${table}`);
      return (await bench.rows(`SELECT ${columns.join(', ')}`))[0];
    }

    async function numbers(name: string, format: string): Promise<string> {
      return await bench.writeSelect(
        name,
        `SELECT number AS id, toString(number) AS text FROM numbers(${ROWS})`,
        format,
      );
    }

    async function makeViews(): Promise<void> {
      for (const name of ['source', 'both', 'chained']) {
        await execute(
          bench.clickhouse,
          `CREATE TABLE ${name} (id UInt64, text String) ENGINE = MergeTree ORDER BY id ${WINDOW}`,
        );
      }
      const view = async (from: string, to: string, text: string): Promise<void> =>
        await execute(
          bench.clickhouse,
          `CREATE MATERIALIZED VIEW ${text} TO ${to} AS SELECT id, '${text}' AS text FROM ${from}`,
        );
      await view('source', 'both', 'one');
      await view('source', 'both', 'two');
      await view('both', 'chained', 'three');
    }

    it('is the version that it is taken for', async () => {
      const [row] = await bench.rows('SELECT version() AS version');
      assert.ok(String(row?.['version']).startsWith(`${engine.version}.`), String(row?.['version']));
    });

    if (engine.version === TOO_OLD) {
      it('is refused by name', async () => {
        const { code, stderr } = await load(await numbers('old.csv', 'CSVWithNames'), 'old');
        assert.equal(code, 78);
        assert.match(stderr, /Unknown setting \w+.*; use ClickHouse 24\.3 or newer\n$/);
      });

      it('loses rows of two views that fill one table, under a token', async () => {
        await makeViews();
        const insert = `INSERT INTO source SELECT number AS id, 'x' AS text FROM numbers(${ROWS})`;
        await execute(bench.clickhouse, insert, { parameters: { insert_deduplication_token: 't' } });
        assert.deepEqual(await counts('source', 'both', 'chained'), { source: ROWS, both: ROWS, chained: ROWS });
      });
      return;
    }

    for (const [extension, format] of [
      ['csv', 'CSVWithNames'],
      ['parquet', 'Parquet'],
      ['jsonl', 'JSONEachRow'],
    ] as const) {
      it(`adds no row of ${format} by a repetition, all of them under the next generation`, async () => {
        const file = await numbers(`again.${extension}`, format);
        const table = `again_${extension}`;
        for (let attempt = 0; attempt < 2; attempt++) {
          const { code, stderr } = await load(file, table);
          assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        }
        assert.deepEqual(await counts(table), { [table]: ROWS });
        assert.equal((await load(file, table, { ATD_GENERATION: '1' })).code, 0);
        assert.deepEqual(await counts(table), { [table]: 2 * ROWS });
      });
    }

    it('says which load a row is of, and has its rows again after they were taken out, by the next generation', async () => {
      const file = await numbers('said.csv', 'CSVWithNames');
      const id = '0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0e';
      for (let attempt = 0; attempt < 2; attempt++) {
        const { code, stderr } = await load(file, 'said', { ATD_LOAD_ID: id });
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
        assert.deepEqual(await bench.rows('SELECT toString(_load_id) AS id, count() AS n FROM said GROUP BY id'), [
          { id, n: ROWS },
        ]);
      }
      await execute(
        bench.clickhouse,
        `DELETE FROM said WHERE _load_id IN ('${id}') SETTINGS lightweight_deletes_sync = 2`,
      );
      assert.deepEqual(await counts('said'), { said: 0 });
      assert.equal((await load(file, 'said', { ATD_LOAD_ID: id })).code, 0);
      assert.deepEqual(await counts('said'), { said: 0 });
      assert.equal((await load(file, 'said', { ATD_LOAD_ID: id, ATD_GENERATION: '1' })).code, 0);
      assert.deepEqual(await counts('said'), { said: ROWS });
    });

    for (const [table, times] of [
      ['alone', 1],
      ['lists', 3],
    ] as const) {
      it(`converts text of every kind and names what does not fit, ${times} columns of each`, async () => {
        const columns = Array.from({ length: times }, () => KINDS).flat();
        const names = columns.map((_, index) => `c${index}`);
        const types = columns.map(([type], index) => `c${index} ${type}`);
        await execute(bench.clickhouse, `CREATE TABLE ${table} (${types.join(', ')}) ENGINE = MergeTree ORDER BY ()`);
        const row = columns.map(([, text]) => text);
        const file = (rows: readonly (readonly string[])[]): Promise<string> =>
          bench.write(`${table}.tsv`, [names, ...rows].map((values) => `${values.join('\t')}\n`).join(''));
        const loaded = await bench.load(await file([row, row]), table);
        assert.deepEqual([loaded.code, loaded.stderr], [0, '']);
        const refused = await bench.load(await file([row, row.with(1, '1999-02-30')]), table);
        assert.equal(refused.code, 65, refused.stderr);
        assert.match(refused.stderr, /row 2, column 'c1': expected Nullable\(Date\), found '1999-02-30'/);
        assert.deepEqual(await counts(table), { [table]: 2 });
      });
    }

    it('completes a load that broke off', async () => {
      const lines = Array.from({ length: ROWS }, (_, i) => `${i},x\n`);
      const half = ROWS / 2;
      const schema = await bench.write('partial.json', '{"id": "UInt64", "text": "String"}');
      const partial = async (content: string): Promise<Ended> => {
        const args = ['--create-table', '--schema-file', schema, '--batch-size', '1000'];
        const file = await bench.write('partial.csv', `id,text\n${content}`);
        return await bench.load(file, 'partial', args, { ATD_DEDUP_TOKEN: 't/0/2/0@1' });
      };
      const broken = await partial(`${lines.slice(0, half).join('')}broken,x\n${lines.slice(half).join('')}`);
      assert.equal(broken.code, 65, broken.stderr);
      assert.equal((await partial(lines.join(''))).code, 0);
      assert.deepEqual(await counts('partial'), { partial: ROWS });
    });

    it('has every row once behind its views', async () => {
      await makeViews();
      const file = await numbers('views.csv', 'CSVWithNames');
      for (let attempt = 0; attempt < 2; attempt++) {
        const { code, stderr } = await load(file, 'source');
        assert.equal(code, 0, stderr);
        const found = await counts('source', 'both', 'chained');
        assert.equal(stderr, '');
        assert.deepEqual(found, { source: ROWS, both: 2 * ROWS, chained: 2 * ROWS });
      }
    });
  });
}
