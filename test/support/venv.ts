/** Virtual environments of Python with packages of its index, below `.sandbox`. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './package-root.js';

export const SANDBOX = join(PACKAGE_ROOT, '.sandbox');
const INSTALL_MS = 1_800_000;
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

export type InstalledPython = { readonly python: string } | { readonly unreachable: string };

/**
 * A virtual environment with these packages and nothing that they ask for besides where `--no-deps` is among them; `place` names
 * them with their versions. @throws Error when they cannot be installed although the package index is reached
 */
export function installPackages(place: string, python: string, ...steps: (readonly string[])[]): InstalledPython {
  const link = join(SANDBOX, place);
  if (!existsSync(link)) {
    if (!run(python, ['--version']).ok) return { unreachable: `there is no ${python}` };
    mkdirSync(SANDBOX, { recursive: true });
    // A virtual environment cannot be moved, so a link to a finished one takes its place.
    const directory = mkdtempSync(join(SANDBOX, `${place}-venv-`));
    makeVenv(python, directory);
    for (const packages of steps) {
      const installed = pip(directory, packages);
      if (installed.ok) continue;
      const reason = unreachable(installed);
      if (reason !== null) return { unreachable: reason };
      throw new Error(`${packages.join(' ')} cannot be installed\n${installed.output}`);
    }
    symlinkSync(directory, `${directory}-link`);
    renameSync(`${directory}-link`, link);
  }
  return { python: join(link, 'bin', 'python') };
}
