/** Watches in the status of an engine that no lane is passed over twice in a row while its jobs may run. */
import assert from 'node:assert/strict';
import type { EngineStatus } from '../../lib/core/status.js';
import { LANES, type Lane } from '../../lib/types.js';

export class LaneWatch {
  /** What ran when the engine was looked at last. */
  #running = new Set<string>();
  /** Lanes whose jobs could run all the time since one of a lower lane was started. */
  #passed = new Set<Lane>();

  /** To be called after each event: what starts then is started together, and what is due afterwards was due before. */
  look({ running, lanes, heldTables, suspects }: EngineStatus): void {
    const starts = running.map(({ job, attempt, startedAt }) => ({
      lane: job.lane,
      key: `${job.id} ${attempt} ${startedAt}`,
    }));
    const begun = starts.filter(({ key }) => !this.#running.has(key));
    this.#running = new Set(starts.map(({ key }) => key));
    // One that is tried for its table, or runs alone, goes by other rules.
    const isUsual = heldTables.length === 0 && suspects.jobs === 0 && !suspects.isAlone;
    for (const [rank, { lane, due }] of lanes.entries()) {
      if (due === 0 || !isUsual) this.#passed.delete(lane);
      else for (const start of begun) this.#start(lane, rank, start.lane);
    }
  }

  #start(lane: Lane, rank: number, started: Lane): void {
    const startedRank = LANES.indexOf(started);
    if (startedRank === rank) this.#passed.delete(lane);
    if (startedRank <= rank) return;
    assert.ok(!this.#passed.has(lane), `two jobs of lower lanes are started in a row while one of ${lane} may run`);
    this.#passed.add(lane);
  }
}
