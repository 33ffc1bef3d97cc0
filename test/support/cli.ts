/** Runs the compiled command line as a process, with an environment of its own, as `bin/atd-ingestion` does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { patience } from './processes.js';

const MAIN = new URL('../../lib/cli/main.js', import.meta.url).href;
const SCRIPT = `import { main } from ${JSON.stringify(MAIN)}; await main(process.argv.slice(1));`;
/** Nothing that is tested here takes longer; a process that hangs must not hold the test. */
const KILL_MS = patience(30_000);

export interface CliResult {
  /** The exit code, or the name of the signal that ended the process. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

export type Env = Readonly<Record<string, string>>;

/** Without a PATH there is no `as-cli` on it. */
/** @param output descriptors to be stdout and stderr; pipes by default */
export function spawnCli(args: readonly string[], env: Env = {}, output?: readonly [number, number]): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, '--', ...args], {
    stdio: ['ignore', ...(output ?? (['pipe', 'pipe'] as const))],
    env: { PATH: '', ...env },
    timeout: KILL_MS,
    killSignal: 'SIGKILL',
  });
}

export async function runCli(args: readonly string[], env: Env = {}): Promise<CliResult> {
  const child = spawnCli(args, env);
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code: code ?? signal ?? 'unknown', ...output };
}

/** A directory that is removed after the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'atd-cli-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
