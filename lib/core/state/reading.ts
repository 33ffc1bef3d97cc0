/** Which partitions are read: none in trouble or above the bounds of all, and none that has come too far ahead of its commit. */
import { shouldPauseAll, shouldPausePartition } from '../rules/backpressure.js';
import type { EngineSettings } from '../settings.js';
import type { PauseChanges } from './assignment.js';
import type { Jobs } from './jobs.js';
import type { LoaderHealth } from './loader-health.js';
import type { PartitionState } from './partition-state.js';
import type { Records } from './records.js';

export class Reading {
  /** Whether nothing is read. */
  pausedAll = false;
  readonly #settings: Pick<EngineSettings, 'load' | 'maxUncommitted'>;
  /** The only topic that is read; null for all. */
  readonly #only: string | null;
  readonly #records: Records;
  readonly #jobs: Jobs;
  readonly #loader: LoaderHealth;

  constructor(settings: EngineSettings, records: Records, jobs: Jobs, loader: LoaderHealth) {
    this.#settings = settings;
    this.#only = settings.onlyWaiting === true ? (settings.records.waiting?.topic ?? null) : null;
    this.#records = records;
    this.#jobs = jobs;
    this.#loader = loader;
  }

  /** Whether a partition is not read because it, or all, holds too much that waits. */
  readonly needsRoom = (owned: PartitionState): boolean => {
    const load = { jobs: 0, waiting: this.#jobs.count, bytes: this.#records.heldBytes };
    return owned.paused === true && (shouldPauseAll(load, this.#settings.load, true) || this.#isFull(owned));
  };

  /** Returns what changes, or null where nothing does. */
  adjust(isRunning: boolean, now: number): PauseChanges | null {
    const load = { jobs: this.#jobs.ready, waiting: this.#jobs.count, bytes: this.#records.heldBytes };
    const { trouble } = this.#jobs.breaker;
    // Of held tables nobody knows whether a file that is not read yet is of another one.
    const isTrouble = (trouble !== null && trouble.cause !== 'held-tables') || this.#loader.trouble !== null;
    // With nothing left to try, an open breaker would wait for ever for a canary: then the next record brings one.
    const isHeld = isTrouble && load.jobs > 0;
    const isFull = shouldPauseAll(load, this.#settings.load, this.pausedAll);
    this.pausedAll = !isRunning || isHeld || this.#records.deadLetters.failing || isFull;
    return this.#records.assignment.setPaused(this.#isPaused, now);
  }

  readonly #isPaused = (owned: PartitionState): boolean =>
    this.pausedAll || !owned.restored || !this.#isWanted(owned) || this.#isFull(owned);

  #isWanted({ topic }: PartitionState): boolean {
    return this.#only === null || topic === this.#only;
  }

  #isFull({ tracker, metadataNearlyFull, paused }: PartitionState): boolean {
    const span = tracker.unconfirmed + tracker.span;
    return (
      (metadataNearlyFull && tracker.incomplete > 0) ||
      shouldPausePartition(span, this.#settings.maxUncommitted, paused === true)
    );
  }
}
