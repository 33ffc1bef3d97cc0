/**
 * Takes a child's output as fast as it comes, so that the child never waits for us, keeps both ends of it, and sends the
 * first lines on to the log.
 */

import { stripControl } from '../../util/safe-text.js';
import { HeadTail } from './head-tail.js';
import { countLineEnds, LineSplitter } from './line-splitter.js';

/** Lines of one stream that are sent on; the rest is counted. Both streams get as many: failures are printed to stderr. */
export const FORWARDED_LINES = 100;
const MAX_LINE_BYTES = 4096;

export class Capture {
  readonly #kept = new HeadTail();
  readonly #lines: ForwardedLines | null;

  /** @param onLine null when nobody wants the lines: then no byte is looked at */
  constructor(onLine: ((text: string) => void) | null) {
    this.#lines = onLine === null ? null : new ForwardedLines(onLine);
  }

  push(chunk: Uint8Array): void {
    this.#kept.push(chunk);
    this.#lines?.push(chunk);
  }

  /** Nothing more will come: sends the last line on, which may lack a line end. */
  end(): void {
    this.#lines?.flush();
  }

  /** The last of what came so far, as text. */
  lately(bytes: number): string {
    return new TextDecoder().decode(this.#kept.end(bytes));
  }

  text(): string {
    return this.#kept.text();
  }

  get droppedBytes(): number {
    return this.#kept.droppedBytes;
  }
}

class ForwardedLines {
  readonly #onLine: (text: string) => void;
  readonly #splitter: LineSplitter;
  #seen = 0;

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
    this.#splitter = new LineSplitter(MAX_LINE_BYTES, (line) => {
      this.#seen++;
      if (this.#seen <= FORWARDED_LINES) this.#onLine(stripControl(line));
    });
  }

  push(chunk: Uint8Array): void {
    // Past the limit lines are only counted: cutting 200 MB of short lines costs seconds, counting them a fraction of one.
    if (this.#seen > FORWARDED_LINES) this.#seen += countLineEnds(chunk);
    else this.#splitter.push(chunk);
  }

  flush(): void {
    if (this.#seen <= FORWARDED_LINES) this.#splitter.flush();
    const dropped = this.#seen - FORWARDED_LINES;
    if (dropped > 0) this.#onLine(`[${dropped} more lines not shown]`);
  }
}
