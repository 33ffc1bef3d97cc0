/** AppSentinels' own loader with a plugin by pandas: forked from a process that has its modules, against executed for each file. */
import { readFileSync } from 'node:fs';
import { listDescendants } from '../../../lib/processes/process-table.js';
import { installPandasAsCli } from '../../support/pandas-as-cli.js';
import type { Bench, Row } from '../bench.js';
import type { Finding } from '../findings.js';
import { ServiceLoads } from '../loads.js';
import { makeSmallFiles, SMALL_ROWS } from './small-files.js';

/** USER_HZ is 100 on every architecture that there is a Node for. */
const MS_PER_TICK = 10;

export const pythonLoader: Row = {
  name: 'python-loader',
  async measure(bench: Bench): Promise<Finding[]> {
    const about = {
      row: this.name,
      unit: 'files/s',
      yardstick: 'executed for each file',
      goal: { of: 'ratio', bound: 'at least', value: 12 },
    } as const;
    const none = { ...about, measured: 'small files by a forked Python loader' };
    const clickHouse = await bench.sandboxes.clickHouse();
    if (clickHouse.kind === 'external') {
      const reason = `${clickHouse.description} cannot write this machine's files, which the row's files are made by`;
      return [{ ...none, kind: 'not-possible', reason }];
    }
    const installed = installPandasAsCli();
    if ('unreachable' in installed) return [{ ...none, kind: 'not-possible', reason: installed.unreachable }];
    const { executable } = installed;
    const files = await makeSmallFiles(bench, bench.size(200, 40));
    const few = files.slice(0, bench.size(16, 8));
    const forked = await ServiceLoads.start(bench, 'bench_python_forked', { executable, launch: 'prefork' });
    const executed = await ServiceLoads.start(bench, 'bench_python_executed', { executable, launch: 'launcher' });
    // The first files teach it which modules there are; they are no part of the measure.
    await forked.rate(few, SMALL_ROWS);
    await forked.service.seen('prefork.loaded', 1, 600_000);
    await forked.rate(few, SMALL_ROWS);
    const rounds = await bench.alternate(bench.size(5, 3), {
      ours: () => loaded(forked, files),
      yardstick: () => loaded(executed, few),
    });
    const figures = (of: 'rate' | 'cpuMs') =>
      rounds.map(({ ours, yardstick }) => ({ ours: ours[of], yardstick: yardstick[of] }));
    return [
      { ...none, kind: 'measured', rounds: figures('rate') },
      {
        ...{
          ...none,
          kind: 'measured',
          rounds: figures('cpuMs'),
          measured: 'CPU of one, with the service',
          unit: 'ms',
        },
        goal: { of: 'ratio', bound: 'at most', value: 1 / 12 },
      },
    ];
  },
};

async function loaded(loads: ServiceLoads, files: readonly string[]): Promise<{ rate: number; cpuMs: number }> {
  const before = cpuTicksOf(loads.service.pid);
  const rate = await loads.rate(files, SMALL_ROWS);
  return { rate, cpuMs: ((cpuTicksOf(loads.service.pid) - before) * MS_PER_TICK) / files.length };
}

/** Of a process and all that descends from it, with what has ended and was reaped: user's and system's. */
function cpuTicksOf(pid: number): number {
  let ticks = 0;
  for (const each of [pid, ...listDescendants(pid)]) {
    const stat = readFileSync(`/proc/${each}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    for (const time of fields.slice(11, 15)) ticks += Number(time);
  }
  return ticks;
}
