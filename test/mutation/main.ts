/**
 * The mutation check: changes the decisions one at a time and looks whether a unit test notices. Ends with 1 where one that
 * is not accepted survives (test/mutation/accepted.ts).
 *
 *     npm run mutants                                  all of lib/core and lib/loader/clickhouse
 *     npm run mutants -- lib/core/rules lib/core/x.ts  these
 *     npm run mutants -- --sample 100 --seed 7         so many of them, the same for the same seed
 *
 * A mutant meets the unit tests that start no process and execute its place, and then the compiler. First come those that
 * noticed a change of the same file before, then the quickest.
 */
import { availableParallelism, constants } from 'node:os';
import { parseArgs } from 'node:util';
import { seededRandom } from '../support/random.js';
import { ACCEPTED } from './accepted.js';
import { compiledOf, inTrees, isRefused, judge, measure, reaching, type TestFile } from './check.js';
import { isAccepted, type Mutant, mutantsOf } from './mutants.js';
import { modulesBelow } from './targets.js';
import { Tree } from './tree.js';

const DEFAULT_TARGETS = ['lib/core', 'lib/loader/clickhouse'];
/** After so many mutants a line says how far it is. */
const PROGRESS = 100;

function sampleOf(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const random = seededRandom(seed);
  const left = [...mutants];
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(random.below(left.length), 1)[0] as Mutant,
  );
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { sample: { type: 'string' }, seed: { type: 'string', default: '1' } },
  });
  const files = (positionals.length > 0 ? positionals : DEFAULT_TARGETS).flatMap((target) => modulesBelow(target));
  const trees = Array.from({ length: availableParallelism() }, () => new Tree());
  const end = (signal: NodeJS.Signals): void => {
    for (const tree of trees) tree.remove();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
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
  /** Of each source file, the test files that have noticed a change of it, the latest first. */
  const noticed = new Map<string, string[]>();
  let begun = 0;
  await inTrees(trees, mutants, async (tree, mutant) => {
    begun += 1;
    if (begun % PROGRESS === 0) console.log(`… ${begun} of ${mutants.length}`);
    const judges = reaching(tests, mutant, noticed.get(mutant.file) ?? []);
    const { verdict, by } = await judge(tree, mutant, judges);
    if (by !== null) noticed.set(mutant.file, [by, ...(noticed.get(mutant.file) ?? []).filter((path) => path !== by)]);
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
    const unreached = judges.length === 0 ? ' (no test comes here)' : '';
    console.log(`${mutant.file}:${mutant.line} survives in ${mutant.within || 'the module'}${unreached}`);
    console.log(`  - ${mutant.from}\n  + ${mutant.to}`);
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
