/** Finds the loader's executable, as a shell would by the PATH, before anything is consumed. */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/load.js';
import { AtdError } from '../errors.js';
import type { LoaderProgram } from '../service/settings.js';
import type { LaunchMode, LaunchSetting } from '../types.js';

const DEFAULT_EXECUTABLE = 'as-cli';

/**
 * The absolute path of an executable file, or null. A name with a slash is a path (relative to the working directory),
 * any other is looked for in the directories of `path`.
 */
export function findExecutable(name: string, path: string): string | null {
  if (name.includes('/')) return isExecutable(resolve(name)) ? resolve(name) : null;
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory === '' ? '.' : directory, name);
    if (isExecutable(candidate)) return resolve(candidate);
  }
  return null;
}

/** What stands there instead of an executable file, as the end of a sentence. */
export function whatIsThere(name: string): string {
  if (!name.includes('/')) return ' on the PATH';
  try {
    return statSync(name).isFile() ? ' that this user may execute (chmod +x)' : ', but a directory or the like';
  } catch {
    return '';
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @throws AtdError ATD_EXECUTABLE_NOT_FOUND */
export function chooseLoader({ as_cli }: Config): LoaderProgram {
  const found = findExecutable(as_cli.executable, process.env['PATH'] ?? '');
  const bundle = fileURLToPath(new URL('../../../bin/as-cli', import.meta.url));
  if (found !== null && realpathSync(found) !== realpathSync(bundle)) {
    const launch = launchOf(as_cli.launch, false);
    if (launch !== 'warm') return { file: found, args: [], loadArgs: [], bundled: false, launch };
    throw new AtdError(
      'ATD_CONFIG_INVALID',
      `as_cli.launch is warm, which only the bundled loader can be, but as_cli.executable is ${found}; ` +
        `set as_cli.executable to ${bundle}, or as_cli.launch to auto`,
    );
  }
  if (found === null && as_cli.executable !== DEFAULT_EXECUTABLE) {
    throw new AtdError(
      'ATD_EXECUTABLE_NOT_FOUND',
      `as_cli.executable ${as_cli.executable} is not an executable file${whatIsThere(as_cli.executable)}; ` +
        'install it, correct the setting, or leave the setting out to use the bundled loader',
    );
  }
  const launch = launchOf(as_cli.launch, true);
  const script = launch === 'warm' ? fileURLToPath(new URL('../loader/warm.js', import.meta.url)) : bundle;
  return { file: process.execPath, args: [bundle], loadArgs: [script], bundled: true, launch };
}

function launchOf(setting: LaunchSetting, bundled: boolean): LaunchMode {
  if (setting !== 'auto') return setting;
  return bundled ? 'warm' : 'launcher';
}
