/**
 * Jobs of records during whose load the service ended too often. They wait here, outside the scheduler, and are loaded with
 * nothing else running: once one is due nothing else is started, and when nothing runs any more the jobs of its record are
 * run one after the other. What comes of that is an outcome like any other; only a job that the service does not survive
 * is not seen here again.
 */

import { ALONE_EVERY_MS, QUIET_MS } from '../rules/suspicion.js';
import { firstOf } from '../rules/turns/lanes.js';
import type { JobState } from './job-state.js';
import type { PendingRecord } from './pending-record.js';

export class Suspects {
  readonly #isPermitted: (state: JobState) => boolean;
  #waiting: JobState[] = [];
  /** The record whose jobs are being run, and the one of them that runs. */
  #current: PendingRecord | null = null;
  #running: JobState | null = null;
  #notBefore = Number.NEGATIVE_INFINITY;
  /** When `isDue` was asked last, and whether it said yes. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #wasDue = false;

  /** @param isPermitted whether the job may start as far as others but this are concerned */
  constructor(isPermitted: (state: JobState) => boolean) {
    this.#isPermitted = isPermitted;
  }

  /** Jobs that wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** When the next record is due at the earliest; null where none waits. */
  get dueAt(): number | null {
    return this.#waiting.length === 0 ? null : this.#notBefore;
  }

  /** Whether nothing else may start, as `isDue` said last. */
  get isBlocking(): boolean {
    return this.#wasDue;
  }

  /** When `isDue` may say yes although nothing else happens; null where it will not. */
  nextAt(): number | null {
    return this.#waiting.length > 0 && this.#notBefore > this.#askedAt ? this.#notBefore : null;
  }

  /** The service has just learned of it. */
  add(state: JobState, now: number): void {
    if (this.#waiting.length === 0) this.#notBefore = Math.max(this.#notBefore, now + QUIET_MS);
    this.#waiting.push(state);
  }

  /** An earlier run, or another member, loaded one alone and did not survive that. */
  ranAlone(at: number, now: number): void {
    this.#notBefore = Math.max(this.#notBefore, Math.min(at, now) + ALONE_EVERY_MS);
  }

  /** Whether nothing else may start now. */
  isDue(now: number): boolean {
    if (this.#running === null && !this.#waiting.some((state) => this.#isNext(state))) this.#current = null;
    this.#askedAt = now;
    this.#wasDue =
      this.#current !== null || (this.#notBefore <= now && this.#waiting.some((state) => this.#isNext(state)));
    return this.#wasDue;
  }

  /** The job to run now, where one is due and nothing runs. */
  take(now: number): JobState | null {
    const state = firstOf(this.#waiting.filter((waiting) => this.#isNext(waiting)));
    if (state === null) return null;
    if (this.#current === null) this.#notBefore = now + ALONE_EVERY_MS;
    this.#current = state.pending;
    this.#running = state;
    this.#waiting = this.#waiting.filter((other) => other !== state);
    state.aloneSince = now;
    return state;
  }

  /** A job has ended, or was not run after all. Returns whether it was the one that ran alone. */
  ended(state: JobState): boolean {
    if (this.#running !== state) return false;
    state.aloneSince = null;
    this.#running = null;
    return true;
  }

  /** Drops all jobs for which `isUnwanted` holds and returns them. */
  drop(isUnwanted: (state: JobState) => boolean): JobState[] {
    const dropped = this.#waiting.filter(isUnwanted);
    this.#waiting = this.#waiting.filter((state) => !isUnwanted(state));
    return dropped;
  }

  #isNext(state: JobState): boolean {
    return this.#isPermitted(state) && (this.#current === null || state.pending === this.#current);
  }
}
