/** The program that starts children, and how it is started itself. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startLongLived } from './long-lived.js';

/** A program of `libexec/` and what interprets it. */
export interface LauncherProgram {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
}

/** Neither the user's nor the site's modules: it starts in a third of the time, and nobody else's code runs in it. */
export const LAUNCHER: LauncherProgram = {
  name: 'python3',
  file: 'python3',
  args: ['-I', '-S', program('launcher.py')],
};

/** What finds the interpreter and its libraries. */
const PASSED_ENVIRONMENT = ['PATH', 'HOME', 'LD_LIBRARY_PATH'];

export function startProgram({ file, args }: LauncherProgram) {
  const env: Record<string, string> = { LC_ALL: 'C' };
  for (const name of PASSED_ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return startLongLived(file, args, env);
}

/** Looks upwards, because the build also bundles this file into one that stands in another folder. */
function program(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'libexec', name)) && folder !== dirname(folder)) folder = dirname(folder);
  return join(folder, 'libexec', name);
}
