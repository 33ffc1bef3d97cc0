/** Tries pairs and prints what became of them: `node dist/test/loader/values/main.js [one of N] [words of a pair…]`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickHouse } from '../../sandbox/sandbox.js';
import { seededRandom } from '../../support/random.js';
import { allPairs, describePair, PairBench } from './pairs.js';

const [every = '1', ...words] = process.argv.slice(2);
const seed = Number(process.env['SEED'] ?? 1);
const random = seededRandom(seed);
const clickhouse = await startClickHouse();
const directory = await mkdtemp(join(tmpdir(), 'atd-values-'));
const bench = new PairBench(clickhouse, directory, `pairs_${process.pid}`);
const pairs = allPairs().filter((pair) => words.every((word) => describePair(pair).includes(word)));
let tried = 0;
let room = 0;
let roomLoaded = 0;
for (const [index, pair] of pairs.entries()) {
  if ((index + seed) % Number(every) !== 0) continue;
  const result = await bench
    .try(pair, () => random.next(), 6, Number(process.env['OTHERS'] ?? 3))
    .catch((error: unknown) => ({ error }));
  tried++;
  if ('error' in result) {
    console.log(`${describePair(pair)}: ERROR ${String(result.error).slice(0, 300)}`);
    continue;
  }
  room += result.withRoom;
  roomLoaded += result.withRoomLoaded;
  if (result.changed.length > 0)
    console.log(`${describePair(pair)}: CHANGED ${result.changed.slice(0, 6).join(' | ')}`);
  if (result.unclear.length > 0) console.log(`${describePair(pair)}: UNCLEAR ${result.unclear[0]?.slice(0, 500)}`);
  if (result.withRoomLoaded < result.withRoom)
    console.log(
      `${describePair(pair)}: REFUSED ${result.withRoom - result.withRoomLoaded} of ${result.withRoom} with room`,
    );
}
console.log(`${tried} pairs of ${pairs.length}, ${roomLoaded} of ${room} values with room loaded`);
await clickhouse.stop();
await rm(directory, { recursive: true });
