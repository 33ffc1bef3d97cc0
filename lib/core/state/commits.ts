/**
 * When to commit: one commit at a time, as soon as something completed, at least an interval apart; at once on a
 * rebalance and at the end of a drain. What completes while a commit is under way goes with the next one.
 */
import type { CommitOffset } from '../events.js';
import { encodeMetadata, MAX_METADATA_CHARACTERS } from '../offsets/commit-metadata.js';
import type { PartitionState } from './partition-state.js';

/** Above this share of what a broker accepts, no further records of the partition are read. */
const NEARLY_FULL = 0.75;

/** After a failed commit: the client has retried already, so wait for the group to settle. */
const RETRY_MS = 1_000;

export class Commits {
  readonly #intervalMs: number;
  readonly #dirty = new Set<PartitionState>();
  #inFlight = false;
  #isFailing = false;
  /** Commits sent, and the number of the last one that was acknowledged. */
  #sent = 0;
  #acknowledged = 0;
  #notBefore = 0;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  get inFlight(): boolean {
    return this.#inFlight;
  }

  /** Whether the last commit failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** The number of the next commit: the first one that can contain what happens now. */
  get nextNumber(): number {
    return this.#sent + 1;
  }

  /** Whether the broker has all that commit number `number` was to contain. */
  isAcknowledged(number: number): boolean {
    return this.#acknowledged >= number || (!this.#inFlight && this.#dirty.size === 0);
  }

  /** Something of this partition completed. */
  touch(owned: PartitionState): void {
    this.#dirty.add(owned);
  }

  /** When the next commit is due, or null when there is nothing to commit or one is under way. */
  nextAt(): number | null {
    return this.#inFlight || this.#dirty.size === 0 ? null : this.#notBefore;
  }

  /**
   * The offsets to commit now, or null.
   *
   * @param urgent overrides the interval, never the single flight
   * @param clean whether this run comes to an orderly end
   */
  next(now: number, urgent: boolean, clean: boolean): CommitOffset[] | null {
    if (this.#inFlight || this.#dirty.size === 0 || (now < this.#notBefore && !urgent)) return null;
    const offsets: CommitOffset[] = [];
    for (const owned of this.#dirty) {
      const offset = owned.lost ? null : owned.tracker.position;
      if (offset === null) continue;
      const metadata = describe(owned, offset, clean);
      if (!owned.tracker.isBehind && metadata === owned.committedMetadata) continue;
      offsets.push({ topic: owned.topic, partition: owned.partition, offset, metadata });
    }
    this.#dirty.clear();
    if (offsets.length === 0) return null;
    this.#inFlight = true;
    this.#sent += 1;
    this.#notBefore = now + this.#intervalMs;
    return offsets;
  }

  succeeded(): void {
    this.#inFlight = false;
    this.#isFailing = false;
    this.#acknowledged = this.#sent;
  }

  failed(now: number, partitions: Iterable<PartitionState>): void {
    this.#inFlight = false;
    this.#isFailing = true;
    this.#notBefore = now + Math.max(RETRY_MS, this.#intervalMs);
    for (const owned of partitions) this.#dirty.add(owned);
  }
}

/** The metadata for a commit of `position`; left out where a broker would refuse it, which costs repeated loads only. */
function describe(owned: PartitionState, position: number, clean: boolean): string {
  const { tracker, attempts } = owned;
  const map = { completed: tracker.completedRanges(), attempts: attempts.snapshot(), clean };
  const metadata = encodeMetadata(position, map);
  owned.metadataNearlyFull = metadata.length > MAX_METADATA_CHARACTERS * NEARLY_FULL;
  return metadata.length > MAX_METADATA_CHARACTERS ? '' : metadata;
}
