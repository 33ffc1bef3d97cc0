/**
 * The mutation check: changes the decisions one at a time and looks whether a unit test notices. Ends with 1 where one that
 * is not accepted survives (test/mutation/accepted.ts).
 *
 *     npm run mutants                                  all of lib/core and lib/loader/clickhouse
 *     npm run mutants -- lib/core/rules lib/core/x.ts  these
 *     npm run mutants -- --sample 100 --seed 7         so many of them, the same for the same seed
 *
 * A mutant meets the unit tests that start no process and execute its place, the quickest first, and then the compiler.
 */
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { ModuleGraph, testFilesBelow } from '../support/module-graph.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { seededRandom } from '../support/random.js';
import { ACCEPTED } from './accepted.js';
import { applied, appliedToSource, isAccepted, type Mutant, mutantsOf } from './mutants.js';
import { isReached, type Reach } from './reach.js';
import { modulesBelow } from './targets.js';
import { Tree, type Verdict } from './tree.js';

const DEFAULT_TARGETS = ['lib/core', 'lib/loader/clickhouse'];
const DIST_TESTS = join(PACKAGE_ROOT, 'dist/test');
/** CPU time of a test file before it is known how much it needs. */
const FIRST_CPU_SECONDS = 120;
/** A test that needs so many times its usual CPU time does not end; and not less than some seconds. */
const PATIENCE = 5;
const MIN_CPU_SECONDS = 5;

interface TestFile {
  readonly path: string;
  readonly cpuSeconds: number;
  readonly reach: Reach;
}

const compiledOf = (file: string): string => join('dist', file.replace(/\.ts$/, '.js'));

/** Does `work` for each item, as many at a time as there are trees. */
async function inTrees<T>(trees: readonly Tree[], items: readonly T[], work: (tree: Tree, item: T) => Promise<void>) {
  const left = items.values();
  await Promise.all(
    trees.map(async (tree) => {
      for (const item of left) await work(tree, item);
    }),
  );
}

/** Runs every unit test that loads one of the files, and starts no process, while nothing is changed. */
async function measure(trees: readonly Tree[], files: readonly string[]): Promise<TestFile[]> {
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

function sampleOf(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = seededRandom(seed);
  const left = [...mutants];
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(random.below(left.length), 1)[0] as Mutant,
  );
}

async function verdictOf(tree: Tree, mutant: Mutant, tests: readonly TestFile[]): Promise<Verdict> {
  const compiled = compiledOf(mutant.file);
  const original = tree.read(compiled);
  tree.write(compiled, applied(original, mutant));
  try {
    for (const { path, cpuSeconds } of tests) {
      const { verdict } = await tree.run(path, Math.max(MIN_CPU_SECONDS, Math.ceil(PATIENCE * cpuSeconds)));
      if (verdict !== 'passed') return verdict;
    }
    return 'passed';
  } finally {
    tree.write(compiled, original);
  }
}

/** A change that the compiler refuses is no mistake that could come about. */
async function isRefused(tree: Tree, mutant: Mutant): Promise<boolean> {
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

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' } },
  });
  const files = (positionals.length > 0 ? positionals : DEFAULT_TARGETS).flatMap((target) => modulesBelow(target));
  const trees = Array.from({ length: availableParallelism() }, () => new Tree());
  try {
    const tests = await measure(trees, files);
    const all = files.flatMap((file) => {
      const compiled = compiledOf(file);
      const [tree] = trees as [Tree];
      return mutantsOf(file, tree.read(compiled), tree.read(`${compiled}.map`));
    });
    const mutants = values.sample === undefined ? all : sampleOf(all, Number(values.sample), Number(values.seed));
    console.log(`${mutants.length} of ${all.length} mutants of ${files.length} files, ${tests.length} test files`);
    return await check(trees, mutants, tests, values.sample === undefined);
  } finally {
    for (const tree of trees) tree.remove();
  }
}

async function check(
  trees: readonly Tree[],
  mutants: readonly Mutant[],
  tests: readonly TestFile[],
  isWhole: boolean,
): Promise<number> {
  const counts = { killed: 0, timeout: 0, refused: 0, accepted: 0, survived: 0 };
  const survivors: Mutant[] = [];
  await inTrees(trees, mutants, async (tree, mutant) => {
    const reaching = tests.filter(({ reach }) => isReached(reach, compiledOf(mutant.file), mutant.start));
    const verdict = await verdictOf(tree, mutant, reaching);
    if (verdict === 'timeout') counts.timeout += 1;
    if (verdict === 'failed') counts.killed += 1;
    if (verdict !== 'passed') return;
    if (isAccepted(ACCEPTED, mutant)) {
      survivors.push(mutant);
      counts.accepted += 1;
      return;
    }
    if (await isRefused(tree, mutant)) {
      counts.refused += 1;
      return;
    }
    survivors.push(mutant);
    counts.survived += 1;
    const unreached = reaching.length === 0 ? ' (no test comes here)' : '';
    console.log(`${mutant.file}:${mutant.line} survives${unreached}\n  - ${mutant.from}\n  + ${mutant.to}`);
  });
  const files = new Set(mutants.map(({ file }) => file));
  const stale = ACCEPTED.filter(
    (each) => isWhole && files.has(each.file) && !survivors.some((mutant) => isAccepted([each], mutant)),
  );
  for (const { file, from, to } of stale) console.log(`${file}: accepted, but killed or gone\n  - ${from}\n  + ${to}`);
  console.log(
    `${counts.killed} killed by a test, ${counts.timeout} by time, ${counts.refused} by the compiler; ${counts.accepted} accepted, ${stale.length} more in vain; ${counts.survived} survive`,
  );
  return counts.survived + stale.length > 0 ? 1 : 0;
}

process.exitCode = await main();
