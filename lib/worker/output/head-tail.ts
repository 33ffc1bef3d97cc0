/**
 * Keeps the first and the last bytes of a stream and counts those between. It costs the same memory for 5 GB as for
 * 128 KiB, and nothing is decoded before someone asks for the text.
 */

/** Bytes kept at each end. */
export const KEPT_BYTES = 64 * 1024;

export class HeadTail {
  readonly #capacity: number;
  // Both are made when first needed: most children write a few lines or nothing.
  #head: Uint8Array | null = null;
  #tail: Uint8Array | null = null;
  #total = 0;

  constructor(capacity: number = KEPT_BYTES) {
    this.#capacity = capacity;
  }

  /** Bytes that were pushed and are no longer kept. */
  get droppedBytes(): number {
    return Math.max(0, this.#total - 2 * this.#capacity);
  }

  push(chunk: Uint8Array): void {
    const headRoom = Math.max(0, this.#capacity - this.#total);
    if (headRoom > 0 && chunk.length > 0) {
      this.#head ??= new Uint8Array(this.#capacity);
      this.#head.set(chunk.subarray(0, headRoom), this.#total);
    }
    this.#total += Math.min(headRoom, chunk.length);
    if (chunk.length > headRoom) this.#pushTail(chunk.subarray(headRoom));
  }

  /** The last so many bytes, or all that there are; of more than the capacity that many. */
  end(most: number): Uint8Array {
    const inHead = Math.min(this.#total, this.#capacity);
    const head = this.#head?.subarray(0, inHead) ?? new Uint8Array(0);
    const tail = this.#tailBytes();
    const missing = Math.min(most - tail.length, inHead);
    if (missing <= 0) return tail.subarray(tail.length - Math.min(most, tail.length));
    return this.droppedBytes > 0 ? tail : concat(head.subarray(inHead - missing), tail);
  }

  /** What is kept, as text; bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    if (this.#total === 0) return '';
    const head = this.#head?.subarray(0, Math.min(this.#total, this.#capacity)) ?? new Uint8Array(0);
    const tail = this.#tailBytes();
    if (this.droppedBytes === 0) return new TextDecoder().decode(concat(head, tail));
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return `${decode(head)}\n[${this.droppedBytes} bytes left out]\n${decode(tail)}`;
  }

  /** A ring: byte n of the stream stands at `(n - capacity) % capacity`. */
  #pushTail(bytes: Uint8Array): void {
    const ring = this.#tail ?? new Uint8Array(this.#capacity);
    this.#tail = ring;
    const skipped = Math.max(0, bytes.length - this.#capacity);
    const kept = bytes.subarray(skipped);
    const at = (this.#total + skipped - this.#capacity) % this.#capacity;
    const toEnd = Math.min(kept.length, this.#capacity - at);
    ring.set(kept.subarray(0, toEnd), at);
    ring.set(kept.subarray(toEnd), 0);
    this.#total += bytes.length;
  }

  #tailBytes(): Uint8Array {
    const inTail = this.#total - this.#capacity;
    if (this.#tail === null || inTail <= 0) return new Uint8Array(0);
    if (inTail <= this.#capacity) return this.#tail.subarray(0, inTail);
    const oldest = inTail % this.#capacity;
    return concat(this.#tail.subarray(oldest), this.#tail.subarray(0, oldest));
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a, 0);
  joined.set(b, a.length);
  return joined;
}
