/** One file of millions of rows by the bundled loader as it is, beside the engine's own insert, and in blocks of 10,000 rows. */
import { execute, queryRows } from '../../sandbox/clickhouse-client.js';
import type { ClickHouseSandbox } from '../../sandbox/sandbox.js';
import type { Bench, Row } from '../bench.js';
import { CheckedTable } from '../checked-table.js';
import { secondsOf } from '../commands.js';
import type { Finding } from '../findings.js';

const PARQUET = { extension: 'parquet', clickhouse: 'Parquet' } as const;
const FORMER_BLOCK = 10_000;

export const largeFile: Row = {
  name: 'large-file',
  async measure(bench: Bench): Promise<Finding[]> {
    const rows = bench.size(6_000_000, 1_000_000);
    const clickHouse = await bench.sandboxes.clickHouse();
    const about = { row: this.name, measured: `one Parquet file of ${rows} rows`, unit: 'rows/s' } as const;
    const ofEngine = {
      ...{ ...about, yardstick: 'INSERT … FROM file()' },
      goal: { of: 'ratio', bound: 'at least', value: 0.8 },
    } as const;
    if (clickHouse.kind === 'external') {
      const reason = `${clickHouse.description} cannot read this machine's files; without CLICKHOUSE_URL the sandbox's own engine runs`;
      return [{ ...ofEngine, kind: 'not-possible', reason }];
    }
    const table = await CheckedTable.create(bench, 'bench_large_file', rows, { isOrdinary: true });
    const file = await table.file(PARQUET);
    const rate = async (load: () => Promise<unknown>): Promise<number> => {
      const started = performance.now();
      await load();
      const seconds = (performance.now() - started) / 1000;
      await empty(clickHouse, table, rows);
      return rows / seconds;
    };
    const byLoader = (batchSize: number | null) => {
      const { args, env } = table.load(file, batchSize);
      // As the service gives one; a table that was emptied knows none.
      return rate(() => secondsOf(bench.loader, args, { env: { ...env, ATD_DEDUP_TOKEN: 'large/0/1/0' } }));
    };
    const insert = `INSERT INTO ${table.qualified} SELECT * FROM file('${file}', 'Parquet')`;
    const results = await bench.alternate(bench.size(5, 3), {
      ours: () => byLoader(null),
      engine: () => rate(() => execute(clickHouse, insert)),
      former: () => byLoader(FORMER_BLOCK),
    });
    const beside = (side: 'engine' | 'former') =>
      results.map((round) => ({ ours: round.ours as number, yardstick: round[side] as number }));
    const ofFormer = {
      ...{ ...about, yardstick: `blocks of ${FORMER_BLOCK} rows` },
      goal: { of: 'ratio', bound: 'at least', value: 1 },
    } as const;
    return [
      { ...ofEngine, kind: 'measured', rounds: beside('engine') },
      { ...ofFormer, kind: 'measured', rounds: beside('former') },
    ];
  },
};

/** @throws Error where the table has not exactly the file's rows */
async function empty(clickHouse: ClickHouseSandbox, { qualified }: CheckedTable, rows: number): Promise<void> {
  const [found] = await queryRows<{ n: number }>(clickHouse, `SELECT count() AS n FROM ${qualified}`);
  if (found?.n !== rows) throw new Error(`${qualified} has ${found?.n} rows instead of ${rows}`);
  await execute(clickHouse, `TRUNCATE TABLE ${qualified}`);
}
