/** How far a command has come: a bar that is drawn anew on a terminal, and a line now and then anywhere else. */

import { hasColours } from '../terminal.js';
import { progressLine } from './progress-view.js';

const DRAW_MS = 200;
const LINE_MS = 10_000;
const ERASE = '\r\u001b[K';

/** On stderr, for stdout is for what comes of it. */
export class Progress {
  readonly #what: string;
  readonly #all: number;
  readonly #startedAt = performance.now();
  readonly #onTerminal = process.stderr.isTTY === true;
  #saidAt: number;

  /** @param what is done to each: `replayed` */
  constructor(what: string, all: number) {
    this.#what = what;
    this.#all = all;
    // A bar is there from the beginning; what is over soon needs no line.
    this.#saidAt = this.#onTerminal ? Number.NEGATIVE_INFINITY : this.#startedAt;
  }

  at(done: number): void {
    const now = performance.now();
    if (now - this.#saidAt < (this.#onTerminal ? DRAW_MS : LINE_MS)) return;
    this.#saidAt = now;
    const state = { what: this.#what, done, all: this.#all, seconds: (now - this.#startedAt) / 1_000 };
    const columns = process.stderr.columns ?? 80;
    const line = progressLine(state, this.#onTerminal ? { columns, colours: hasColours(process.stderr) } : null);
    process.stderr.write(this.#onTerminal ? `${ERASE}${line}` : `${line}\n`);
  }

  /** Takes the bar away, for what is written next. */
  end(): void {
    if (this.#onTerminal) process.stderr.write(ERASE);
  }
}
