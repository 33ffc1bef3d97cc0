/**
 * When to commit: one commit at a time, as soon as something completed, at least an interval apart; at once on a
 * rebalance and at the end of a drain. What completes while a commit is under way goes with the next one.
 */
import type { CommitOffset } from './events.js';
import type { OwnedPartition } from './work.js';

/** After a failed commit: the client has retried already, so wait for the group to settle. */
const RETRY_MS = 1_000;

export class Commits {
  readonly #intervalMs: number;
  readonly #dirty = new Set<OwnedPartition>();
  #inFlight = false;
  #notBefore = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  get inFlight(): boolean {
    return this.#inFlight;
  }

  /** Something of this partition completed. */
  touch(owned: OwnedPartition): void {
    this.#dirty.add(owned);
  }

  /** When the next commit is due, or null when there is nothing to commit or one is under way. */
  nextAt(): number | null {
    return this.#inFlight || this.#dirty.size === 0 ? null : this.#notBefore;
  }

  /** The offsets to commit now, or null. `urgent` overrides the interval, never the single flight. */
  next(now: number, urgent: boolean): CommitOffset[] | null {
    if (this.#inFlight || this.#dirty.size === 0 || (now < this.#notBefore && !urgent)) return null;
    const offsets: CommitOffset[] = [];
    for (const { topic, partition, tracker, lost } of this.#dirty) {
      const offset = lost ? null : tracker.committable();
      if (offset !== null) offsets.push({ topic, partition, offset });
    }
    this.#dirty.clear();
    if (offsets.length === 0) return null;
    this.#inFlight = true;
    this.#notBefore = now + this.#intervalMs;
    return offsets;
  }

  succeeded(): void {
    this.#inFlight = false;
  }

  failed(now: number, partitions: Iterable<OwnedPartition>): void {
    this.#inFlight = false;
    this.#notBefore = now + Math.max(RETRY_MS, this.#intervalMs);
    for (const owned of partitions) this.#dirty.add(owned);
  }
}
