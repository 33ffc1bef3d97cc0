/**
 * Random interleavings of all that can happen to the engine, against a model of its world. Each one is played from a seed
 * of its own: SEED=… plays one again (with INTERLEAVINGS=1), INTERLEAVINGS=… sets how many there are.
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { Share } from '../support/interleavings-thread.js';

const INTERLEAVINGS = Number(process.env['INTERLEAVINGS'] ?? (process.env['FAULTS'] === 'full' ? 20_000 : 1_500));
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 32));
const THREADS = Math.min(availableParallelism(), INTERLEAVINGS);

test(`whatever happens in whatever order, nothing is lost, doubled or stuck (SEED=${SEED}, ${INTERLEAVINGS} interleavings)`, async () => {
  const module = new URL('../support/interleavings-thread.js', import.meta.url);
  const threads = Array.from({ length: THREADS }, (_, first) => {
    const workerData: Share = { seed: SEED, first, step: THREADS, count: INTERLEAVINGS };
    return new Worker(module, { workerData });
  });
  try {
    // Rejects when a thread throws.
    await Promise.all(threads.map((thread) => once(thread, 'exit')));
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
});
