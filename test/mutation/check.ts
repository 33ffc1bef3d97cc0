/** One mutant after the other: the unit tests that reach its place, and then the compiler. */
import { join, relative } from 'node:path';
import { ModuleGraph, testFilesBelow } from '../support/module-graph.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { applied, appliedToSource, type Mutant } from './mutants.js';
import { isReached, type Reach } from './reach.js';
import type { Tree, Verdict } from './tree.js';

const DIST_TESTS = join(PACKAGE_ROOT, 'dist/test');
/** CPU time of a test file before it is known how much it needs. */
const FIRST_CPU_SECONDS = 120;
/** A test that needs so many times its usual CPU time does not end; and not less than some seconds. */
const PATIENCE = 5;
const MIN_CPU_SECONDS = 5;
/** A slower test comes after all quicker ones, whatever it has noticed. */
const QUICK_CPU_SECONDS = 1;

export interface TestFile {
  readonly path: string;
  readonly cpuSeconds: number;
  readonly reach: Reach;
}

export const compiledOf = (file: string): string => join('dist', file.replace(/\.ts$/, '.js'));

/** Does `work` for each item, as many at a time as there are trees. */
export async function inTrees<T>(
  trees: readonly Tree[],
  items: readonly T[],
  work: (tree: Tree, item: T) => Promise<void>,
) {
  const left = items.values();
  await Promise.all(
    trees.map(async (tree) => {
      for (const item of left) await work(tree, item);
    }),
  );
}

/** Runs every unit test that loads one of the files, and starts no process, while nothing is changed. */
export async function measure(trees: readonly Tree[], files: readonly string[]): Promise<TestFile[]> {
  const graph = new ModuleGraph();
  const targets = files.map((file) => join(PACKAGE_ROOT, compiledOf(file)));
  const candidates = testFilesBelow(DIST_TESTS).filter((test) => {
    if (graph.needsServices(test) || graph.startsProcesses(test)) return false;
    const reached = graph.reachedFrom(test);
    return targets.some((target) => reached.has(target));
  });
  const measured: TestFile[] = [];
  await inTrees(trees, candidates, async (tree, test) => {
    const path = relative(PACKAGE_ROOT, test);
    const { run, reach } = await tree.coverage(path, FIRST_CPU_SECONDS);
    if (run.verdict !== 'passed') throw new Error(`${path} fails before anything is changed:\n${run.output}`);
    // By the path from the root, because each tree has another one.
    const named = new Map([...reach].map(([module, ranges]) => [relative(tree.path('.'), module), ranges]));
    measured.push({ path, cpuSeconds: run.cpuSeconds, reach: named });
  });
  return measured.sort((a, b) => a.cpuSeconds - b.cpuSeconds);
}

/** `by` is the test file that noticed the change; null where it passed. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly by: string | null;
}

export async function judge(tree: Tree, mutant: Mutant, tests: readonly TestFile[]): Promise<Judgement> {
  const compiled = compiledOf(mutant.file);
  const original = tree.read(compiled);
  tree.write(compiled, applied(original, mutant));
  try {
    for (const { path, cpuSeconds } of tests) {
      const { verdict } = await tree.run(path, Math.max(MIN_CPU_SECONDS, Math.ceil(PATIENCE * cpuSeconds)));
      if (verdict !== 'passed') return { verdict, by: path };
    }
    return { verdict: 'passed', by: null };
  } finally {
    tree.write(compiled, original);
  }
}

/** A change that the compiler refuses is no mistake that could come about. */
export async function isRefused(tree: Tree, mutant: Mutant): Promise<boolean> {
  const original = tree.read(mutant.file);
  const changed = appliedToSource(original, mutant);
  if (changed === null) return false;
  tree.write(mutant.file, changed);
  try {
    return !(await tree.compiles());
  } finally {
    tree.write(mutant.file, original);
  }
}

/**
 * The test files that execute the place of a mutant, those in `first` before the others: what has noticed a change of a
 * file notices most others of it.
 */
export function reaching(tests: readonly TestFile[], { file, start }: Mutant, first: readonly string[]): TestFile[] {
  const rank = ({ path, cpuSeconds }: TestFile): number =>
    cpuSeconds < QUICK_CPU_SECONDS && first.includes(path) ? first.indexOf(path) : first.length;
  return tests.filter(({ reach }) => isReached(reach, compiledOf(file), start)).sort((a, b) => rank(a) - rank(b));
}
