/** When a member whose commits are refused joins its group again, though its heartbeats are answered. */
import { isOverForMember, isUnchangeable } from './refusals.js';

/** Commits refused in a row, each for a reason that may go by itself. */
const MAX_REFUSALS = 3;
/** Least time between two such joins; it doubles until a commit is acknowledged. */
const FIRST_WAIT_MS = 2_000;

export class RejoinPolicy {
  readonly #maxWaitMs: number;
  #refusals = 0;
  #waitMs = FIRST_WAIT_MS;
  #notBefore = 0;

  constructor(maxWaitMs: number) {
    this.#maxWaitMs = maxWaitMs;
  }

  acknowledged(): void {
    this.#refusals = 0;
    this.#waitMs = FIRST_WAIT_MS;
  }

  /**
   * A commit was refused. Returns whether the group should be joined again, with its coordinator looked up anew.
   *
   * @param now milliseconds on a clock that never goes back
   */
  refused(error: unknown, now: number): boolean {
    if (isUnchangeable(error)) return false;
    this.#refusals += 1;
    if ((this.#refusals < MAX_REFUSALS && !isOverForMember(error)) || now < this.#notBefore) return false;
    this.#refusals = 0;
    this.#notBefore = now + this.#waitMs;
    this.#waitMs = Math.min(this.#waitMs * 2, this.#maxWaitMs);
    return true;
  }
}
