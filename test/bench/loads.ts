/** A service that loads into a table of its own. */
import type { ServiceProcess, Settings } from '../support/service-process.js';
import type { Bench } from './bench.js';
import { LoadTarget } from './files.js';
import { SLOTS } from './rows/launch.js';
import { type Announcer, connectProducer, createPlace, passThrough, startService } from './service.js';

export const TENANT = 'acme';
export const TABLE = `atd_${TENANT}`;
const PASS_MS = 600_000;

export class ServiceLoads {
  readonly #service: ServiceProcess;
  readonly #announcer: Announcer;
  readonly #target: LoadTarget;

  private constructor(service: ServiceProcess, announcer: Announcer, target: LoadTarget) {
    this.#service = service;
    this.#announcer = announcer;
    this.#target = target;
  }

  /** @param name of its database, which no other may have */
  static async start(bench: Bench, name: string, asCli: Settings): Promise<ServiceLoads> {
    const clickHouse = await bench.sandboxes.clickHouse();
    const target = await LoadTarget.create(clickHouse, name, TABLE);
    bench.scope.after(() => target.drop());
    const place = await createPlace(bench);
    const { host, port, user, password } = clickHouse;
    const service = await startService(bench, place, {
      clickhouse: { host, port, user, password, database: target.database },
      as_cli: asCli,
      thread_pool_size: SLOTS,
    });
    return new ServiceLoads(service, await connectProducer(bench, place), target);
  }

  /** With a process of the bundled loader, or of `--as-cli`, for each file. */
  static cold(bench: Bench, name: string): Promise<ServiceLoads> {
    return ServiceLoads.start(bench, name, { executable: bench.loader, launch: 'launcher' });
  }

  /** With bundled loaders that stay. */
  static warm(bench: Bench, name: string): Promise<ServiceLoads> {
    return ServiceLoads.start(bench, name, { executable: 'as-cli', launch: 'warm' });
  }

  get service(): ServiceProcess {
    return this.#service;
  }

  /** Files per second, from the sending of their messages to their rows, of which each has `rows`. */
  async rate(files: readonly string[], rows: number): Promise<number> {
    const messages = files.map((filename) => ({ filename, tenant: TENANT }));
    const { seconds } = await passThrough([this.#service], this.#announcer, messages, PASS_MS);
    await this.#target.take(files.length * rows);
    return files.length / seconds;
  }
}
