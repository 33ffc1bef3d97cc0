/** Runs the executable `as-cli` as its own process, as the service does, against a ClickHouse of the sandbox. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execute, queryRows, requestClickHouse } from '../sandbox/clickhouse-client.js';
import { type ClickHouseSandbox, startClickHouse } from '../sandbox/sandbox.js';
import { PACKAGE_ROOT } from '../support/package-root.js';

export const AS_CLI = join(PACKAGE_ROOT, 'bin', 'as-cli');

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
  return await start(file, args, env).ended;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** `user` is the id of another user and group to run as. */
export function start(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  user?: number,
): Started {
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

/** A ClickHouse, a directory for files, and `as-cli ingest records` connected to it. */
export interface Bench {
  readonly clickhouse: ClickHouseSandbox;
  /** Loads `file` into `table`; the connection comes by the environment, with the password. */
  load(file: string, table: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** The same, with the process at hand. */
  startLoad(file: string, table: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Started;
  write(name: string, content: string | Uint8Array): Promise<string>;
  /** Writes what `select` gives in a format of ClickHouse. */
  writeSelect(name: string, select: string, format: string): Promise<string>;
  /** The file compressed beside itself, by the engine that writes zstd too. */
  compress(file: string, extension: 'gz' | 'zst'): Promise<string>;
  rows(select: string): Promise<Record<string, unknown>[]>;
  path(name: string): string;
  stop(): Promise<void>;
}

/** What tells a loader of a ClickHouse. */
export function connectionVariables({ host, port, database, user, password }: ClickHouseSandbox) {
  return {
    CLICKHOUSE_HOST: host,
    CLICKHOUSE_PORT: String(port),
    CLICKHOUSE_DATABASE: database,
    CLICKHOUSE_USER: user,
    CLICKHOUSE_PASSWORD: password,
  };
}

export async function startBench(started?: ClickHouseSandbox): Promise<Bench> {
  const clickhouse = started ?? (await startClickHouse());
  const directory = await mkdtemp(join(tmpdir(), 'atd-as-cli-'));
  const path = (name: string): string => join(directory, name);
  const connection = connectionVariables(clickhouse);
  const write = async (name: string, content: string | Uint8Array): Promise<string> => {
    await writeFile(path(name), content);
    return path(name);
  };
  const startLoad: Bench['startLoad'] = (file, table, args = [], env = {}) => {
    const command = [AS_CLI, 'ingest', 'records', '--file', file, '--table-name', table, ...args];
    return start(process.execPath, command, { ...connection, ...env });
  };
  return {
    clickhouse,
    path,
    write,
    startLoad,
    load: (...load) => startLoad(...load).ended,
    async writeSelect(name, select, format) {
      const response = await requestClickHouse(clickhouse, { query: `${select} FORMAT ${format}` });
      if (!response.ok) throw new Error(await response.text());
      return await write(name, new Uint8Array(await response.arrayBuffer()));
    },
    async compress(file, extension) {
      const target = `${file}.${extension}`;
      if (extension === 'gz') await writeFile(target, gzipSync(await readFile(file)));
      else {
        const raw = (path: string): string => `file('${path}', 'RawBLOB', 'data String', 'auto')`;
        await execute(
          clickhouse,
          `INSERT INTO FUNCTION ${raw(target)} SELECT data FROM ${raw(file).replace('auto', 'none')}`,
        );
      }
      return target;
    },
    rows: (select) => queryRows(clickhouse, select),
    async stop() {
      await clickhouse.stop();
      await rm(directory, { recursive: true });
    },
  };
}
