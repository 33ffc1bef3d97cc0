/** Small files, where the loader's start is nearly all there is: through the service, and by xargs. */
import { join } from 'node:path';
import type { ClickHouseSandbox } from '../../sandbox/sandbox.js';
import type { Bench, Row } from '../bench.js';
import { secondsOf } from '../commands.js';
import { LoadTarget, makeFiles } from '../files.js';
import type { Finding } from '../findings.js';
import { ServiceLoads, TABLE } from '../loads.js';
import { SLOTS } from './launch.js';

export const SMALL_ROWS = 100;

export async function makeSmallFiles(bench: Bench, count: number): Promise<string[]> {
  return makeFiles(await bench.sandboxes.clickHouse(), join(bench.directory, 'small'), count, SMALL_ROWS);
}

/** The same files by `xargs`, with the arguments that the service gives. */
async function xargsRate(bench: Bench, target: LoadTarget, files: readonly string[]): Promise<number> {
  const { host, port, user, password } = await bench.sandboxes.clickHouse();
  const address = ['--db-host', host, '--db-port', String(port), '--db-user', user, '--db-database', target.database];
  const rest = ['--table-name', TABLE, '--create-table', '--batch-size', '10000', ...address];
  const command = [bench.loader, 'ingest', 'records', '--file', '{}', ...rest];
  const seconds = await secondsOf('xargs', [`-P${SLOTS}`, '-I{}', ...command], {
    input: files.map((file) => `${file}\n`).join(''),
    env: { CLICKHOUSE_PASSWORD: password },
  });
  await target.take(files.length * SMALL_ROWS);
  return files.length / seconds;
}

export const smallFiles: Row = {
  name: 'small-files',
  async measure(bench: Bench): Promise<Finding[]> {
    const clickHouse: ClickHouseSandbox = await bench.sandboxes.clickHouse();
    const about = {
      row: this.name,
      unit: 'files/s',
      yardstick: `xargs -P${SLOTS} as-cli`,
      goal: { of: 'ratio', bound: 'at least', value: 0.95 },
    } as const;
    if (clickHouse.kind === 'external') {
      const reason = `${clickHouse.description} cannot write this machine's files, which the row's files are made by`;
      return [{ ...about, kind: 'not-possible', measured: 'small Parquet files', reason }];
    }
    const files = await makeSmallFiles(bench, bench.size(500, 100));
    const service = await ServiceLoads.cold(bench, 'bench_small_service');
    const target = await LoadTarget.create(clickHouse, 'bench_small_xargs', TABLE);
    bench.scope.after(() => target.drop());
    const rounds = await bench.alternate(3, {
      ours: () => service.rate(files, SMALL_ROWS),
      yardstick: () => xargsRate(bench, target, files),
    });
    return [
      { ...about, kind: 'measured', measured: `${files.length} files of ${SMALL_ROWS} rows, a process each`, rounds },
    ];
  },
};
