/**
 * Bytes of output -> lines of text. Lines are split as bytes: 0x0A is never part of a longer UTF-8 sequence, so a
 * character that is torn between two chunks is whole again before it is decoded.
 */
import { CUT_MARK } from '../../util/safe-text.js';

const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits a stream of bytes into lines, LF or CR LF. A line longer than `maxBytes` is cut and marked with an ellipsis; what
 * is cut off is not kept, so that a stream without any line end costs no memory.
 */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  readonly #pending: Uint8Array;
  #length = 0;
  #cut = false;

  constructor(maxBytes: number, onLine: (line: string) => void) {
    this.#pending = new Uint8Array(maxBytes);
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    let from = 0;
    while (from < chunk.length) {
      const lineEnd = chunk.indexOf(LF, from);
      this.#keep(chunk.subarray(from, lineEnd === -1 ? chunk.length : lineEnd));
      if (lineEnd === -1) return;
      this.#end();
      from = lineEnd + 1;
    }
  }

  /** The stream has ended: its last line may lack a line end. */
  flush(): void {
    if (this.#length > 0) this.#end();
  }

  #keep(bytes: Uint8Array): void {
    const room = this.#pending.length - this.#length;
    if (bytes.length > room) this.#cut = true;
    const kept = bytes.length > room ? bytes.subarray(0, room) : bytes;
    this.#pending.set(kept, this.#length);
    this.#length += kept.length;
  }

  #end(): void {
    const hasReturn = !this.#cut && this.#length > 0 && this.#pending[this.#length - 1] === CR;
    const bytes = this.#pending.subarray(0, hasReturn ? this.#length - 1 : this.#length);
    // `stream` holds back the first half of a character that the cut went through.
    const line = new TextDecoder().decode(bytes, { stream: this.#cut });
    const cut = this.#cut;
    this.#length = 0;
    this.#cut = false;
    this.#onLine(cut ? line + CUT_MARK : line);
  }
}

/** How many line ends are in `chunk`. */
export function countLineEnds(chunk: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < chunk.length; i++) if (chunk[i] === LF) count++;
  return count;
}
