/** Virtual environments of Python with packages of its index, below `.sandbox`. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './package-root.js';

export const SANDBOX = join(PACKAGE_ROOT, '.sandbox');
const INSTALL_MS = 300_000;
const UNREACHABLE =
  /connection broken by|Failed to establish a new connection|Name or service not known|Temporary failure in name|ConnectTimeout|ProxyError/i;

export interface Ran {
  readonly ok: boolean;
  readonly output: string;
}

export function run(program: string, args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], { encoding: 'utf8', timeout: INSTALL_MS });
  return { ok: status === 0, output: error === undefined ? `${stdout}${stderr}` : String(error) };
}

export function makeVenv(python: string, directory: string, ...more: string[]): void {
  const { ok, output } = run(python, ['-m', 'venv', ...more, directory]);
  if (!ok) throw new Error(`${python} cannot make a virtual environment; install python3-venv\n${output}`);
}

export function packagesOf(venv: string): string {
  const [python] = readdirSync(join(venv, 'lib'));
  return join(venv, 'lib', python as string, 'site-packages');
}

export function pip(venv: string, args: readonly string[]): Ran {
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1'];
  return run(join(venv, 'bin', 'python'), [...install, ...args]);
}

/** Why a failed installation is none of ours: the index cannot be reached; null for any other failure. */
export function unreachable({ output }: Ran): string | null {
  return UNREACHABLE.test(output) ? `no package index: ${output.slice(-300)}` : null;
}
