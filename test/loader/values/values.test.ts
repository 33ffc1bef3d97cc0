/**
 * A value is read back as it was written, or refused with row, column, expected and found; there is nothing third. Of all pairs
 * of a file's type and a column's type, in every format: some in an ordinary run, all where FAULTS=full. SEED plays one again.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ClickHouseSandbox, startClickHouse } from '../../sandbox/sandbox.js';
import { seededRandom } from '../../support/random.js';
import { allPairs, describePair, FORMATS, PairBench, type PairResult } from './pairs.js';

const FULL = process.env['FAULTS'] === 'full';
/** An ordinary run tries the same each time, so that it judges a change and not its luck. */
const SEED = Number(process.env['SEED'] ?? (FULL ? Date.now() % 1_000_000 : 1));
/** Of one format in an ordinary run: pairs of types, each with all that may be around them. */
const SOME = 6;
/** Pairs that an ordinary run tries too: of all values of the first that the second has no room for, the sign is what is wrong. */
const BORDERS = ['Int8', 'Int16', 'Int32', 'Int64'].map((signed) => [signed, `U${signed}`] as const);
/** Of a pair: random values beside the border ones, and values without room. */
const [RANDOM, OTHERS] = FULL ? [24, 1] : [12, 1];
/** Of the values that a column has room for, so many must be loaded. */
const LEAST = 0.9;

let clickhouse: ClickHouseSandbox;
let directory: string;

before(async () => {
  clickhouse = await startClickHouse();
  directory = await mkdtemp(join(tmpdir(), 'atd-values-'));
});

after(async () => {
  await clickhouse.stop();
  await rm(directory, { recursive: true });
});

describe(`what is loaded is what was written (SEED=${SEED})`, { concurrency: 2 }, () => {
  for (const format of FORMATS) {
    it(format, async (context) => {
      const random = seededRandom(SEED);
      const all = allPairs().filter((pairs) => pairs.format === format);
      const borders = all.filter(({ from, to }) =>
        BORDERS.some(([one, other]) => from.name === one && to.name === other),
      );
      const chosen = FULL ? all : [...Array.from({ length: SOME }, () => random.pick(all)), ...borders];
      const bench = new PairBench(clickhouse, directory, `values_${FORMATS.indexOf(format)}`);
      const results: PairResult[] = [];
      for (const pairs of chosen) results.push(...(await bench.try(pairs, random.next, RANDOM, OTHERS)));
      const sum = (of: (result: PairResult) => number): number =>
        results.reduce((total, result) => total + of(result), 0);
      context.diagnostic(
        `${format}: ${results.length} pairs tried, of ${results.filter(({ loaded }) => loaded > 0).length} values were loaded, ` +
          `of ${results.filter(({ refused }) => refused > 0).length} some were refused; ` +
          `${sum(({ loaded }) => loaded)} values loaded, ${sum(({ refused }) => refused)} refused; ` +
          `${sum(({ withRoomLoaded }) => withRoomLoaded)} of ${sum(({ withRoom }) => withRoom)} with room loaded`,
      );
      const faults = results.flatMap((result) =>
        [...result.changed, ...result.unclear].map((fault) => `${describePair(result.pair)}: ${fault}`),
      );
      assert.deepEqual(faults, []);
      const withRoom = sum((result) => result.withRoom);
      assert.ok(sum((result) => result.withRoomLoaded) >= LEAST * withRoom, 'too much is refused');
      const never = results.filter((result) => result.withRoom > 0 && result.withRoomLoaded === 0);
      assert.deepEqual(
        never.map(({ pair }) => describePair(pair)),
        [],
        'pairs of which nothing is loaded',
      );
    });
  }
});
