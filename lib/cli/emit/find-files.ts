/** The files that somebody has named: by paths, directories, patterns, and a list on stdin. Looks at the disk, changes nothing. */
import {
  accessSync,
  constants,
  type Dirent,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import type { InputOnDisk } from '../../core/rules/routing.js';
import { AtdError } from '../../errors.js';
import { type Glob, isGlob, parseGlob } from './glob.js';

export interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  readonly onDisk: InputOnDisk;
  /** What keeps this user from it; null for nothing. */
  readonly obstacle: string | null;
}

const STDIN = '-';

/**
 * In the order of the names, those of a directory by the alphabet, each once. A name that begins with a dot is taken where it
 * is said, and left out where a directory or a pattern stands for it, as in a shell.
 *
 * @param isDeep whether directories stand for all that is below them
 */
export function findFiles(names: readonly string[], isDeep: boolean): FoundFile[] {
  const paths = new Set<string>();
  for (const name of names.flatMap((each) => (each === STDIN ? listOnStdin() : [each]))) {
    for (const path of expand(name, isDeep)) paths.add(path);
  }
  return [...paths].map(lookAt);
}

function listOnStdin(): string[] {
  const text = readFileSync(0, 'utf8');
  // As `find -print0` writes it, or one path a line.
  return text.split(text.includes('\0') ? '\0' : '\n').filter((line) => line !== '');
}

function expand(name: string, isDeep: boolean): string[] {
  const path = resolve(name);
  const stats = statsOf(path);
  if (stats === null && isGlob(path)) return matching(parseGlob(path), name);
  if (stats?.isDirectory() !== true || !isDeep) return [path];
  return below(path, null);
}

function matching(glob: Glob, name: string): string[] {
  const found = below(glob.base, glob.depth).filter((path) => glob.pattern.test(path));
  if (found.length > 0) return found;
  throw new AtdError('ATD_USAGE', `no file matches ${name}`);
}

/** @param depth how many directories further down; null for all */
function below(directory: string, depth: number | null): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch (cause) {
    throw new AtdError('ATD_USAGE', `cannot look into ${directory}: ${(cause as Error).message}`, { cause });
  }
  const shown = entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1));
  return shown.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) return [path];
    return depth === 0 ? [] : below(path, depth === null ? null : depth - 1);
  });
}

function lookAt(path: string): FoundFile {
  const stats = statsOf(path);
  if (stats === null) return { path, bytes: 0, onDisk: { kind: 'missing' }, obstacle: null };
  if (stats.isDirectory()) {
    return {
      path,
      bytes: 0,
      onDisk: { kind: 'other', what: 'a directory' },
      obstacle: 'add --recursive for what is in it',
    };
  }
  if (!stats.isFile())
    return { path, bytes: 0, onDisk: { kind: 'other', what: 'a pipe, socket or device' }, obstacle: null };
  return {
    path,
    bytes: stats.size,
    onDisk: { kind: 'regular', realPath: realpathSync(path) },
    obstacle: obstacleOf(path),
  };
}

function obstacleOf(path: string): string | null {
  try {
    accessSync(path, constants.R_OK);
    return null;
  } catch {
    return `this user may not read ${path}; the service's may be another one`;
  }
}

function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
