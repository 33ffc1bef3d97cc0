/** Older ClickHouse engines: chDB's packages for Python, installed once each below `.sandbox`. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { makeVenv, pip, run, SANDBOX, unreachable } from './venv.js';

export interface OldEnginePackage {
  /** Of ClickHouse. */
  readonly version: string;
  readonly chdb: string;
  /** What it wants besides. */
  readonly others: readonly string[];
}

/** The wheels of all three are for Python 3.11. */
export const OLD_ENGINES: readonly OldEnginePackage[] = [
  { version: '23.10', chdb: '1.4.1', others: [] },
  { version: '24.8', chdb: '2.1.1', others: [] },
  { version: '25.8', chdb: '3.7.2', others: ['pyarrow==18.1.0', 'pandas==2.3.3'] },
];

export type InstalledEngine = { readonly python: string } | { readonly unreachable: string };

/** @throws Error when it cannot be installed although the package index is reached */
export function installOldEngine({ chdb, others }: OldEnginePackage): InstalledEngine {
  const python = 'python3.11';
  if (!run(python, ['--version']).ok) return { unreachable: `there is no ${python}, for which old engines are made` };
  const place = join(SANDBOX, `chdb-${chdb}`);
  if (!existsSync(place)) {
    mkdirSync(SANDBOX, { recursive: true });
    // A virtual environment cannot be moved, so a link to a finished one takes its place.
    const directory = mkdtempSync(join(SANDBOX, 'chdb-venv-'));
    makeVenv(python, directory);
    const installed = pip(directory, ['--no-deps', `chdb==${chdb}`]);
    const rest = installed.ok && others.length > 0 ? pip(directory, others) : installed;
    if (!rest.ok) {
      const reason = unreachable(rest);
      if (reason !== null) return { unreachable: reason };
      throw new Error(`chdb ${chdb} cannot be installed\n${rest.output}`);
    }
    symlinkSync(directory, `${directory}-link`);
    renameSync(`${directory}-link`, place);
  }
  return { python: join(place, 'bin', 'python') };
}
