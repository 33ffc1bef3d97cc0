/**
 * Tables that are held back: those that refuse their rows, as one without a grant does, and those of too many dead letters in
 * a row, for then something is wrong that no file is to blame for. Their jobs wait here, outside the scheduler, so that neither
 * the others nor the reading of the topic wait with them. After each wait one job of the table, its canary, is tried, of the highest lane. A
 * canary that fares no better prolongs the hold; one that ends in a way that tells nothing about the table leaves it as it is;
 * any other end releases the table. After dead letters only a success does, but each canary that fails may have its letter,
 * so that a tenant with nothing but bad files is worked off slowly.
 */
import type { OutcomeResult } from '../../types.js';
import type { OutcomeRule } from '../rules/outcomes.js';
import { LaneFifo } from '../rules/turns/lanes.js';
import type { JobState } from './job-state.js';

export type HoldCause = 'table-refused' | 'dead-letters';

interface Hold {
  readonly cause: HoldCause;
  readonly since: number;
  reason: string;
  /** Refusals in a row, each of which lengthens the wait. */
  refusals: number;
  until: number;
  canary: string | null;
  /** The canary that failed last, whose letter is permitted. */
  failedCanary: string | null;
  readonly parked: LaneFifo<JobState>;
}

export interface HeldTable {
  readonly table: string;
  readonly cause: HoldCause;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Jobs that wait for it. */
  readonly jobs: number;
}

export type HoldChange = { readonly table: string; readonly held: boolean; readonly reason: string };

export class TableHolds {
  readonly #holds = new Map<string, Hold>();
  /** Dead letters since the last file that was loaded, by table; only those that had some. */
  readonly #letters = new Map<string, number>();
  readonly #maxLetters: () => number;
  readonly #waitAfter: (refusals: number) => number;
  readonly #onChange: (change: HoldChange, now: number) => void;

  /**
   * @param maxLetters dead letters of a table in a row that are permitted at the moment
   * @param waitAfter milliseconds to the next canary, given the refusals in a row before this one
   */
  constructor(
    maxLetters: () => number,
    waitAfter: (refusals: number) => number,
    onChange: (change: HoldChange, now: number) => void,
  ) {
    this.#maxLetters = maxLetters;
    this.#waitAfter = waitAfter;
    this.#onChange = onChange;
  }

  /** Jobs that wait for held tables. */
  get parked(): number {
    let parked = 0;
    for (const hold of this.#holds.values()) parked += hold.parked.length;
    return parked;
  }

  get isAnyHeld(): boolean {
    return this.#holds.size > 0;
  }

  tables(): HeldTable[] {
    return [...this.#holds].map(([table, { cause, reason, since, parked }]) => ({
      table,
      cause,
      reason,
      since,
      jobs: parked.length,
    }));
  }

  /** Whether the job may start as far as its table is concerned; if not, it is to be parked. */
  permits({ job }: JobState): boolean {
    const hold = this.#holds.get(job.table);
    return hold === undefined || hold.canary === job.id;
  }

  /** Its table must be held. Returns when a job of the table is tried at the earliest. */
  park(state: JobState): number {
    const hold = this.#holds.get(state.job.table) as Hold;
    hold.parked.push(state);
    return hold.until;
  }

  /** The next canaries: one job of each table whose wait is over. A table for which nothing waits is forgotten. */
  due(now: number): JobState[] {
    const canaries: JobState[] = [];
    for (const [table, hold] of this.#holds) {
      if (hold.canary !== null || hold.until > now) continue;
      const state = hold.parked.shift();
      if (state === undefined) this.#release(table, 'nothing waits for it any more', now);
      else {
        hold.canary = state.job.id;
        canaries.push(state);
      }
    }
    return canaries;
  }

  /** When `due` may have something next; null when that depends on the end of a canary. */
  nextAt(): number | null {
    let at: number | null = null;
    for (const { canary, until } of this.#holds.values()) if (canary === null) at = Math.min(at ?? until, until);
    return at;
  }

  /**
   * Takes the end of a job into account.
   *
   * @param breaker what the end says of the loader and ClickHouse, as the table of outcomes has it
   * @returns the jobs that need wait no longer
   */
  ended(
    { job }: JobState,
    result: OutcomeResult,
    breaker: OutcomeRule['breaker'],
    reason: string,
    now: number,
  ): JobState[] {
    const hold = this.#holds.get(job.table);
    if (result === 'table-refused') {
      this.#refused(job.table, hold, job.id, reason, now);
      return [];
    }
    if (breaker === 'success') this.#letters.delete(job.table);
    if (hold === undefined) return [];
    const isCanary = hold.canary === job.id;
    const isBadFile = breaker === 'answer' || breaker === 'failure';
    // A failure of a job that started before the hold says nothing about the table now.
    if (breaker === 'success' || (breaker === 'answer' && isCanary && hold.cause === 'table-refused')) {
      this.#release(job.table, 'a job reached it', now);
      return [...hold.parked];
    }
    if (!isCanary) return [];
    this.#again(hold, now);
    if (isBadFile && hold.cause === 'dead-letters') {
      hold.reason = reason;
      hold.refusals += 1;
      hold.failedCanary = job.id;
    }
    return [];
  }

  /** Whether a job that failed for good may have its dead letter; if not, its table is held, and it is to be parked. */
  permitsLetter({ job }: JobState, reason: string, now: number): boolean {
    const letters = this.#letters.get(job.table) ?? 0;
    if (letters < this.#maxLetters()) {
      this.#letters.set(job.table, letters + 1);
      return true;
    }
    const hold = this.#holds.get(job.table);
    if (hold === undefined) {
      this.#hold(job.table, 'dead-letters', `${letters} dead letters in a row, the last for: ${reason}`, now);
      return false;
    }
    if (hold.failedCanary !== job.id) return false;
    hold.failedCanary = null;
    return true;
  }

  /** All jobs that wait for a table. */
  *items(): Generator<JobState> {
    for (const { parked } of this.#holds.values()) yield* parked;
  }

  /** The canary was not started after all, or is no longer ours. */
  withdrawn(jobId: string): void {
    for (const hold of this.#holds.values()) if (hold.canary === jobId) hold.canary = null;
  }

  /** Drops all jobs for which `isUnwanted` holds and returns them. */
  drop(isUnwanted: (state: JobState) => boolean): JobState[] {
    return [...this.#holds.values()].flatMap(({ parked }) => parked.keep((state) => !isUnwanted(state)));
  }

  #refused(table: string, hold: Hold | undefined, jobId: string, reason: string, now: number): void {
    if (hold === undefined) this.#hold(table, 'table-refused', reason, now);
    else if (hold.canary === jobId) {
      hold.reason = reason;
      this.#again(hold, now);
      hold.refusals += 1;
    }
  }

  #hold(table: string, cause: HoldCause, reason: string, now: number): void {
    const until = now + this.#waitAfter(0);
    const [canary, failedCanary, parked] = [null, null, new LaneFifo<JobState>()];
    this.#holds.set(table, { cause, since: now, reason, refusals: 1, until, canary, failedCanary, parked });
    this.#onChange({ table, held: true, reason }, now);
  }

  #release(table: string, reason: string, now: number): void {
    this.#holds.delete(table);
    this.#onChange({ table, held: false, reason }, now);
  }

  #again(hold: Hold, now: number): void {
    hold.canary = null;
    hold.until = now + this.#waitAfter(hold.refusals);
  }
}
