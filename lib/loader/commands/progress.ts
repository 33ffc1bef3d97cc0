/** The bar of `--progress`: one line of a terminal that is written over and over, and cleared at the end. */

import { bytesText, countText, withoutControl } from '../../util/plain-text.js';
import type { Progress } from '../clickhouse/client.js';

const INTERVAL_MS = 100;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

export interface Shown {
  readonly name: string;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Null until ClickHouse has told any. */
  readonly rows: number | null;
  readonly seconds: number;
}

/** `events.csv  [######------------------]  25 %  2.0 of 8.0 MiB  120,000 rows  3 s`, cut to the width of the terminal. */
export function progressLine({ name, bytes, totalBytes, rows, seconds }: Shown, columns: number): string {
  const part = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const filled = Math.floor(part * BAR_WIDTH);
  const line = [
    withoutControl(name),
    `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`,
    `${Math.floor(part * 100)} %`,
    `${bytesText(bytes)} of ${bytesText(totalBytes)} sent`,
    ...(rows === null ? [] : [countText(rows, 'row')]),
    `${Math.floor(seconds)} s`,
  ].join('  ');
  return line.slice(0, Math.max(0, columns - 1));
}

export class ProgressBar {
  readonly #write: (text: string) => Promise<void>;
  readonly #columns: number;
  readonly #name: string;
  readonly #totalBytes: number;
  readonly #started = process.hrtime();
  #bytes = 0;
  #rows: number | null = null;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(write: (text: string) => Promise<void>, columns: number, file: string, totalBytes: number) {
    this.#write = write;
    this.#columns = columns;
    this.#name = file.slice(file.lastIndexOf('/') + 1);
    this.#totalBytes = totalBytes;
  }

  update({ bytes = this.#bytes, rows = this.#rows ?? undefined }: Progress): void {
    this.#bytes = bytes;
    this.#rows = rows ?? null;
    const [seconds, nanoseconds] = process.hrtime(this.#started);
    const now = seconds * 1000 + nanoseconds / 1e6;
    // The last piece is always drawn: after it, only ClickHouse works.
    if (now - this.#drawnAt < INTERVAL_MS && this.#bytes < this.#totalBytes) return;
    this.#drawnAt = now;
    const shown = { name: this.#name, bytes: this.#bytes, totalBytes: this.#totalBytes, rows: this.#rows, seconds };
    void this.#write(`\r${progressLine(shown, this.#columns)}\u001b[K`);
  }

  async end(): Promise<void> {
    if (this.#drawnAt !== Number.NEGATIVE_INFINITY) await this.#write(CLEAR_LINE);
  }
}
