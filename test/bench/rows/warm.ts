/** The small files by loaders that stay, against one process for each file. */
import { listSettings } from '../../../lib/config/schema.js';
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import { ServiceLoads } from '../loads.js';
import { makeSmallFiles, SMALL_ROWS } from './small-files.js';

const SETTING = 'as_cli.launch';

export const warm: Row = {
  name: 'warm',
  async measure(bench: Bench): Promise<Finding[]> {
    const about = {
      row: this.name,
      unit: 'files/s',
      yardstick: 'a process each',
      goal: { of: 'ratio', bound: 'at least', value: 10 },
    } as const;
    const choices = listSettings().find(([key]) => key === SETTING)?.[1].choices ?? [];
    const clickHouse = await bench.sandboxes.clickHouse();
    const none = { ...about, measured: 'small files by warm loaders' };
    if (!choices.includes('warm')) return [{ ...none, kind: 'not-available', reason: `there is no ${SETTING}: warm` }];
    if (bench.options.asCli !== null) {
      return [{ ...none, kind: 'not-possible', reason: 'only the bundled loader can be warm, not that of --as-cli' }];
    }
    if (clickHouse.kind === 'external') {
      const reason = `${clickHouse.description} cannot write this machine's files, which the row's files are made by`;
      return [{ ...none, kind: 'not-possible', reason }];
    }
    const files = await makeSmallFiles(bench, bench.size(500, 100));
    const warmLoads = await ServiceLoads.warm(bench, 'bench_small_warm');
    const coldLoads = await ServiceLoads.cold(bench, 'bench_small_cold');
    const rounds = await bench.alternate(3, {
      ours: () => warmLoads.rate(files, SMALL_ROWS),
      yardstick: () => coldLoads.rate(files, SMALL_ROWS),
    });
    return [
      { ...about, kind: 'measured', measured: `${files.length} files of ${SMALL_ROWS} rows, warm loaders`, rounds },
    ];
  },
};
