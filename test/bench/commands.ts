/** Yardsticks that are commands of the machine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findExecutable } from '../../lib/cli/executable.js';

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Ends the command. */
  readonly signal?: AbortSignal;
}

/** Seconds that a command took. @throws Error with what it printed to stderr where it fails */
export async function secondsOf(file: string, args: readonly string[], options: CommandOptions = {}): Promise<number> {
  const started = performance.now();
  await outputOf(file, args, options);
  return (performance.now() - started) / 1000;
}

/**
 * Milliseconds of CPU, user's and system's, of one of so many runs, the mean of them. The shell's `times` tells what its
 * children took, hundredths of a second being its finest measure. @throws Error where a run fails
 */
export async function cpuMsOf(
  file: string,
  args: readonly string[],
  runs: number,
  options: CommandOptions = {},
): Promise<number> {
  const script = 'n=$1; shift; while [ $n -gt 0 ]; do "$@" >/dev/null || exit; n=$((n - 1)); done; times';
  const output = await outputOf('sh', ['-c', script, 'sh', String(runs), file, ...args], options);
  const ofChildren = output.trim().split('\n').at(-1) ?? '';
  const times = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  if (times.length !== 2) throw new Error(`sh tells no times: ${output}`);
  return (1000 * ((times[0] as number) + (times[1] as number))) / runs;
}

/** The end of what a command printed. @throws Error with what it printed to stderr where it fails */
export async function outputOf(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { directory, signal } = options;
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', ...options.env },
    ...(directory === undefined ? {} : { cwd: directory }),
    ...(signal === undefined ? {} : { signal }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout = (stdout + text).slice(-4_000);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4_000);
  });
  // A command may end without having read it: its exit code says what that means.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${file} failed (${code}): ${stderr.trim()}`);
  return stdout;
}

export function isOnPath(name: string): boolean {
  return findExecutable(name, process.env['PATH'] ?? '') !== null;
}

/** Lines of standard input, each the one argument of a run of `file`, `width` runs at a time. */
export function xargsSeconds(count: number, width: number, file: string): Promise<number> {
  const input = Array.from({ length: count }, (_, index) => `${index}\n`).join('');
  return secondsOf('xargs', [`-P${width}`, '-n1', file], { input });
}

const PYTHON = `
import subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
started = time.perf_counter()
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    list(pool.map(lambda n: subprocess.run([sys.argv[3], str(n)], check=True), range(int(sys.argv[1]))))
print(time.perf_counter() - started)
`;

/** Python's thread pool with subprocess.run, as the service was once written; without the start of Python. */
export async function pythonSeconds(count: number, width: number, file: string): Promise<number> {
  return Number(await outputOf('python3', ['-c', PYTHON, String(count), String(width), file]));
}
