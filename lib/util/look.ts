/** What stands at a path. A disk that hangs holds whoever looks, and not even KILL ends him. */
import { realpathSync, type Stats, statSync } from 'node:fs';

export interface LookRequest {
  readonly file: string;
  /** Directories whose links are to be followed. */
  readonly roots: readonly string[];
}

export type FileKind = 'file' | 'directory' | 'pipe' | 'socket' | 'device';

/** What stands at a path, every link followed. */
export type Look =
  | {
      readonly kind: 'found';
      readonly what: FileKind;
      readonly bytes: number;
      /** Milliseconds since the epoch. */
      readonly modifiedAt: number;
      /** Another one after any change: of its place, its rights or its contents. */
      readonly identity: string;
      readonly realPath: string;
      /** One that is not there stands as it was given. */
      readonly roots: readonly string[];
    }
  /** The errno's name. */
  | { readonly kind: 'failed'; readonly code: string };

export function lookHere({ file, roots }: LookRequest): Look {
  try {
    const realPath = realpathSync.native(file);
    const stats = statSync(realPath);
    const { size: bytes, mtimeMs, dev, ino, mode, ctimeMs } = stats;
    // In whole ones, as every other who looks says it: two looks at a file may be by two of them.
    const modifiedAt = Math.floor(mtimeMs);
    const seen = { what: kindOf(stats), bytes, modifiedAt, identity: [dev, ino, mode, ctimeMs].join(' ') };
    return { kind: 'found', ...seen, realPath, roots: roots.map(followLinks) };
  } catch (error) {
    return { kind: 'failed', code: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
  }
}

/** A root may be a link itself; one that is not there admits nothing. */
function followLinks(root: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    return root;
  }
}

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'pipe';
  if (stats.isSocket()) return 'socket';
  return 'device';
}
