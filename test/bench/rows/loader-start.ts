/** The CPU time of one run of the loader for a small file, which is nearly all start, against that of an empty Node program. */

import type { Bench, Row } from '../bench.js';
import { cpuMsOf } from '../commands.js';
import { LoadTarget } from '../files.js';
import type { Finding } from '../findings.js';
import { TABLE } from '../loads.js';
import { makeSmallFiles, SMALL_ROWS } from './small-files.js';

/** A run alone is shorter than what the shell's clock tells apart. */
const RUNS = 10;

export const loaderStart: Row = {
  name: 'loader-start',
  async measure(bench: Bench): Promise<Finding[]> {
    const clickHouse = await bench.sandboxes.clickHouse();
    const about = {
      row: this.name,
      measured: `CPU of one loader, ${SMALL_ROWS} rows`,
      unit: 'ms',
      yardstick: 'node -e 0',
      goal: { of: 'ratio', bound: 'at most', value: 1.5 },
    } as const;
    if (clickHouse.kind === 'external') {
      const reason = `${clickHouse.description} cannot write this machine's files, which the row's files are made by`;
      return [{ ...about, kind: 'not-possible', reason }];
    }
    const [file = ''] = await makeSmallFiles(bench, 1);
    const target = await LoadTarget.create(clickHouse, 'bench_loader_start', TABLE);
    bench.scope.after(() => target.drop());
    const { host, port, user, password } = clickHouse;
    const address = ['--db-host', host, '--db-port', String(port), '--db-user', user, '--db-database', target.database];
    const load = ['ingest', 'records', '--file', file, '--table-name', TABLE, '--create-table', ...address];
    // As the service starts it: with a token. The same one again adds no row, and costs the loader the same.
    const env = { CLICKHOUSE_PASSWORD: password, ATD_DEDUP_TOKEN: 'bench/0/0/0', ATD_OUTPUT: 'json' };
    const rounds = await bench.alternate(bench.size(15, 5), {
      ours: () => cpuMsOf(bench.loader, load, RUNS, { env }),
      yardstick: () => cpuMsOf(process.execPath, ['-e', '0'], RUNS),
    });
    return [{ ...about, kind: 'measured', rounds }];
  },
};
