/**
 * Tables that refuse their rows, as one without a grant does. Their jobs wait here, outside the scheduler, so that neither
 * the others nor the reading of the topic wait with them. After each wait one job of the table, its canary, is tried. A
 * canary that is refused prolongs the hold; one that ends in a way that tells nothing about the table leaves it as it is;
 * any other end releases the table.
 */
import type { OutcomeResult } from '../../types.js';
import type { JobState } from './job-state.js';

interface Hold {
  readonly since: number;
  reason: string;
  /** Refusals in a row, each of which lengthens the wait. */
  refusals: number;
  until: number;
  canary: string | null;
  parked: JobState[];
}

export interface HeldTable {
  readonly table: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Jobs that wait for it. */
  readonly jobs: number;
}

export type HoldChange = { readonly table: string; readonly held: boolean; readonly reason: string };

export class TableHolds {
  readonly #holds = new Map<string, Hold>();
  readonly #waitAfter: (refusals: number) => number;
  readonly #onChange: (change: HoldChange) => void;

  /** @param waitAfter milliseconds to the next canary, given the refusals in a row before this one */
  constructor(waitAfter: (refusals: number) => number, onChange: (change: HoldChange) => void) {
    this.#waitAfter = waitAfter;
    this.#onChange = onChange;
  }

  /** Jobs that wait for held tables. */
  get parked(): number {
    let parked = 0;
    for (const hold of this.#holds.values()) parked += hold.parked.length;
    return parked;
  }

  tables(): HeldTable[] {
    return [...this.#holds].map(([table, { reason, since, parked }]) => ({
      table,
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
      if (state === undefined) this.#release(table, 'nothing waits for it any more');
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
    breaker: 'success' | 'answer' | 'failure' | 'fault' | 'nothing',
    reason: string,
    now: number,
  ): JobState[] {
    const hold = this.#holds.get(job.table);
    if (result === 'table-refused') {
      this.#refused(job.table, hold, job.id, reason, now);
      return [];
    }
    if (hold === undefined) return [];
    const isCanary = hold.canary === job.id;
    // A failure of a job that started before the hold says nothing about the table now.
    if (breaker === 'success' || (breaker === 'answer' && isCanary)) {
      this.#release(job.table, 'a job reached it');
      return hold.parked;
    }
    if (isCanary) this.#again(hold, now);
    return [];
  }

  /** The canary was not started after all, or is no longer ours. */
  withdrawn(jobId: string): void {
    for (const hold of this.#holds.values()) if (hold.canary === jobId) hold.canary = null;
  }

  /** Drops all jobs for which `isUnwanted` holds and returns them. */
  drop(isUnwanted: (state: JobState) => boolean): JobState[] {
    const dropped: JobState[] = [];
    for (const hold of this.#holds.values()) {
      dropped.push(...hold.parked.filter(isUnwanted));
      hold.parked = hold.parked.filter((state) => !isUnwanted(state));
    }
    return dropped;
  }

  #refused(table: string, hold: Hold | undefined, jobId: string, reason: string, now: number): void {
    if (hold === undefined) {
      const until = now + this.#waitAfter(0);
      this.#holds.set(table, { since: now, reason, refusals: 1, until, canary: null, parked: [] });
      this.#onChange({ table, held: true, reason });
    } else if (hold.canary === jobId) {
      hold.reason = reason;
      this.#again(hold, now);
      hold.refusals += 1;
    }
  }

  #release(table: string, reason: string): void {
    this.#holds.delete(table);
    this.#onChange({ table, held: false, reason });
  }

  #again(hold: Hold, now: number): void {
    hold.canary = null;
    hold.until = now + this.#waitAfter(hold.refusals);
  }
}
