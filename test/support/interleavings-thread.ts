/** What one thread of the model test runs: every so manyth interleaving. An error ends it, and names the seed. */
import { workerData } from 'node:worker_threads';
import { play } from './interleaving.js';

export interface Share {
  readonly seed: number;
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

const { seed, first, step, count } = workerData as Share;
for (let n = first; n < count; n += step) {
  const own = (seed + n) >>> 0;
  try {
    play(own);
  } catch (error) {
    throw new Error(`SEED=${own} INTERLEAVINGS=1: ${(error as Error).message}`, { cause: error });
  }
}
