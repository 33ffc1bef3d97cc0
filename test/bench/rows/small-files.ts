/** Small files, where the loader's start is nearly all there is: through the service, and by xargs. */
import { join } from 'node:path';
import type { ClickHouseSandbox } from '../../sandbox/sandbox.js';
import type { ServiceProcess, Settings } from '../../support/service-process.js';
import type { Bench, Row } from '../bench.js';
import { secondsOf } from '../commands.js';
import { LoadTarget, makeFiles } from '../files.js';
import type { Finding } from '../findings.js';
import { type Announcer, connectProducer, createPlace, passThrough, startService } from '../service.js';
import { SLOTS } from './launch.js';
import { TABLE, TENANT } from './load.js';

export const SMALL_ROWS = 100;
const PASS_MS = 600_000;

/** A service that loads into a table of its own. */
export class SmallLoads {
  readonly #service: ServiceProcess;
  readonly #announcer: Announcer;
  readonly #target: LoadTarget;

  private constructor(service: ServiceProcess, announcer: Announcer, target: LoadTarget) {
    this.#service = service;
    this.#announcer = announcer;
    this.#target = target;
  }

  static async start(bench: Bench, name: string, settings: Settings): Promise<SmallLoads> {
    const clickHouse = await bench.sandboxes.clickHouse();
    const target = await LoadTarget.create(clickHouse, `bench_small_${name}`, TABLE);
    bench.scope.after(() => target.drop());
    const place = await createPlace(bench);
    const { host, port, user, password } = clickHouse;
    const service = await startService(bench, place, {
      clickhouse: { host, port, user, password, database: target.database },
      thread_pool_size: SLOTS,
      ...settings,
    });
    return new SmallLoads(service, await connectProducer(bench, place), target);
  }

  /** Files per second, from the sending of their messages to their rows. */
  async rate(files: readonly string[]): Promise<number> {
    const messages = files.map((filename) => ({ filename, tenant: TENANT }));
    const { seconds } = await passThrough([this.#service], this.#announcer, messages, PASS_MS);
    await this.#target.take(files.length * SMALL_ROWS);
    return files.length / seconds;
  }
}

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
    const service = await SmallLoads.start(bench, 'service', { as_cli: { executable: bench.loader } });
    const target = await LoadTarget.create(clickHouse, 'bench_small_xargs', TABLE);
    bench.scope.after(() => target.drop());
    const rounds = await bench.alternate(3, {
      ours: () => service.rate(files),
      yardstick: () => xargsRate(bench, target, files),
    });
    return [
      { ...about, kind: 'measured', measured: `${files.length} files of ${SMALL_ROWS} rows, a process each`, rounds },
    ];
  },
};
