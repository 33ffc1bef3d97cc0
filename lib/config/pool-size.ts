/** How many threads `thread_pool_size` means. */
import { availableParallelism } from 'node:os';

/** With `auto`, loads for each processor at the most, and in all: each costs a thread and a small process, also when idle. */
const PER_PROCESSOR = 4;
const MOST = 64;

export function poolSize(setting: number | 'auto'): number {
  return setting === 'auto' ? Math.min(MOST, availableParallelism() * PER_PROCESSOR) : setting;
}
