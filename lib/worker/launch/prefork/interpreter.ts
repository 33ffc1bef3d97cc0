/**
 * Which Python runs a script, as its first lines say: those that pip, pipx and people write. The interpreter is taken as it
 * stands there, links and all: that of a virtual environment finds its packages by its own place.
 */
import { basename } from 'node:path';
import { DistantFile } from '../../../util/distant-file.js';

export interface Interpreter {
  /** A path, or a name to be looked up on the child's PATH. */
  readonly file: string;
  readonly args: readonly string[];
}

export type Interpreted = Interpreter | { readonly reason: string };

const PYTHON = /^python[0-9.]*t?$/;
/** pip's form for a path that is too long for a first line, or contains a space: the shell executes it, Python skips it. */
const BY_SHELL = /^'''exec' (?:"([^"$]+)"|([^\s"$]+))((?: -\w+)*) "\$0" "\$@"$/;

/** @throws Error that says why the script cannot be read */
export async function interpreterOf(script: string): Promise<Interpreted> {
  return parseHead(await new DistantFile(script).read());
}

export function parseHead(head: string): Interpreted {
  const [first = '', second = ''] = head.slice(0, 4_096).split('\n');
  if (!first.startsWith('#!')) return { reason: 'it is no script' };
  const [program = '', ...args] = first.slice(2).trim().split(/\s+/);
  if (program === '/bin/sh' && second.startsWith("'''exec' ")) return parseShellForm(second);
  if (basename(program) !== 'env') return python(program, args);
  // Variables are set, and other options of env given, by nobody's tool.
  const words = args[0] === '-S' ? args.slice(1) : args;
  return python(words[0] ?? '', words.slice(1));
}

function parseShellForm(line: string): Interpreted {
  const [, quoted, plain, options = ''] = BY_SHELL.exec(line) ?? [];
  return python(quoted ?? plain ?? '', options.split(' ').filter(Boolean));
}

function python(file: string, args: readonly string[]): Interpreted {
  return PYTHON.test(basename(file)) ? { file, args } : { reason: 'its first lines name no Python' };
}
