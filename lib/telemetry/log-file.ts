/**
 * The file of the log: lines are appended in order, and at a size it is renamed and begun anew. Whoever else deletes, renames or
 * truncates it is followed: before each write, the name is looked up and the size is asked for. Lines that cannot be written
 * wait, are tried again, and go lost only past a bound; nobody waits for them.
 */
import { type FileHandle, mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname, parse } from 'node:path';

const FILES = 5;
/** Lines that may wait for the disk. Past that the file misses lines; the alternative is to run out of memory. */
const MAX_WAITING_LINES = 10_000;
const MAX_WRITE_LINES = 1_000;
const RETRY_MS = 1_000;

export interface LogFileOptions {
  /** The size from which the file is rotated. */
  readonly maxBytes: number;
  /** It cannot be written, with the reason: once until it can be written again. */
  readonly onFailed: (reason: string) => void;
  /** It is written again; so many lines are missing. */
  readonly onWorks: (lost: number) => void;
}

export class LogFile {
  readonly #path: string;
  readonly #options: LogFileOptions;
  #lines: string[] = [];
  #handle: FileHandle | null = null;
  #isWriting = false;
  #retry: NodeJS.Timeout | null = null;
  #failure: string | null = null;
  #lost = 0;
  #lostBefore = 0;

  constructor(path: string, options: LogFileOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Lines that went lost since the start. */
  get lost(): number {
    return this.#lost;
  }

  get isFailing(): boolean {
    return this.#failure !== null;
  }

  get waiting(): number {
    return this.#lines.length;
  }

  write(line: string): void {
    if (this.#lines.length >= MAX_WAITING_LINES) {
      this.#lost += 1;
      // A disk that hangs says nothing.
      return this.#report(`${MAX_WAITING_LINES} lines wait for it`);
    }
    this.#lines.push(line);
    if (this.#retry === null) void this.#writeAll();
  }

  /** To be called when nothing is written any more. */
  async close(): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry);
    if (!this.#isWriting) await this.#close();
  }

  /** Tries what waits at once; the caller looks at `waiting`. */
  flush(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      while (this.#lines.length > 0) await this.#writeSome();
    } catch (error) {
      this.#fail((error as Error).message);
    }
    this.#isWriting = false;
  }

  async #writeSome(): Promise<void> {
    const { handle, size } = await this.#open();
    const lines = this.#takeFor(this.#options.maxBytes - size);
    await append(handle, size, Buffer.from(lines.join('')));
    this.#lines.splice(0, lines.length);
    if (this.#failure === null) return;
    this.#failure = null;
    this.#options.onWorks(this.#lost - this.#lostBefore);
    this.#lostBefore = this.#lost;
  }

  /** As many lines as fill the file, and at least one. */
  #takeFor(bytes: number): readonly string[] {
    let left = bytes;
    const end = this.#lines.findIndex((line, index) => {
      const isFull = index > 0 && left <= 0;
      left -= Buffer.byteLength(line);
      return isFull || index >= MAX_WRITE_LINES;
    });
    return this.#lines.slice(0, end === -1 ? undefined : end);
  }

  /** The file of that name, which may not be the one that was written to before. */
  async #open(): Promise<{ readonly handle: FileHandle; readonly size: number }> {
    const named = await stat(this.#path).catch(() => null);
    if (named?.isFile() && named.size >= this.#options.maxBytes) {
      await this.#rotate();
      return this.#open();
    }
    const held = await this.#handle?.stat();
    if (this.#handle !== null && named !== null && held?.ino === named.ino && held.dev === named.dev) {
      return { handle: this.#handle, size: named.size };
    }
    await this.#close();
    await mkdir(dirname(this.#path), { recursive: true });
    this.#handle = await open(this.#path, 'a');
    return { handle: this.#handle, size: (await this.#handle.stat()).size };
  }

  /** `log.json` becomes `log1.json`, and that `log2.json`; the oldest goes. */
  async #rotate(): Promise<void> {
    await this.#close();
    const { dir, name, ext } = parse(this.#path);
    const aged = (age: number): string => `${dir === '' ? '' : `${dir}/`}${name}${age === 0 ? '' : age}${ext}`;
    for (let age = FILES - 2; age >= 0; age -= 1) {
      await rename(aged(age), aged(age + 1)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    // What a full disk says to the end of a file is no news.
    await handle?.close().catch(() => undefined);
  }

  #fail(reason: string): void {
    // A process that has nothing else to do does not wait for a disk.
    this.#retry = setTimeout(() => this.flush(), RETRY_MS).unref();
    this.#report(reason);
  }

  #report(reason: string): void {
    const isNew = this.#failure === null;
    this.#failure = reason;
    if (isNew) this.#options.onFailed(reason);
  }
}

/** All of it or nothing: of a line that a full disk cut, the beginning is taken back. */
async function append(handle: FileHandle, size: number, bytes: Buffer): Promise<void> {
  let written = 0;
  try {
    while (written < bytes.length) {
      written += (await handle.write(bytes, written)).bytesWritten;
    }
  } catch (error) {
    const { size: now } = await handle.stat();
    if (written > 0 && now === size + written) await handle.truncate(size);
    throw error;
  }
}
