/** Finds the loader's executable, as a shell would by the PATH, before anything is consumed. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

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
