/** Large files from Kafka to rows, against what the engine itself needs for the same files. */
import { join } from 'node:path';
import type { Bench, Row } from '../bench.js';
import { LARGE_ROWS, LoadTarget, makeFiles, meanBytes } from '../files.js';
import type { Finding } from '../findings.js';
import { ServiceLoads, TABLE } from '../loads.js';

/** Files per second by the engine alone, one file after the other. */
async function engineRate(target: LoadTarget, files: readonly string[]): Promise<number> {
  const started = performance.now();
  for (const file of files) await target.insertFrom(file);
  const seconds = (performance.now() - started) / 1000;
  await target.take(files.length * LARGE_ROWS);
  return files.length / seconds;
}

export const load: Row = {
  name: 'load',
  async measure(bench: Bench): Promise<Finding[]> {
    const count = bench.size(40, 16);
    const clickHouse = await bench.sandboxes.clickHouse();
    const about = {
      row: this.name,
      unit: 'files/s',
      yardstick: 'INSERT … FROM file()',
      goal: { of: 'ratio', bound: 'at least', value: 0.85 },
    } as const;
    if (clickHouse.kind === 'external') {
      const reason = `${clickHouse.description} cannot read this machine's files; without CLICKHOUSE_URL the sandbox's own engine runs`;
      return [{ ...about, kind: 'not-possible', measured: 'large Parquet files', reason }];
    }
    const files = await makeFiles(clickHouse, join(bench.directory, 'large'), count, LARGE_ROWS);
    const own = await LoadTarget.create(clickHouse, 'bench_load_engine', TABLE);
    bench.scope.after(() => own.drop());
    const cold = await ServiceLoads.cold(bench, 'bench_load_cold');
    // Only the bundled loader can be warm.
    const warm = bench.options.asCli === null ? await ServiceLoads.warm(bench, 'bench_load_warm') : null;
    const results = await bench.alternate(bench.size(7, 3), {
      cold: () => cold.rate(files, LARGE_ROWS),
      engine: () => engineRate(own, files),
      warm: () => warm?.rate(files, LARGE_ROWS) ?? Promise.resolve(null),
    });
    const measured = `${count} Parquet files of ${(meanBytes(files) / 1e6).toFixed(1)} MB`;
    const finding = (how: string, side: 'cold' | 'warm'): Finding => {
      const rounds = results.map((round) => ({ ours: round[side] as number, yardstick: round.engine }));
      return { ...about, kind: 'measured', measured: `${measured}, ${how}`, rounds };
    };
    const byProcesses = finding('a process each', 'cold');
    return warm === null ? [byProcesses] : [byProcesses, finding('warm loaders', 'warm')];
  },
};
