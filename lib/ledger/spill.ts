/**
 * The rows that are not written yet, on the disk: a file for each batch, which is deleted when its rows are in the table. So
 * they outlast the process, and a ClickHouse that is away for long. A file is called after its batch's token, and ends with
 * `.part` until the batch is closed. One step after the other, beside the event loop: a disk that hangs holds nothing else up.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Batch } from './queue.js';

const CLOSED = '.rows';
const OPEN = '.part';
/** What waits for a disk that does not answer, in characters. It stands in memory. */
const MAX_PENDING = 4 * 1024 * 1024;

export interface SpillEvents {
  /** The disk has all rows of this batch that were given. */
  readonly onStored: (batch: Batch) => void;
  /** The disk did not take rows of this batch. */
  readonly onRefused: (batch: Batch, error: Error) => void;
}

export interface Left {
  readonly token: string;
  readonly rows: number;
  readonly bytes: number;
}

export class Spill {
  readonly #directory: string;
  readonly #events: SpillEvents;
  /** What is done after all that was asked for before. It never rejects. */
  #last: Promise<void> = Promise.resolve();
  /** Lines that the next step takes along. */
  #pending: { readonly batch: Batch; readonly lines: string[] } | null = null;
  /** Of all lines that no step has taken to its end. */
  #pendingSize = 0;
  #file: { readonly token: string; readonly handle: FileHandle } | null = null;

  /** @param directory it is made where it is missing */
  constructor(directory: string, events: SpillEvents) {
    this.#directory = directory;
    this.#events = events;
  }

  /** What former runs have left, the oldest first; before any row of this one. @throws Error where the directory is of no use */
  left(): Promise<Left[]> {
    const found = this.#last.then(() => this.#takeUp());
    this.#last = found.then(
      () => undefined,
      () => undefined,
    );
    return found;
  }

  async #takeUp(): Promise<Left[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o750 });
    const found: (Left & { readonly at: number })[] = [];
    for (const name of await readdir(this.#directory)) {
      if (!name.endsWith(CLOSED) && !name.endsWith(OPEN)) continue;
      const { mtimeMs, size } = await stat(this.#path(name));
      const text = await readFile(this.#path(name), 'utf8');
      const lines = linesOf(text);
      // Of a disk that was full, or of a process that ended there.
      if (lines.length === 0) {
        await rm(this.#path(name));
        continue;
      }
      // Its end may be missing, and its token belongs to the whole.
      const token = name.endsWith(OPEN) ? `${name.slice(0, -OPEN.length)}-left` : name.slice(0, -CLOSED.length);
      if (name.endsWith(OPEN)) await rename(this.#path(name), this.#path(token + CLOSED));
      found.push({ token, rows: lines.length, bytes: size, at: mtimeMs });
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /** Whether no further batch is to be given, as the disk hangs. */
  get isBehind(): boolean {
    return this.#pendingSize >= MAX_PENDING;
  }

  /** Lines of one batch; those of several calls go to the disk together. */
  append(batch: Batch, line: string): void {
    this.#pendingSize += line.length;
    if (this.#pending?.batch === batch) {
      this.#pending.lines.push(line);
      return;
    }
    const pending = { batch, lines: [line] };
    this.#pending = pending;
    this.#do(async () => {
      if (this.#pending === pending) this.#pending = null;
      try {
        await this.#write(batch, pending.lines);
      } finally {
        for (const { length } of pending.lines) this.#pendingSize -= length;
      }
    }, batch);
  }

  /** No line of it follows. */
  close(batch: Batch): void {
    this.#pending = null;
    this.#do(async () => {
      if (this.#file?.token !== batch.token) return;
      const { handle } = this.#file;
      this.#file = null;
      await handle.close();
      await rename(this.#path(batch.token + OPEN), this.#path(batch.token + CLOSED));
      this.#events.onStored(batch);
    }, batch);
  }

  /** After all that was asked for before. One that was refused is still called as an open one. */
  remove(batch: Batch): void {
    this.#do(async () => {
      for (const end of [CLOSED, OPEN]) await rm(this.#path(batch.token + end), { force: true });
    }, null);
  }

  /** @throws Error that says why it cannot be read */
  async read({ token }: Batch): Promise<string[]> {
    await this.#last;
    return linesOf(await readFile(this.#path(token + CLOSED), 'utf8'));
  }

  /** Resolves when the disk has, or has refused, all that was given until now. */
  settled(): Promise<void> {
    return this.#last;
  }

  /** What is open is left as it is for the next run. */
  async end(): Promise<void> {
    this.#do(async () => {
      await this.#file?.handle.close();
      this.#file = null;
    }, null);
    await this.#last;
  }

  async #write({ token }: Batch, lines: readonly string[]): Promise<void> {
    if (this.#file?.token !== token) {
      await this.#file?.handle.close();
      this.#file = null;
      this.#file = { token, handle: await open(this.#path(token + OPEN), 'a', 0o640) };
    }
    await this.#file.handle.appendFile(lines.map((line) => `${line}\n`).join(''));
  }

  #do(step: () => Promise<void>, batch: Batch | null): void {
    this.#last = this.#last.then(step).catch((error: unknown) => {
      if (batch !== null) this.#events.onRefused(batch, error as Error);
    });
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** The last line may be cut off: the process ended there. */
function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1);
}
