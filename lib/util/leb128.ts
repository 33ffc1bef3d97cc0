/**
 * Unsigned LEB128, which Protocol Buffers call a varint: seven bits of the number per byte, the lowest first; the highest bit
 * says that another byte follows. Numbers of more than 53 bits are rounded.
 */

/** Seven bits each: as many as 64 bits need. */
const MAX_BYTES = 10;

/** Appends a whole number from 0 to 2^53 to `bytes`. */
export function writeLeb128(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}

/** Reads one number after another; `at`, the place of the next one, may be moved. */
export class Leb128Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** NaN where the bytes end before the number does, or it has more than 64 bits; `at` is then of no use. */
  next(): number {
    let value = 0;
    let factor = 1;
    for (let read = 0; read < MAX_BYTES; read += 1) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) return Number.NaN;
      this.at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    return Number.NaN;
  }
}
