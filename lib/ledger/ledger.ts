/**
 * Writes the rows of the ledger into ClickHouse, beside the loads and never in their way: what it cannot write waits, in
 * memory and on the disk, and what there is no room for is counted.
 */
import { withinTime } from '../util/deadline.js';
import { ActQueue } from './act-queue.js';
import type { Load } from './load.js';
import { type Batch, LedgerQueue } from './queue.js';
import { Spill } from './spill.js';
import { isDataError, isRefusal, type LedgerStore, type StoreError } from './store.js';
import { toRow } from './table.js';

export interface LedgerOptions {
  readonly store: LedgerStore;
  /** Where rows wait on the disk; null for in memory alone. */
  readonly directory: string | null;
  /** Whether a commit waits until the rows are in the table, however long that takes. */
  readonly required: boolean;
  /** How long a commit waits for the disk; left out for 10 s. */
  readonly diskMs?: number;
  /** What tells the batches of this run from those of others. */
  readonly run: string;
}

export interface LedgerEvents {
  readonly log: (level: 'info' | 'warn' | 'error', event: string, fields: Readonly<Record<string, unknown>>) => void;
  /** ClickHouse does not let the user in. */
  readonly onRefused: () => void;
}

export interface LedgerFigures {
  readonly isUp: boolean;
  readonly written: number;
  /** Rows that are in no table and never will be. */
  readonly lost: number;
  readonly waiting: number;
  readonly bytesOnDisk: number;
}

interface Waiter {
  readonly upTo: number;
  readonly done: () => void;
}

/** How long a commit waits for the disk, which takes some tenths of a millisecond; then none does until it has answered. */
const DISK_MS = 10_000;

export class Ledger {
  readonly acts: ActQueue;
  readonly #options: LedgerOptions;
  readonly #events: LedgerEvents;
  readonly #queue: LedgerQueue;
  readonly #spill: Spill | null;
  #waiters: Waiter[] = [];
  /** One after the other. */
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #isDiskSlow = false;
  #diskError: string | null = null;
  /** Lost when it was last said. */
  #lostBefore = 0;

  constructor(options: LedgerOptions, events: LedgerEvents) {
    const { directory, required, run } = options;
    this.#options = options;
    this.#events = events;
    this.acts = new ActQueue({
      run,
      write: (lines, token) => options.store.writeActs(lines, token),
      onTrouble: (reason) =>
        events.log('warn', 'ledger.away', { reason, consequence: 'acts of people wait; they stand in the log' }),
    });
    const tokenOf = (id: number) => `${run}-${id}`;
    const hasDisk = () => this.#spill?.isBehind === false;
    this.#queue = new LedgerQueue({ hasDisk, mayLose: !required, tokenOf });
    const onStored = (batch: Batch) => this.#queue.stored(batch);
    const onRefused = (batch: Batch, error: Error) => this.#diskRefused(batch, error);
    this.#spill = directory === null ? null : new Spill(directory, { onStored, onRefused });
  }

  /** Takes up what former runs have left. */
  async start(): Promise<void> {
    try {
      const left = (await this.#spill?.left()) ?? [];
      this.#queue.adopt(left);
      if (left.length > 0) this.#wake();
    } catch (error) {
      this.#events.log('warn', 'ledger.disk', { error: (error as Error).message, consequence: DISK_CONSEQUENCE });
    }
  }

  add(loads: readonly Load[]): void {
    if (this.#isClosed) return;
    for (const load of loads) {
      const line = JSON.stringify(toRow(load));
      const batch = this.#queue.add(line, performance.now(), load.finishedAt);
      if (batch?.isOnDisk) this.#spill?.append(batch, line);
      // Where it is full.
      this.#close(false);
    }
    this.#wake();
  }

  /** Before a commit: the rows so far are where they are not lost with this process, as far as there is such a place. */
  async settled(): Promise<void> {
    if (this.#options.required) return this.#written(this.#queue.lastId);
    if (this.#spill === null || this.#isDiskSlow) return;
    const settled = this.#spill.settled();
    this.#isDiskSlow = true;
    void settled.then(() => {
      this.#isDiskSlow = false;
    });
    const { diskMs = DISK_MS } = this.#options;
    await withinTime(settled, diskMs);
    if (!this.#isDiskSlow) return;
    const error = `the state directory has not answered for ${diskMs / 1_000} s`;
    this.#events.log('warn', 'ledger.disk', { error, consequence: DISK_CONSEQUENCE });
  }

  /** `finishedAt` of the oldest row of this run that is not in the table; null where all are. */
  get unwrittenSince(): number | null {
    return this.#queue.oldestMadeAt;
  }

  get figures(): LedgerFigures {
    const { isFailing, written, lost, waiting, bytesOnDisk } = this.#queue;
    return { isUp: !isFailing, written, lost, waiting, bytesOnDisk };
  }

  /** Writes what it has, as far as that can be done at once; the disk keeps the rest. */
  async close(): Promise<void> {
    this.#queue.hasten();
    this.#close(true);
    if (!this.#queue.isFailing || this.#spill === null) await this.#write();
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#spill?.end();
    const { waiting, bytesOnDisk } = this.#queue;
    if (waiting > 0) this.#events.log('warn', 'ledger.left', { rows: waiting, onDisk: bytesOnDisk > 0 });
    await this.acts.close();
    await this.#options.store.close();
  }

  #written(upTo: number): Promise<void> {
    if (this.#queue.isDoneUpTo(upTo)) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ upTo, done }));
  }

  #wake(): void {
    const at = this.#queue.nextAt();
    if (this.#isClosed || at === null || this.#timer !== null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#close(false);
        void this.#write().then(() => this.#wake());
      },
      Math.max(0, at - performance.now()),
    );
    this.#timer.unref();
  }

  #close(isUrgent: boolean): void {
    const batch = this.#queue.close(performance.now(), isUrgent);
    if (batch?.isOnDisk) this.#spill?.close(batch);
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeAll());
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let batch = this.#next(); batch !== null; batch = this.#next()) {
      const lines = batch.lines ?? (await this.#read(batch));
      if (lines === null) continue;
      try {
        await this.#options.store.write(lines, batch.token);
        this.#took(batch);
      } catch (error) {
        this.#failed(batch, error as StoreError);
      }
    }
    this.#sayLost();
  }

  #next(): Batch | null {
    return this.#isClosed ? null : this.#queue.next(performance.now());
  }

  async #read(batch: Batch): Promise<string[] | null> {
    try {
      return (await this.#spill?.read(batch)) ?? [];
    } catch (error) {
      this.#events.log('error', 'ledger.disk', {
        error: (error as Error).message,
        consequence: `${batch.rows} rows are lost`,
      });
      this.#gaveUp(batch);
      return null;
    }
  }

  #took(batch: Batch): void {
    const isBack = this.#queue.succeeded(batch);
    if (batch.hasFile) this.#spill?.remove(batch);
    if (isBack) this.#events.log('info', 'ledger.back', { waiting: this.#queue.waiting });
    this.#release();
  }

  #failed(batch: Batch, error: StoreError): void {
    const reason = error.message.split('\n', 1)[0] as string;
    // What a former run has left is of no commit: of what that one did not commit the rows are made again.
    if (isDataError(error) && (!this.#options.required || batch.id < 0)) {
      this.#events.log('error', 'ledger.rejected', { error: reason, consequence: `${batch.rows} rows are lost` });
      return this.#gaveUp(batch);
    }
    if (isRefusal(error)) this.#events.onRefused();
    if (!this.#queue.failed(batch, performance.now(), Math.random())) return;
    const { required } = this.#options;
    const consequence = required ? 'nothing is committed until its rows are written' : 'loads go on; its rows wait';
    this.#events.log('warn', 'ledger.away', { reason, consequence });
  }

  #gaveUp(batch: Batch): void {
    this.#queue.gaveUp(batch);
    if (batch.hasFile) this.#spill?.remove(batch);
    this.#release();
  }

  #release(): void {
    const isDone = ({ upTo }: Waiter) => this.#queue.isDoneUpTo(upTo);
    const done = this.#waiters.filter(isDone);
    this.#waiters = this.#waiters.filter((waiter) => !isDone(waiter));
    for (const waiter of done) waiter.done();
  }

  #diskRefused(batch: Batch, { message }: Error): void {
    this.#queue.notOnDisk(batch);
    if (this.#diskError === message) return;
    this.#diskError = message;
    this.#events.log('warn', 'ledger.disk', { error: message, consequence: DISK_CONSEQUENCE });
  }

  /** Each time that it goes on after rows were lost. */
  #sayLost(): void {
    const { lost } = this.#queue;
    if (lost === this.#lostBefore || this.#queue.isFailing) return;
    this.#events.log('warn', 'ledger.gap', {
      rows: lost - this.#lostBefore,
      consequence: 'the ledger does not have them',
    });
    this.#lostBefore = lost;
  }
}

const DISK_CONSEQUENCE =
  'rows wait in memory alone, and some are lost when there are too many or the service is killed';
