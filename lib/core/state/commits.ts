/**
 * When to commit: one commit at a time, as soon as something completed, at least an interval apart; at once on a
 * rebalance and at the end of a drain. What completes while a commit is under way goes with the next one.
 *
 * A refusal that no repetition changes is not repeated unchanged: metadata that the broker refuses as too large is cut, and
 * the length that it takes is learned by halving.
 */
import type { CommitOffset } from '../events.js';
import { encodeMetadata, MAX_METADATA_CHARACTERS } from '../offsets/commit-metadata.js';
import type { Boot } from '../offsets/interruptions.js';
import type { PartitionState } from './partition-state.js';

/** Above this share of what a broker accepts, no further records of the partition are read. */
const NEARLY_FULL = 0.75;

/** After a failed commit: wait for the group to settle. */
const RETRY_MS = 1_000;
/** Shorter metadata says nothing, so none is sent then. */
const MIN_METADATA_CHARACTERS = 8;

export class Commits {
  readonly #intervalMs: number;
  readonly #boot: Boot | null;
  readonly #dirty = new Set<PartitionState>();
  #inFlight = false;
  #isFailing = false;
  /** Commits sent, and the number of the last one that was acknowledged. */
  #sent = 0;
  #acknowledged = 0;
  #notBefore = 0;
  /** When the first commit was sent that is not acknowledged, nor any later one. */
  #unacknowledgedSince: number | null = null;
  #lastError: string | null = null;
  #metadataLimit = MAX_METADATA_CHARACTERS;

  /** @param boot where this run is; null where nobody knows */
  constructor(intervalMs: number, boot: Boot | null = null) {
    this.#intervalMs = intervalMs;
    this.#boot = boot;
  }

  get inFlight(): boolean {
    return this.#inFlight;
  }

  /** Whether the last commit failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** When the first of the commits was sent that are not acknowledged; null where there are none. */
  get unacknowledgedSince(): number | null {
    return this.#unacknowledgedSince;
  }

  /** Why the last commit was refused; null where it was not. */
  get lastError(): string | null {
    return this.#lastError;
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
      const metadata = this.#describe(owned, offset, clean);
      if (!owned.tracker.isBehind && metadata === owned.committedMetadata) continue;
      offsets.push({ topic: owned.topic, partition: owned.partition, offset, metadata });
    }
    for (const owned of this.#dirty) {
      owned.completedUnacknowledged += owned.completedUnsent;
      owned.completedUnsent = 0;
    }
    this.#dirty.clear();
    if (offsets.length === 0) {
      // What was refused belongs to others by now, or was committed by them.
      this.#settle();
      return null;
    }
    this.#unacknowledgedSince ??= now;
    this.#inFlight = true;
    this.#sent += 1;
    this.#notBefore = now + this.#intervalMs;
    return offsets;
  }

  succeeded(): void {
    this.#inFlight = false;
    this.#acknowledged = this.#sent;
    this.#settle();
  }

  failed(now: number, error: string, partitions: Iterable<PartitionState>): void {
    this.#inFlight = false;
    this.#isFailing = true;
    this.#lastError = error;
    this.#notBefore = now + Math.max(RETRY_MS, this.#intervalMs);
    for (const owned of partitions) this.#dirty.add(owned);
    // All that it named belongs to others by now.
    if (this.#dirty.size === 0) this.#settle();
  }

  /**
   * The broker refused the metadata for its length: half of the longest that it was given is tried at once.
   *
   * @returns the partition with that one, or null where none had any
   */
  metadataRefused(now: number, offsets: readonly CommitOffset[]): CommitOffset | null {
    const longest = offsets.reduce<CommitOffset | null>(
      (found, offset) => (offset.metadata.length > (found?.metadata.length ?? 0) ? offset : found),
      null,
    );
    if (longest === null) return null;
    const half = longest.metadata.length / 2;
    this.#metadataLimit = Math.min(this.#metadataLimit, half < MIN_METADATA_CHARACTERS ? 0 : half);
    this.#notBefore = now;
    return longest;
  }

  #settle(): void {
    this.#isFailing = false;
    this.#unacknowledgedSince = null;
    this.#lastError = null;
  }

  /**
   * The metadata for a commit of `position`, left out where a broker would refuse it. To one that takes less than others, the
   * attempts go along alone where they can. Either costs repeated loads only.
   */
  #describe(owned: PartitionState, position: number, clean: boolean): string {
    const { tracker } = owned;
    const attempts = owned.attempts.snapshot(this.#boot);
    const whole = encodeMetadata(position, { completed: tracker.completedRanges(), attempts, clean });
    // A broker that takes less than others would have reading stop all the time.
    const isUsual = this.#metadataLimit === MAX_METADATA_CHARACTERS;
    owned.metadataNearlyFull = isUsual && whole.length > this.#metadataLimit * NEARLY_FULL;
    if (whole.length <= this.#metadataLimit) return whole;
    if (isUsual) return '';
    const short = encodeMetadata(position, { completed: [], attempts, clean });
    return short.length <= this.#metadataLimit ? short : '';
  }
}
