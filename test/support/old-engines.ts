/** Older ClickHouse engines: chDB's packages for Python, installed once each below `.sandbox`. */
import { type InstalledPython, installPackages } from './venv.js';

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

/** @throws Error when it cannot be installed although the package index is reached */
export function installOldEngine({ chdb, others }: OldEnginePackage): InstalledPython {
  const steps = [['--no-deps', `chdb==${chdb}`], ...(others.length === 0 ? [] : [others])];
  return installPackages(`chdb-${chdb}`, 'python3.11', ...steps);
}
