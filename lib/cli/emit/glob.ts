/** Patterns of paths: `*` and `?` stand for text without a slash, `**` for any directories, and `[abc]` for one of some. */

export interface Glob {
  /** The directory in which to look, before the first sign of the pattern. */
  readonly base: string;
  /** How many directories deep; null where the pattern says no limit. */
  readonly depth: number | null;
  readonly pattern: RegExp;
}

const SIGNS = /[*?[]/;

export function isGlob(text: string): boolean {
  return SIGNS.test(text);
}

/** @param glob an absolute path with signs */
export function parseGlob(glob: string): Glob {
  const parts = glob.split('/');
  const first = parts.findIndex(isGlob);
  const rest = parts.slice(first);
  return {
    base: parts.slice(0, first).join('/') || '/',
    depth: rest.includes('**') ? null : rest.length - 1,
    pattern: globPattern(glob),
  };
}

/**
 * For absolute paths; a pattern that is none stands for any directory before it.
 *
 * @param placeholder text that stands for a part of a name, which the first group of the pattern is then
 */
export function globPattern(glob: string, placeholder: string | null = null): RegExp {
  const [before = '', after] = placeholder === null ? [glob] : glob.split(placeholder);
  const middle = after === undefined ? '' : `([^/]+?)${translate(after)}`;
  const anywhere = glob.startsWith('/') ? '' : '(?:.*/)?';
  return new RegExp(`^${anywhere}${translate(before)}${middle}$`, 's');
}

function translate(glob: string): string {
  return glob.replaceAll(/\*\*\/|\*\*|\*|\?|\[!?[^\]/]+\]|[.+^${}()|[\]\\]/g, (sign) => {
    if (sign === '**/') return '(?:[^/]+/)*';
    if (sign === '**') return '.*';
    if (sign === '*') return '[^/]*';
    if (sign === '?') return '[^/]';
    if (sign.length > 2) return sign.replace(/^\[!/, '[^').replaceAll('\\', '\\\\');
    return `\\${sign}`;
  });
}
