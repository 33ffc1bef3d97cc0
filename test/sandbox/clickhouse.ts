/** Starts the ClickHouse of the sandbox: an external server where CLICKHOUSE_URL names one, else chDB behind the front. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Guarded } from './guarded.js';
import { OLD_ENGINE_DATABASE } from './old-engine.js';

export interface ClickHouseSandbox {
  /** Without user and password: `http://127.0.0.1:8123`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly kind: 'external' | 'chdb';
  readonly description: string;
  stop(): Promise<void>;
}

const FRONT = fileURLToPath(new URL('./clickhouse-front.js', import.meta.url));
const START_TIMEOUT_MS = 300_000;
/** Statements run on libuv's threads, and so does all file I/O: enough of both for a pool of loaders. */
const FRONT_THREADS = '16';

function external(address: string): ClickHouseSandbox {
  const url = new URL(address);
  const port = Number(url.port || (url.protocol === 'https:' ? 8443 : 8123));
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    host: url.hostname,
    port,
    user: decodeURIComponent(url.username) || (process.env['CLICKHOUSE_USER'] ?? 'default'),
    password: decodeURIComponent(url.password) || (process.env['CLICKHOUSE_PASSWORD'] ?? ''),
    database: decodeURIComponent(url.pathname.slice(1)) || 'default',
    kind: 'external',
    description: `the ClickHouse at ${url.hostname}:${port} (CLICKHOUSE_URL)`,
    stop: async () => undefined,
  };
}

/** The address with user, password and database, as CLICKHOUSE_URL takes it. */
export function clickHouseUrl(clickHouse: ClickHouseSandbox): string {
  const url = new URL(clickHouse.url);
  url.username = encodeURIComponent(clickHouse.user);
  url.password = encodeURIComponent(clickHouse.password);
  url.pathname = encodeURIComponent(clickHouse.database);
  return url.href;
}

/** @throws Error with the front's output where it does not start. */
export async function startClickHouse(): Promise<ClickHouseSandbox> {
  const address = process.env['CLICKHOUSE_URL'];
  return address ? external(address) : await startFront([], 'default');
}

/** One for a single test file, whatever CLICKHOUSE_URL says: what it counts is what that file has done. */
export async function startOwnClickHouse(): Promise<ClickHouseSandbox> {
  return await startFront([], 'default');
}

/** An older engine, by the Python that has it; whatever CLICKHOUSE_URL says. */
export async function startOldClickHouse(python: string): Promise<ClickHouseSandbox> {
  return await startFront(['--python', python], OLD_ENGINE_DATABASE);
}

async function startFront(more: readonly string[], database: string): Promise<ClickHouseSandbox> {
  // Random, so that a test which passes has really carried the password to the server.
  const password = randomBytes(12).toString('base64url');
  const guarded = await Guarded.start('atd-clickhouse-');
  try {
    const front = guarded.run(process.execPath, [FRONT, '--directory', guarded.directory, ...more], {
      SANDBOX_CLICKHOUSE_PASSWORD: password,
      UV_THREADPOOL_SIZE: FRONT_THREADS,
    });
    const port = await guarded.ready(front, START_TIMEOUT_MS, (output) => {
      const found = /^listening (\d+)$/m.exec(output)?.[1];
      return found === undefined ? null : Number(found);
    });
    const url = `http://127.0.0.1:${port}`;
    const answer = await fetch(`${url}/ping`);
    const name = answer.headers.get('X-ClickHouse-Server-Display-Name') ?? 'chDB';
    await answer.body?.cancel();
    guarded.release();
    return {
      url,
      host: '127.0.0.1',
      port,
      user: 'default',
      password,
      database,
      kind: 'chdb',
      description: `${name} at 127.0.0.1:${port}`,
      stop: () => guarded.stop(),
    };
  } catch (error) {
    await guarded.stop();
    throw new Error('ClickHouse (chDB) did not start for the sandbox; set CLICKHOUSE_URL to use a server of your own', {
      cause: error,
    });
  }
}
