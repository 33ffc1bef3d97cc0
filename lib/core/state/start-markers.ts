/**
 * Write-ahead markers of starts. A file that brings the whole service down leaves no outcome behind. So after a run that did
 * not end in order, each start is committed before the job runs: if the service then dies again, the next run reads in the
 * commit's metadata which records were being loaded, and counts the interruption against them.
 *
 * This costs a commit per start, so it lasts only for as many completions as the previous run may have started since the
 * last commit that survived it.
 */
import type { Commits } from './commits.js';
import type { JobState } from './job-state.js';
import type { PartitionState } from './partition-state.js';

/** More jobs than are started between two commits, unless they are so short that a deadly one would show at once. */
const AFTER_UNCLEAN_END = 100;
/** A partition without any commit: only its first record can have been started before. */
const WITHOUT_COMMIT = 1;

export class StartMarkers {
  readonly #commits: Commits;
  /** Jobs that have their slot and wait for a commit, with the number of that commit. */
  readonly #waiting = new Map<JobState, number>();

  constructor(commits: Commits) {
    this.#commits = commits;
  }

  /** A partition came without knowledge of its previous run's end, or with the knowledge that it was no orderly one. */
  expectCrash(owned: PartitionState, hasCommit: boolean): void {
    owned.markersLeft = hasCommit ? AFTER_UNCLEAN_END : WITHOUT_COMMIT;
  }

  /** Marks a start. Returns whether the job may run at once; else `takeCommitted` returns it later. */
  mark(state: JobState): boolean {
    const { owned } = state.pending;
    owned.attempts.started(state.pending.record.offset, state.aloneSince);
    // A suspect that ends the service must be found out by that.
    if (owned.markersLeft === 0 && state.aloneSince === null) return true;
    this.#commits.touch(owned);
    this.#waiting.set(state, this.#commits.nextNumber);
    return false;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** The jobs whose start is committed by now; they may run. */
  takeCommitted(): JobState[] {
    return this.#take((number) => this.#commits.isAcknowledged(number));
  }

  /** Forgets the starts of jobs that are not to run, and returns the jobs. */
  withdraw(isUnwanted: (state: JobState) => boolean): JobState[] {
    return this.#take((_number, state) => isUnwanted(state));
  }

  #take(isMeant: (number: number, state: JobState) => boolean): JobState[] {
    if (this.#waiting.size === 0) return [];
    const taken = [...this.#waiting].filter(([state, number]) => isMeant(number, state)).map(([state]) => state);
    for (const state of taken) this.#waiting.delete(state);
    return taken;
  }
}
