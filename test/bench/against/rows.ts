/** What is measured of this tree and of another one, alternating. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { Bench } from '../bench.js';
import { CheckedTable, FORMATS } from '../checked-table.js';
import { cpuMsOf, outputOf } from '../commands.js';
import type { Comparison } from './comparison.js';
import { comparisonsOf, figuresOf, type Measured } from './figures.js';
import type { OtherTree } from './other-tree.js';

/** @throws Error where one of the trees cannot be measured */
export async function compareRow(bench: Bench, row: string, other: OtherTree): Promise<readonly Comparison[]> {
  const found = row === 'value-checks' ? await ofLoads(bench, other) : await ofOwnBench(bench, row, other);
  if (found.length === 0) throw new Error(`the trees have no figure of ${row} in common`);
  return found;
}

/** A load of each format by the trees' own loaders into the same table: the CPU of the loader's process and of the engine. */
async function ofLoads(bench: Bench, other: OtherTree): Promise<readonly Comparison[]> {
  const rows = bench.size(500_000, 200_000);
  const table = await CheckedTable.create(bench, 'bench_against', rows);
  const comparisons: Comparison[] = [];
  for (const format of FORMATS) {
    const { args, env } = table.load(await table.file(format));
    const load = async (root: string): Promise<number> => {
      let loaderMs = 0;
      const engineMs = await table.engineMs(async () => {
        loaderMs = await cpuMsOf(join(root, 'bin/as-cli'), args, 1, { env });
      });
      return loaderMs + engineMs;
    };
    // What V8 compiled, and what the engine has read of the file, is there for both.
    await load(PACKAGE_ROOT);
    await load(other.root);
    const pairs = await bench.alternate(bench.size(9, 5), {
      here: () => load(PACKAGE_ROOT),
      there: () => load(other.root),
    });
    const measured = `CPU of loader and engine, ${rows} rows of ${format.extension}`;
    comparisons.push({ row: 'value-checks', measured, unit: 'ms', better: 'less', pairs });
  }
  return comparisons;
}

/** The trees' own benches, each with a Kafka and a ClickHouse of its own. */
async function ofOwnBench(bench: Bench, row: string, other: OtherTree): Promise<readonly Comparison[]> {
  const ending = new AbortController();
  bench.scope.after(() => ending.abort());
  const measure = async (directory: string): Promise<readonly Measured[]> => {
    const json = join(bench.directory, 'figures.json');
    const args = ['dist/test/bench/main.js', '--quick', '--only', row, '--json', json];
    await outputOf(process.execPath, args, { directory, signal: ending.signal, env: environment() });
    return figuresOf(readFileSync(json, 'utf8'));
  };
  const rounds = await bench.alternate(bench.size(9, 5), {
    here: () => measure(PACKAGE_ROOT),
    there: () => measure(other.root),
  });
  return comparisonsOf(rounds);
}

/** All of ours: where Java is, or a ClickHouse of one's own. */
function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}
