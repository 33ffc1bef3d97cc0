/** The directory of package.json: fixtures and executables are read from the sources, not from the compiler's output. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  return findRoot(dirname(directory));
}

export const PACKAGE_ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));
