/** Tries pairs and prints what became of them: `node dist/test/loader/values/main.js [one of N] [words of a pair…]`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickHouse } from '../../sandbox/sandbox.js';
import { seededRandom } from '../../support/random.js';
import { allPairs, describePair, type Pair, PairBench, type PairResult } from './pairs.js';

const [every = '1', ...words] = process.argv.slice(2);
const seed = Number(process.env['SEED'] ?? 1);
const random = seededRandom(seed);
const clickhouse = await startClickHouse();
const directory = await mkdtemp(join(tmpdir(), 'atd-values-'));
const bench = new PairBench(clickhouse, directory, `pairs_${process.pid}`);
const matches = (pair: Pair): boolean => words.every((word) => describePair(pair).includes(word));
const pairs = allPairs().flatMap((all) => {
  const wrappers = all.wrappers.filter((wrapper) => matches({ ...all, wrapper }));
  return wrappers.length === 0 ? [] : [{ ...all, wrappers }];
});
let tried = 0;
let room = 0;
let roomLoaded = 0;

function print({ pair, withRoom, withRoomLoaded, changed, unclear }: PairResult): void {
  tried++;
  room += withRoom;
  roomLoaded += withRoomLoaded;
  const name = describePair(pair);
  if (changed.length > 0) console.log(`${name}: CHANGED ${changed.slice(0, 6).join(' | ')}`);
  if (unclear.length > 0) console.log(`${name}: UNCLEAR ${unclear[0]?.slice(0, 500)}`);
  if (withRoomLoaded < withRoom) console.log(`${name}: REFUSED ${withRoom - withRoomLoaded} of ${withRoom} with room`);
}

for (const [index, some] of pairs.entries()) {
  if ((index + seed) % Number(every) !== 0) continue;
  const results = await bench
    .try(some, () => random.next(), 6, Number(process.env['OTHERS'] ?? 3))
    .catch((error: unknown) => ({ error }));
  if ('error' in results)
    console.log(`${some.format}: ${some.from.name} -> ${some.to.name}: ERROR ${String(results.error).slice(0, 300)}`);
  else results.forEach(print);
}
console.log(`${tried} pairs, ${roomLoaded} of ${room} values with room loaded`);
await clickhouse.stop();
await rm(directory, { recursive: true });
