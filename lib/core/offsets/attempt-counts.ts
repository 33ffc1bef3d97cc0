/**
 * What the unfinished records of one partition have cost, as far as a commit passes it on to the partition's next reader:
 * attempts that failed, and starts that the service did not survive. A file that brings the whole service down is so
 * counted once for each run that it ended, and becomes a dead letter instead of a crash loop.
 */
import { type AttemptCounts, type ChargedAttempts, MAX_ATTEMPTS } from './commit-metadata.js';
import {
  aloneAt,
  BOOT_OFFSET,
  type Boot,
  bootEntry,
  DOUBTED,
  endedByBoot,
  interruptedOnceLess,
  interruptedOnceMore,
} from './interruptions.js';

interface Entry {
  readonly spent: ChargedAttempts;
  /** Ends of the service in previous runs while a file of the record was being loaded, as the metadata has them. */
  readonly interrupted: number;
  readonly running: number;
  /** Since when a file of it runs with nothing else beside it; null where none does. */
  readonly aloneSince: number | null;
}

const NOTHING: ChargedAttempts = { failed: 0, timedOut: 0 };
const UNSTARTED: Entry = { spent: NOTHING, interrupted: 0, running: 0, aloneSince: null };
const NONE: AttemptCounts = { ...NOTHING, interrupted: 0 };

export class AttemptLedger {
  readonly #entries = new Map<number, Entry>();

  /**
   * What ended with the machine is held against no file.
   *
   * @param boot where this run is; null where nobody knows
   * @returns when a file was last loaded alone that the service did not survive; null where none was
   */
  restore(attempts: ReadonlyMap<number, AttemptCounts>, boot: Boot | null = null): number | null {
    let ofTheMachine = endedByBoot(attempts.get(BOOT_OFFSET), boot);
    let lastAloneAt: number | null = null;
    for (const [offset, { interrupted: committed, ...spent }] of attempts) {
      if (offset === BOOT_OFFSET) continue;
      const interrupted = ofTheMachine > 0 ? interruptedOnceLess(committed) : committed;
      ofTheMachine -= 1;
      const at = aloneAt(interrupted);
      if (at !== null) lastAloneAt = Math.max(lastAloneAt ?? at, at);
      const entry: Entry = { spent, interrupted, running: 0, aloneSince: null };
      if (!this.#entries.has(offset)) this.#entries.set(offset, entry);
    }
    return lastAloneAt;
  }

  /** The counts that a record brings with it from previous runs. */
  of(offset: number): AttemptCounts {
    const entry = this.#entries.get(offset);
    return entry === undefined ? NONE : { ...entry.spent, interrupted: entry.interrupted };
  }

  /** @param aloneSince now, where nothing else runs meanwhile */
  started(offset: number, aloneSince: number | null = null): void {
    const entry = this.#entries.get(offset) ?? UNSTARTED;
    this.#entries.set(offset, { ...entry, running: entry.running + 1, aloneSince });
  }

  /**
   * The partition may go to another reader while the service lives on: that a file runs alone is not to be taken for an end
   * of the service during that. Returns whether there is one.
   */
  doubtAlone(): boolean {
    let isDoubted = false;
    for (const [offset, entry] of this.#entries) {
      if (entry.aloneSince === null || entry.aloneSince === DOUBTED) continue;
      this.#entries.set(offset, { ...entry, aloneSince: DOUBTED });
      isDoubted = true;
    }
    return isDoubted;
  }

  /**
   * The service was asked to stop: should it be killed before it has, what runs now is not the cause. Returns whether anything
   * runs.
   */
  forgetStarts(): boolean {
    let isAny = false;
    for (const [offset, entry] of this.#entries) {
      if (entry.running === 0) continue;
      this.#entries.set(offset, { ...entry, running: 0, aloneSince: null });
      isAny = true;
    }
    return isAny;
  }

  /** A job of the record ended, and so did not end the service. */
  ended(offset: number, { failed, timedOut }: ChargedAttempts): void {
    const entry = this.#entries.get(offset);
    if (entry === undefined) return;
    const running = Math.max(0, entry.running - 1);
    // Of several files of a record, the one with most.
    const most = { failed: Math.max(entry.spent.failed, failed), timedOut: Math.max(entry.spent.timedOut, timedOut) };
    this.#entries.set(offset, { spent: most, interrupted: 0, running, aloneSince: null });
  }

  /** The record is complete. */
  forget(offset: number): void {
    this.#entries.delete(offset);
  }

  /** The counts as they were without the jobs that run: for a run that ends for a reason that none of them is. */
  withoutStarts(): Map<number, AttemptCounts> {
    const counts = new Map<number, AttemptCounts>();
    for (const [offset, entry] of this.#some(MAX_ATTEMPTS, isCounted)) {
      counts.set(offset, { ...entry.spent, interrupted: entry.interrupted });
    }
    return counts;
  }

  /**
   * The counts to commit, for as many records as fit. A running job counts as interrupted, in case this run ends now; these
   * come first, after the boot that they run in.
   */
  snapshot(boot: Boot | null = null): Map<number, AttemptCounts> {
    const limit = boot === null ? MAX_ATTEMPTS : MAX_ATTEMPTS - 1;
    const running = this.#some(limit, (entry) => entry.running > 0);
    const others = this.#some(limit - running.length, (entry) => entry.running === 0 && isCounted(entry));
    const snapshot = new Map<number, AttemptCounts>();
    if (boot !== null && running.length > 0) snapshot.set(BOOT_OFFSET, bootEntry(boot, running.length));
    for (const [offset, { spent, interrupted, aloneSince }] of running)
      snapshot.set(offset, { ...spent, interrupted: interruptedOnceMore(interrupted, aloneSince) });
    for (const [offset, { spent, interrupted }] of others) snapshot.set(offset, { ...spent, interrupted });
    return snapshot;
  }

  #some(limit: number, isMeant: (entry: Entry) => boolean): [offset: number, entry: Entry][] {
    const found: [offset: number, entry: Entry][] = [];
    for (const [offset, entry] of this.#entries) {
      if (found.length >= limit) break;
      if (isMeant(entry)) found.push([offset, entry]);
    }
    return found;
  }
}

function isCounted({ spent, interrupted }: Entry): boolean {
  return spent.failed + spent.timedOut + interrupted > 0;
}
