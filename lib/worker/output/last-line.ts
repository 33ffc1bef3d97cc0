/** What a child that runs has said last, for who looks on. Nothing is decoded before somebody asks. */
import { lastLine, shorten, stripControl } from '../../util/safe-text.js';
import type { Capture } from './capture.js';
import type { Mask } from './secrets.js';

/** Of the end of the output; a longer line is shown from there on. */
const LOOKED_AT_BYTES = 4_096;
const MAX_LENGTH = 200;

export class LastLine {
  readonly #mask: Mask;
  #latest: Capture | null = null;

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /** That one has got more. */
  wrote(capture: Capture): void {
    this.#latest = capture;
  }

  /** Empty before there is a line. A bar that is drawn again and again over itself is the last one drawn. */
  text(): string {
    if (this.#latest === null) return '';
    // Masked before it is cut, and again where a secret was torn by escapes.
    const said = this.#mask(this.#latest.lately(LOOKED_AT_BYTES)).replaceAll('\r', '\n');
    return shorten(this.#mask(stripControl(lastLine(said))), MAX_LENGTH);
  }
}
