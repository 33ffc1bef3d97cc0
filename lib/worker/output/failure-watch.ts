/**
 * Watches the stdout of a loader that may end with exit code 0 although it failed, as AppSentinels' as-cli does: it prints
 * `Error: …` and leaves it at that. The lines are judged as they come, so that nothing depends on how much of the output is
 * kept. A carriage return ends a line as a line feed does, since what is printed after it begins in the first column; and so
 * does whatever else moves the cursor, as programs do that draw a bar or a spinner.
 */
import { stripControl } from '../../util/safe-text.js';
import { HeadTail } from './head-tail.js';

export interface FailurePatterns {
  /** A line that matches one of them is the beginning of a failure. */
  readonly failure: readonly RegExp[];
  /** A later line that matches it ends the failure: the loader tried again and succeeded. */
  readonly success: RegExp;
}

/** Of a longer line only the beginning is looked at. In UTF-16 units. */
const MAX_LINE_LENGTH = 4096;
/** Kept at each end of the text of a failure. */
const KEPT_BYTES = 8 * 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const LINE_END = /[\r\n\b]|\u001b\[[\d;]*[A-Hdf]/;
/** The beginning of such a move at the end of a chunk. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const TORN = /\u001b(\[[\d;]{0,16})?$/;
const MAY_NEED_STRIPPING = /[^\u0020-\u007e]/;

export class FailureWatch {
  readonly #patterns: FailurePatterns;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  /** The line that has not ended yet, and what may be the beginning of its end. */
  #line = '';
  #torn = '';
  #failure: HeadTail | null = null;

  constructor(patterns: FailurePatterns) {
    this.#patterns = patterns;
  }

  push(chunk: Uint8Array): void {
    this.#take(this.#decoder.decode(chunk, { stream: true }));
  }

  /** Nothing more will come: the last line may lack a line end. */
  end(): void {
    this.#take(`${this.#decoder.decode()}\n`);
  }

  /** The lines from the first of a failure on, without ANSI escapes; null when there is none or a success came after it. */
  text(): string | null {
    return this.#failure?.text() ?? null;
  }

  #take(text: string): void {
    const whole = this.#torn + text;
    this.#torn = TORN.exec(whole)?.[0] ?? '';
    const lines = whole.slice(0, whole.length - this.#torn.length).split(LINE_END);
    const last = lines.pop() as string;
    for (const rest of lines) {
      this.#judge(this.#line === '' ? rest : this.#line + rest);
      this.#line = '';
    }
    if (this.#line.length < MAX_LINE_LENGTH) this.#line = (this.#line + last).slice(0, MAX_LINE_LENGTH);
  }

  #judge(raw: string): void {
    if (raw === '') return;
    const cut = raw.length > MAX_LINE_LENGTH ? raw.slice(0, MAX_LINE_LENGTH) : raw;
    const line = MAY_NEED_STRIPPING.test(cut) ? stripControl(cut) : cut;
    if (this.#failure !== null) {
      if (this.#patterns.success.test(line)) this.#failure = null;
      else this.#keep(this.#failure, line);
    } else if (this.#patterns.failure.some((pattern) => pattern.test(line))) {
      this.#failure = new HeadTail(KEPT_BYTES);
      this.#keep(this.#failure, line);
    }
  }

  #keep(failure: HeadTail, line: string): void {
    failure.push(this.#encoder.encode(`${line}\n`));
  }
}
