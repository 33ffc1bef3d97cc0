/** Large files from Kafka to rows, against what the engine itself needs for the same files. */
import { join } from 'node:path';
import type { Bench, Row } from '../bench.js';
import { LARGE_ROWS, LoadTarget, makeFiles, meanBytes } from '../files.js';
import type { Finding } from '../findings.js';
import { connectProducer, createPlace, passThrough, startService } from '../service.js';
import { SLOTS } from './launch.js';

export const TENANT = 'acme';
export const TABLE = `atd_${TENANT}`;

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
    const ours = await LoadTarget.create(clickHouse, 'bench_load_ours', TABLE);
    const own = await LoadTarget.create(clickHouse, 'bench_load_engine', TABLE);
    bench.scope.after(() => Promise.all([ours.drop(), own.drop()]));
    const place = await createPlace(bench);
    const { host, port, user, password } = clickHouse;
    const service = await startService(bench, place, {
      clickhouse: { host, port, user, password, database: ours.database },
      as_cli: { executable: bench.loader },
      thread_pool_size: SLOTS,
    });
    const announcer = await connectProducer(bench, place);
    const messages = files.map((filename) => ({ filename, tenant: TENANT }));
    const rounds = await bench.alternate(bench.size(5, 3), {
      ours: async () => {
        const { seconds } = await passThrough([service], announcer, messages, 300_000);
        await ours.take(count * LARGE_ROWS);
        return count / seconds;
      },
      yardstick: async () => {
        const started = performance.now();
        for (const file of files) await own.insertFrom(file);
        const seconds = (performance.now() - started) / 1000;
        await own.take(count * LARGE_ROWS);
        return count / seconds;
      },
    });
    const size = (meanBytes(files) / 1e6).toFixed(1);
    return [{ ...about, kind: 'measured', measured: `${count} Parquet files of ${size} MB, Kafka to rows`, rounds }];
  },
};
