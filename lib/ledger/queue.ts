/**
 * Rows between their making and their writing: which go together, which there is no room for, and when the next try is. A
 * batch stays what it is once it is closed, and so its token says whether it was written already.
 */
import { backoff } from '../core/rules/retry-policy.js';

/** A row goes with those of the same second. */
const BATCH_MS = 1_000;
const BATCH_ROWS = 1_000;
const BATCH_BYTES = 1024 * 1024;
/** What may stand in memory. */
const MAX_ROWS = 20_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** What may stand on the disk. */
const MAX_DISK_BYTES = 64 * 1024 * 1024;
/** Closed batches that keep their rows in memory although the disk has them: while all is well none is read again. */
const IN_MEMORY = 4;
const RETRY = { backoffMs: 1_000, maxBackoffMs: 30_000 };

export interface Batch {
  /** Counts up; of those that a former run left it is below 0. */
  readonly id: number;
  /** By which the table recognises it. */
  readonly token: string;
  /** As lines of JSON; null where they stand on the disk alone. */
  lines: string[] | null;
  rows: number;
  bytes: number;
  readonly openedAt: number;
  /** The time of its first row, as that has it; left out for what a former run left. */
  readonly madeAt?: number;
  /** Whether all its rows go to the disk; no longer where the disk has refused some. */
  isOnDisk: boolean;
  /** Whether all its rows have arrived there: then they need not stand in memory. */
  isStored: boolean;
  /** Whether a file of it may be there, with some of its rows or all. */
  readonly hasFile: boolean;
}

export interface QueueOptions {
  /** Whether there is a disk that takes rows at the moment. */
  readonly hasDisk: () => boolean;
  /** Whether rows may be given up for want of room. */
  readonly mayLose: boolean;
  readonly tokenOf: (id: number) => string;
}

export class LedgerQueue {
  readonly #options: QueueOptions;
  #open: Batch | null = null;
  /** The oldest first. */
  #closed: Batch[] = [];
  #lastId = 0;
  #inFlight: Batch | null = null;
  #failures = 0;
  #retryAt = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #written = 0;
  /** In memory. */
  #rows = 0;
  #bytes = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get lost(): number {
    return this.#lost;
  }

  get written(): number {
    return this.#written;
  }

  get waiting(): number {
    return this.#all().reduce((sum, { rows }) => sum + rows, 0);
  }

  get bytesOnDisk(): number {
    return this.#all().reduce((sum, { isOnDisk, bytes }) => (isOnDisk ? sum + bytes : sum), 0);
  }

  /** The time of the oldest row of this run that is not written; null where there is none. */
  get oldestMadeAt(): number | null {
    return this.#all().find(({ madeAt }) => madeAt !== undefined)?.madeAt ?? null;
  }

  /** The id of the batch that the last row went into. */
  get lastId(): number {
    return this.#open?.id ?? this.#lastId;
  }

  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** What a former run has left on the disk goes first. */
  adopt(left: readonly Pick<Batch, 'token' | 'rows' | 'bytes'>[]): Batch[] {
    const batches = left.map(({ token, rows, bytes }, index) => ({
      ...{ id: index - left.length, token, lines: null, rows, bytes, openedAt: 0 },
      ...{ isOnDisk: true, isStored: true, hasFile: true },
    }));
    this.#closed.unshift(...batches);
    return batches;
  }

  /**
   * @param madeAt the row's own time; rows come in its order
   * @returns the batch that it went into; null where there is no room for it, and it is lost
   */
  add(line: string, now: number, madeAt = 0): Batch | null {
    if (this.#options.mayLose && (this.#rows >= MAX_ROWS || this.#bytes + line.length > MAX_BYTES)) {
      this.#lost += 1;
      return null;
    }
    if (this.#open === null) {
      this.#lastId += 1;
      const isOnDisk = this.#options.hasDisk() && this.bytesOnDisk < MAX_DISK_BYTES;
      const token = this.#options.tokenOf(this.#lastId);
      const disk = { isOnDisk, isStored: false, hasFile: isOnDisk };
      this.#open = { id: this.#lastId, token, lines: [], rows: 0, bytes: 0, openedAt: now, madeAt, ...disk };
    }
    const batch = this.#open;
    batch.lines?.push(line);
    batch.rows += 1;
    batch.bytes += line.length + 1;
    this.#rows += 1;
    this.#bytes += line.length + 1;
    return batch;
  }

  /** Closes the batch that is due, or any that is open. @returns it, or null where there is none */
  close(now: number, isUrgent = false): Batch | null {
    const batch = this.#open;
    if (batch === null) return null;
    if (!isUrgent && !isWhole(batch) && now - batch.openedAt < BATCH_MS) return null;
    this.#open = null;
    this.#closed.push(batch);
    this.#release();
    return batch;
  }

  /** The batch to be written now; its end is to be reported before the next one is asked for. */
  next(now: number): Batch | null {
    if (this.#inFlight !== null || now < this.#retryAt) return null;
    this.#inFlight = this.#closed[0] ?? null;
    return this.#inFlight;
  }

  /** When `close` or `next` has something to do; null where only another row changes that. */
  nextAt(): number | null {
    const times: number[] = [];
    if (this.#open !== null) times.push(isWhole(this.#open) ? 0 : this.#open.openedAt + BATCH_MS);
    if (this.#inFlight === null && this.#closed.length > 0) times.push(this.#retryAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** @returns whether it is the first after a failure */
  succeeded(batch: Batch): boolean {
    this.#written += batch.rows;
    const isBack = this.#failures > 0;
    this.#failures = 0;
    this.#retryAt = Number.NEGATIVE_INFINITY;
    this.#forget(batch);
    return isBack;
  }

  /** @returns whether it is the first */
  failed(batch: Batch, now: number, random: number): boolean {
    this.#inFlight = null;
    this.#failures += 1;
    this.#retryAt = now + backoff(this.#failures, RETRY, random);
    if (batch.isStored) batch.lines = null;
    this.#recount();
    return this.#failures === 1;
  }

  /** It can never be written, whatever is done. @param rows how many of it are gone */
  gaveUp(batch: Batch, rows = batch.rows): void {
    this.#lost += rows;
    this.#forget(batch);
  }

  /** The disk has all of it. */
  stored(batch: Batch): void {
    // What came to the disk behind rows that it has refused is not all. And a disk may not give back what it has taken.
    if (!batch.isOnDisk || !this.#options.mayLose) return;
    batch.isStored = true;
    this.#release();
  }

  /** The disk does not have it, or not all of it. */
  notOnDisk(batch: Batch): void {
    batch.isOnDisk = false;
  }

  /** Whether every row up to that batch is written, or given up. */
  isDoneUpTo(id: number): boolean {
    return this.#all().every((batch) => batch.id > id);
  }

  /** Tries at once. */
  hasten(): void {
    this.#retryAt = Number.NEGATIVE_INFINITY;
  }

  #all(): readonly Batch[] {
    return this.#open === null ? this.#closed : [...this.#closed, this.#open];
  }

  #forget(batch: Batch): void {
    this.#inFlight = null;
    this.#closed = this.#closed.filter((one) => one !== batch);
    this.#recount();
  }

  #release(): void {
    for (const batch of this.#closed.slice(0, -IN_MEMORY)) if (batch.isStored) batch.lines = null;
    this.#recount();
  }

  #recount(): void {
    [this.#rows, this.#bytes] = [0, 0];
    for (const { lines, rows, bytes } of this.#all()) {
      if (lines === null) continue;
      this.#rows += rows;
      this.#bytes += bytes;
    }
  }
}

function isWhole({ rows, bytes }: Batch): boolean {
  return rows >= BATCH_ROWS || bytes >= BATCH_BYTES;
}
