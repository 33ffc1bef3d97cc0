/** Which of the runner's arguments are test files, which are flags of `node --test`, and what is run by default. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export interface TestSelection {
  readonly flags: readonly string[];
  readonly files: readonly string[];
}

function testFilesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(directory, name));
}

/** The compiled counterpart of a path that people write: `test/core/x.test.ts`, `test/core` or `dist/test/core`. */
function compiled(argument: string, root: string): string {
  const path = resolve(argument);
  const inSources = relative(resolve('test'), path);
  const candidate = inSources.startsWith('..') ? path : join(root, inSources.replace(/\.ts$/, '.js'));
  return existsSync(candidate) ? candidate : path;
}

/** `root` is the directory of the compiled tests. An argument is a path if it exists; the rest is for `node --test`. */
export function selectTests(args: readonly string[], root: string): TestSelection {
  const flags: string[] = [];
  const files: string[] = [];
  for (const argument of args) {
    const path = compiled(argument, root);
    if (argument.startsWith('-') || !existsSync(path)) flags.push(argument);
    else if (statSync(path).isDirectory()) files.push(...testFilesBelow(path));
    else files.push(path);
  }
  return { flags, files: files.length > 0 ? files : testFilesBelow(root) };
}
