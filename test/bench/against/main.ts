/** `npm run bench -- --against REV`: this tree beside another commit, alternating. */
import { writeFileSync } from 'node:fs';
import type { Bench } from '../bench.js';
import type { Failure } from '../findings.js';
import { type Comparison, compare } from './comparison.js';
import { checkOut } from './other-tree.js';
import { renderComparisons } from './report.js';
import { compareRow } from './rows.js';

/** The exit code. @throws Error where there is no such commit, or where it cannot be built */
export async function measureAgainst(bench: Bench, revision: string): Promise<number> {
  const { only, atMost, quick, json } = bench.options;
  process.stderr.write(`building ${revision} …\n`);
  const other = await checkOut(bench, revision);
  const found: (Comparison | Failure)[] = [];
  for (const row of only) {
    process.stderr.write(`${row} …`);
    const started = performance.now();
    try {
      found.push(...(await bench.apart((own) => compareRow(own, row, other))));
    } catch (error) {
      found.push({ kind: 'failed', row, reason: (error as Error).message });
    }
    process.stderr.write(` ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
  console.log(`\n${renderComparisons(found, atMost)}\n`);
  for (const one of found) if ('kind' in one) console.log(`${one.row}: ${one.reason}`);
  if (other.warning !== null) console.log(other.warning);
  console.log(`here is this tree as it was built, there ${other.description}`);
  const figures = found.map((one) => ('kind' in one ? one : { ...one, ...compare(one, atMost) }));
  writeFileSync(json, `${JSON.stringify({ against: other.description, quick, atMost, figures }, null, 2)}\n`);
  console.log(`The figures of every round are in ${json}.`);
  return found.some((one) => 'kind' in one) ? 1 : 0;
}
