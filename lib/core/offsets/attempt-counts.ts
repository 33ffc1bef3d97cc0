/**
 * What the unfinished records of one partition have cost, as far as a commit passes it on to the partition's next reader:
 * attempts that failed, and starts that the service did not survive. A file that brings the whole service down is so
 * counted once for each run that it ended, and becomes a dead letter instead of a crash loop.
 */
import { type AttemptCounts, type ChargedAttempts, MAX_ATTEMPTS } from './commit-metadata.js';

interface Entry {
  readonly spent: ChargedAttempts;
  /** Ends of the service in previous runs while a file of the record was being loaded. */
  readonly interrupted: number;
  readonly running: number;
}

const NOTHING: ChargedAttempts = { failed: 0, timedOut: 0 };
/** What most records have while they are open; they are many, and share it. */
const RUNNING_ONCE: Entry = { spent: NOTHING, interrupted: 0, running: 1 };
const NONE: AttemptCounts = { ...NOTHING, interrupted: 0 };

export class AttemptLedger {
  readonly #entries = new Map<number, Entry>();

  restore(attempts: ReadonlyMap<number, AttemptCounts>): void {
    for (const [offset, { interrupted, ...spent }] of attempts) {
      if (!this.#entries.has(offset)) this.#entries.set(offset, { spent, interrupted, running: 0 });
    }
  }

  /** The counts that a record brings with it from previous runs. */
  of(offset: number): AttemptCounts {
    const entry = this.#entries.get(offset);
    return entry === undefined ? NONE : { ...entry.spent, interrupted: entry.interrupted };
  }

  started(offset: number): void {
    const entry = this.#entries.get(offset);
    this.#entries.set(offset, entry === undefined ? RUNNING_ONCE : { ...entry, running: entry.running + 1 });
  }

  /** A job of the record ended, and so did not end the service. */
  ended(offset: number, { failed, timedOut }: ChargedAttempts): void {
    const entry = this.#entries.get(offset);
    if (entry === undefined) return;
    const running = Math.max(0, entry.running - 1);
    // Of several files of a record, the one with most.
    const most = { failed: Math.max(entry.spent.failed, failed), timedOut: Math.max(entry.spent.timedOut, timedOut) };
    if (running === 0 && most.failed + most.timedOut === 0) this.#entries.delete(offset);
    else this.#entries.set(offset, { spent: most, interrupted: 0, running });
  }

  /** The record is complete. */
  forget(offset: number): void {
    this.#entries.delete(offset);
  }

  /** The counts as they were without the jobs that run: for a run that ends for a reason that none of them is. */
  withoutStarts(): Map<number, AttemptCounts> {
    const counts = new Map<number, AttemptCounts>();
    for (const [offset, { spent, interrupted }] of this.#entries) {
      const isCounted = spent.failed + spent.timedOut + interrupted > 0;
      if (isCounted && counts.size < MAX_ATTEMPTS) counts.set(offset, { ...spent, interrupted });
    }
    return counts;
  }

  /** The counts to commit, for as many records as fit. A running job counts as interrupted, in case this run ends now. */
  snapshot(): Map<number, AttemptCounts> {
    const snapshot = new Map<number, AttemptCounts>();
    for (const [offset, { spent, interrupted, running }] of this.#entries) {
      if (snapshot.size === MAX_ATTEMPTS) break;
      snapshot.set(offset, { ...spent, interrupted: interrupted + (running > 0 ? 1 : 0) });
    }
    return snapshot;
  }
}
