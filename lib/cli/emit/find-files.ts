/** The files that somebody has named: by paths, directories, patterns, and a list on stdin. Looks at the disk, changes nothing. */
import {
  accessSync,
  constants,
  type Dirent,
  opendirSync,
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
    const path = resolve(name);
    const isWhole = isDeep && isDirectory(path);
    for (const found of expand(name, path, isWhole ? { depth: null, list: sorted } : null)) paths.add(found);
  }
  return [...paths].map(lookAt);
}

/**
 * The paths below directories and of patterns, one at a time and in no order, for more than memory should hold. One may come
 * twice where the names overlap. A directory stands for the files in it.
 *
 * @param isDeep whether directories stand for all that is below them
 */
export function* walkFiles(names: readonly string[], isDeep: boolean): Generator<string> {
  for (const name of names) {
    const path = resolve(name);
    yield* expand(name, path, isDirectory(path) ? { depth: isDeep ? null : 0, list: streamed } : null, streamed);
  }
}

/** The names that stand for nothing that is there: no path, and no pattern. */
export function namesOfNothing(names: readonly string[]): string[] {
  return names.filter((name) => statsOf(resolve(name)) === null && !isGlob(resolve(name)));
}

function listOnStdin(): string[] {
  const text = readFileSync(0, 'utf8');
  // As `find -print0` writes it, or one path a line.
  return text.split(text.includes('\0') ? '\0' : '\n').filter((line) => line !== '');
}

type List = (directory: string) => Iterable<Dirent>;

interface Whole {
  /** How many directories further down; null for all. */
  readonly depth: number | null;
  readonly list: List;
}

/** @param whole how a directory stands for what is in it; null where the name stands for itself */
function* expand(name: string, path: string, whole: Whole | null, list: List = sorted): Generator<string> {
  if (whole !== null) yield* below(path, whole.depth, whole.list);
  else if (statsOf(path) === null && isGlob(path)) yield* matching(parseGlob(path), name, list);
  else yield path;
}

function* matching(glob: Glob, name: string, list: List): Generator<string> {
  let isFound = false;
  for (const path of below(glob.base, glob.depth, list)) {
    if (!glob.pattern.test(path)) continue;
    isFound = true;
    yield path;
  }
  if (!isFound) throw new AtdError('ATD_USAGE', `no file matches ${name}`);
}

function* below(directory: string, depth: number | null, list: List): Generator<string> {
  for (const entry of list(directory)) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (!entry.isDirectory()) yield path;
    else if (depth !== 0) yield* below(path, depth === null ? null : depth - 1, list);
  }
}

function sorted(directory: string): Dirent[] {
  const entries = looking(directory, () => readdirSync(directory, { withFileTypes: true }));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Of a directory of a million files, a thousand are here at a time. */
function* streamed(directory: string): Generator<Dirent> {
  const entries = looking(directory, () => opendirSync(directory, { bufferSize: 1_000 }));
  try {
    for (;;) {
      const entry = looking(directory, () => entries.readSync());
      if (entry === null) return;
      yield entry;
    }
  } finally {
    entries.closeSync();
  }
}

function looking<Answer>(directory: string, look: () => Answer): Answer {
  try {
    return look();
  } catch (cause) {
    throw new AtdError('ATD_USAGE', `cannot look into ${directory}: ${(cause as Error).message}`, { cause });
  }
}

export function lookAt(path: string): FoundFile {
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

function isDirectory(path: string): boolean {
  return statsOf(path)?.isDirectory() === true;
}

export function statsOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
