/** Which of the runner's arguments are test files, which are flags of `node --test`, and what is run by default. */
import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { ModuleGraph, testFilesBelow } from './support/module-graph.js';

export interface TestSelection {
  readonly flags: readonly string[];
  readonly files: readonly string[];
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

/** The same of the tests that need neither Kafka nor ClickHouse; what is asked for and needs one is left out. */
export function selectLocalTests(args: readonly string[], root: string): TestSelection {
  return select(args, root, (graph, file) => !graph.needsServices(file));
}

/** The same of those among them that start no process either, and so take seconds; what is fed with anything takes longer. */
export function selectUnitTests(args: readonly string[], root: string): TestSelection {
  const isFault = (file: string): boolean => relative(root, file).startsWith('faults');
  return select(args, root, (graph, file) => {
    return !isFault(file) && !graph.needsServices(file) && !graph.startsProcesses(file);
  });
}

function select(
  args: readonly string[],
  root: string,
  isWanted: (graph: ModuleGraph, file: string) => boolean,
): TestSelection {
  const { flags, files } = selectTests(args, root);
  const graph = new ModuleGraph();
  return { flags, files: files.filter((file) => isWanted(graph, file)) };
}
