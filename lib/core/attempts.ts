/**
 * What the unfinished records of one partition have cost, as far as a commit should tell it to whoever reads them next:
 * attempts that failed, and starts that the service did not survive. A file that brings the whole service down is so
 * counted by the lives that it ended, and becomes a dead letter instead of a crash loop.
 */
import type { Attempts, Spent } from './offset-map.js';

interface Entry {
  spent: Spent;
  /** Ends of the service in former lives while a file of the record was being loaded. */
  interrupted: number;
  running: number;
}

const NOTHING: Spent = { failed: 0, timedOut: 0 };
const NONE: Attempts = { ...NOTHING, interrupted: 0 };

export class AttemptLog {
  readonly #entries = new Map<number, Entry>();

  restore(attempts: ReadonlyMap<number, Attempts>): void {
    for (const [offset, { interrupted, ...spent }] of attempts) {
      if (!this.#entries.has(offset)) this.#entries.set(offset, { spent, interrupted, running: 0 });
    }
  }

  /** What a record brings with it from a former life. */
  of(offset: number): Attempts {
    const entry = this.#entries.get(offset);
    return entry === undefined ? NONE : { ...entry.spent, interrupted: entry.interrupted };
  }

  started(offset: number): void {
    const entry = this.#entries.get(offset) ?? { spent: NOTHING, interrupted: 0, running: 0 };
    entry.running += 1;
    this.#entries.set(offset, entry);
  }

  /** A job of the record ended, and so did not end the service. */
  ended(offset: number, { failed, timedOut }: Spent): void {
    const entry = this.#entries.get(offset);
    if (entry === undefined) return;
    entry.running = Math.max(0, entry.running - 1);
    // Of several files of a record, the one with most.
    entry.spent = { failed: Math.max(entry.spent.failed, failed), timedOut: Math.max(entry.spent.timedOut, timedOut) };
    entry.interrupted = 0;
    if (entry.running === 0 && entry.spent.failed + entry.spent.timedOut === 0) this.#entries.delete(offset);
  }

  /** The record is complete. */
  forget(offset: number): void {
    this.#entries.delete(offset);
  }

  /** What to commit: if this life ended now, what runs would have been interrupted once more. */
  snapshot(): Map<number, Attempts> {
    const snapshot = new Map<number, Attempts>();
    for (const [offset, { spent, interrupted, running }] of this.#entries) {
      snapshot.set(offset, { ...spent, interrupted: interrupted + (running > 0 ? 1 : 0) });
    }
    return snapshot;
  }
}
