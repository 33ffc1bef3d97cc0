/** Runs the executable `as-cli` as its own process, as the service does, against a ClickHouse of the sandbox. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { queryRows, requestClickHouse } from '../sandbox/clickhouse-client.js';
import { type ClickHouseSandbox, startClickHouse } from '../sandbox/sandbox.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

const AS_CLI = join(PACKAGE_ROOT, 'bin', 'as-cli');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without anything of this process's environment but the PATH. */
export async function asCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return await run(process.execPath, [AS_CLI, ...args], env);
}

export async function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A ClickHouse, a directory for files, and `as-cli ingest records` connected to it. */
export interface Bench {
  readonly clickhouse: ClickHouseSandbox;
  /** Loads `file` into `table`; the connection comes by the environment, with the password. */
  load(file: string, table: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Writes what `select` gives in a format of ClickHouse. */
  writeSelect(name: string, select: string, format: string): Promise<string>;
  rows(select: string): Promise<Record<string, unknown>[]>;
  path(name: string): string;
  stop(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  const clickhouse = await startClickHouse();
  const directory = await mkdtemp(join(tmpdir(), 'atd-as-cli-'));
  const path = (name: string): string => join(directory, name);
  const connection = {
    CLICKHOUSE_HOST: clickhouse.host,
    CLICKHOUSE_PORT: String(clickhouse.port),
    CLICKHOUSE_DATABASE: clickhouse.database,
    CLICKHOUSE_USER: clickhouse.user,
    CLICKHOUSE_PASSWORD: clickhouse.password,
  };
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(path(name), content);
    return path(name);
  };
  return {
    clickhouse,
    path,
    write,
    load: (file, table, args = [], env = {}) =>
      asCli(['ingest', 'records', '--file', file, '--table-name', table, ...args], { ...connection, ...env }),
    async writeSelect(name, select, format) {
      const response = await requestClickHouse(clickhouse, { query: `${select} FORMAT ${format}` });
      if (!response.ok) throw new Error(await response.text());
      return await write(name, new Uint8Array(await response.arrayBuffer()));
    },
    rows: (select) => queryRows(clickhouse, select),
    async stop() {
      await clickhouse.stop();
      await rm(directory, { recursive: true });
    },
  };
}
