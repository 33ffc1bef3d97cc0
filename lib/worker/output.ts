/**
 * Reads a child's output as fast as it comes, so that the child never waits for us, keeps both ends of it, and sends the
 * first lines on to whoever wants them.
 */
import type { Readable } from 'node:stream';
import { HeadTail } from '../core/head-tail.js';
import { countLineEnds, LineSplitter, stripControl } from '../core/lines.js';

/** Lines of one stream that are sent on; the rest is counted. Both streams get as many: what fails is told on stderr. */
export const FORWARDED_LINES = 100;
const MAX_LINE_BYTES = 4096;

export interface Capture {
  /** Settles when nobody can write to the stream any more, or it was closed. */
  readonly ended: Promise<void>;
  text(): string;
  droppedBytes(): number;
  /** Stops reading, whoever still holds the other end, and sends the last line on. */
  close(): void;
}

/** @param onLine null when nobody wants the lines: then no byte is looked at */
export function capture(stream: Readable, onLine: ((text: string) => void) | null): Capture {
  const kept = new HeadTail();
  const lines = onLine === null ? null : new ForwardedLines(onLine);
  stream.on('data', (chunk: Buffer) => {
    kept.push(chunk);
    lines?.push(chunk);
  });
  const ended = new Promise<void>((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
  });
  return {
    ended,
    text: () => kept.text(),
    droppedBytes: () => kept.droppedBytes,
    close: () => {
      stream.destroy();
      lines?.flush();
    },
  };
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
