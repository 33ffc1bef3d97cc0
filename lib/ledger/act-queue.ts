/**
 * Acts of people on their way into the ledger. They are few, and each stands in the log already: so they wait in memory alone
 * while ClickHouse is away, and the oldest give way where there are too many.
 */
import type { LedgerRow } from './table.js';

export interface ActQueueOptions {
  /** @param token a batch that was written already under it is not written again */
  readonly write: (lines: readonly string[], token: string) => Promise<void>;
  /** What tells the batches of this run from those of others. */
  readonly run: string;
  /** Rows are not written yet, and why; said once until some are. */
  readonly onTrouble: (reason: string) => void;
}

interface Batch {
  readonly lines: readonly string[];
  readonly token: string;
}

const MOST = 1_000;
const RETRY_MS = 5_000;
const MAX_RETRY_MS = 60_000;

export class ActQueue {
  readonly #options: ActQueueOptions;
  #lines: string[] = [];
  /** What is being written, under one token until it is. */
  #batch: Batch | null = null;
  #batches = 0;
  #failures = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Whether a try is under way: what comes meanwhile goes with the next one, and asks for none of its own. */
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ActQueueOptions) {
    this.#options = options;
  }

  add(row: LedgerRow): void {
    this.#lines.push(JSON.stringify(row));
    if (this.#lines.length > MOST) this.#lines.shift();
    if (this.#timer === null && !this.#isWriting) this.#write();
  }

  /** Writes what it has, as far as that can be done at once. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#failures === 0) this.#write();
    await this.#writing;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #write(): void {
    this.#isWriting = true;
    this.#writing = this.#writing.then(() => this.#writeNow());
  }

  async #writeNow(): Promise<void> {
    const batch = this.#batch ?? this.#begin();
    if (batch !== null) await this.#try(batch);
    else this.#isWriting = false;
  }

  async #try(batch: Batch): Promise<void> {
    try {
      await this.#options.write(batch.lines, batch.token);
      this.#isWriting = false;
      this.#batch = null;
      this.#failures = 0;
      this.#timer = null;
      if (this.#lines.length > 0) this.#write();
    } catch (error) {
      this.#isWriting = false;
      if (this.#failures === 0) this.#options.onTrouble((error as Error).message.split('\n', 1)[0] as string);
      this.#failures += 1;
      if (this.#timer !== null) clearTimeout(this.#timer);
      const wait = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** (this.#failures - 1));
      this.#timer = setTimeout(() => this.#write(), wait).unref();
    }
  }

  #begin(): Batch | null {
    if (this.#lines.length === 0) return null;
    this.#batches += 1;
    this.#batch = { lines: this.#lines, token: `${this.#options.run}-act-${this.#batches}` };
    this.#lines = [];
    return this.#batch;
  }
}
