/** The sources that a path names. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.js';

/** @param target a file or a folder of `lib`; @throws Error where there is none */
export function modulesBelow(target: string): string[] {
  const path = join(PACKAGE_ROOT, target);
  if (!existsSync(path)) throw new Error(`${target} does not exist; name a file or a folder of lib, as lib/core/rules`);
  if (!statSync(path).isDirectory()) return [target];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(target, name));
}
