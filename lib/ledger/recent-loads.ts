/** The last loads of this run, kept in memory: what is answered where there is no ledger, or it does not answer. */
import type { Effect, EngineEvent } from '../core/events.js';
import type { Load } from './load.js';
import { asksForAttempts, isWanted, type LoadQuery } from './load-filter.js';
import type { LoadRows } from './load-rows.js';
import { statesOf } from './load-states.js';

/** Of final states, and as many of attempts that failed. */
export const KEPT_LOADS = 1_000;

/** It looks on, as an observer of the service does. */
export class RecentLoads {
  readonly #rows: Pick<LoadRows, 'of'>;
  readonly #follow: (rows: readonly Load[]) => void;
  readonly #final: Ring;
  /** Apart, so that a file that fails again and again does not push out all others. */
  readonly #passing: Ring;

  /** @param follow gets each row as it is made */
  constructor(rows: Pick<LoadRows, 'of'>, follow: (rows: readonly Load[]) => void, kept = KEPT_LOADS) {
    this.#rows = rows;
    this.#follow = follow;
    this.#final = new Ring(kept);
    this.#passing = new Ring(kept);
  }

  observe(event: EngineEvent, effects: readonly Effect[], now: number): void {
    const rows = this.#rows.of(event, effects, now);
    if (rows.length === 0) return;
    for (const row of rows) (isFinal(row) ? this.#final : this.#passing).add(row);
    this.#follow(rows);
  }

  /** The state of each file, or the attempts where these are asked for; the latest first. */
  list({ filter, limit }: LoadQuery): readonly Load[] {
    const rows = asksForAttempts(filter) ? this.#all() : statesOf(this.#all());
    const wanted = rows.filter((load) => isWanted(load, filter));
    // Of the same moment the one that came later is the first.
    return wanted
      .reverse()
      .sort((a, b) => b.finishedAt - a.finishedAt)
      .slice(0, limit);
  }

  /** All that is kept of one file, the oldest first; empty where nothing is. */
  rowsOf(loadId: string): readonly Load[] {
    return this.#all().filter((row) => row.loadId === loadId);
  }

  #all(): Load[] {
    // Stable: of rows of the same moment the final one is the last.
    return [...this.#passing.all(), ...this.#final.all()].sort((a, b) => a.finishedAt - b.finishedAt);
  }
}

function isFinal({ status }: Load): boolean {
  return status === 'loaded' || status === 'given-up' || status === 'skipped';
}

/** The last so many. Places are used again: a list from which the first is taken each time moves all others. */
class Ring {
  readonly #size: number;
  readonly #rows: Load[] = [];
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(row: Load): void {
    this.#rows[this.#next] = row;
    this.#next = (this.#next + 1) % this.#size;
  }

  all(): Load[] {
    return [...this.#rows.slice(this.#next), ...this.#rows.slice(0, this.#next)];
  }
}
