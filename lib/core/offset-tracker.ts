/**
 * The offsets of one partition that were delivered and not yet passed by a commit.
 *
 * Only delivered offsets count: compaction and transaction markers leave gaps in the numbering, and contiguity over the
 * numbers would wait for records that never come. The commit position is therefore the lowest delivered offset that is
 * incomplete, else the highest completed plus one.
 *
 * Kafka delivers a partition in ascending order, so the window is a pair of parallel arrays searched by bisection: no
 * hashing, and completion in any order costs O(log n) whatever the window's width. After a rejoin the client rewinds to
 * the committed offset; what the window knows is recognised there and not begun again.
 */

/** Entries before the head that may pile up before the arrays are trimmed; trimming is then O(1) per completion. */
const TRIM_AT = 4_096;

export type Begun = 'new' | 'in-flight' | 'done' | 'reset';

export class OffsetTracker {
  #offsets: number[] = [];
  #done: boolean[] = [];
  /** Index of the lowest incomplete offset; everything before it is complete. */
  #head = 0;
  /** The position that a commit may name, or null before anything was completed. */
  #position: number | null = null;
  #confirmed: number | null = null;
  #completedAhead = 0;

  /**
   * Takes a delivered offset. `reset` means that the partition went back behind what we had committed (the topic was made
   * anew, or somebody rewound the group): what was known is forgotten and the offset begins as new.
   */
  begin(offset: number): Begun {
    if (this.#confirmed !== null && offset < this.#confirmed) {
      this.#forget();
      this.#offsets.push(offset);
      this.#done.push(false);
      return 'reset';
    }
    const lowest = this.#offsets[this.#head] ?? this.#position;
    if (lowest !== null && offset < lowest) return 'done';
    const index = this.#indexFrom(offset);
    if (this.#offsets[index] === offset) return this.#done[index] === true ? 'done' : 'in-flight';
    this.#offsets.splice(index, 0, offset);
    this.#done.splice(index, 0, false);
    return 'new';
  }

  /** Marks a begun offset complete. An offset that is unknown or complete already changes nothing. */
  complete(offset: number): void {
    const index = this.#indexFrom(offset);
    if (this.#offsets[index] !== offset || this.#done[index] === true) return;
    this.#done[index] = true;
    this.#completedAhead += 1;
    while (this.#head < this.#offsets.length && this.#done[this.#head] === true) {
      this.#position = (this.#offsets[this.#head] as number) + 1;
      this.#head += 1;
      this.#completedAhead -= 1;
    }
    if (this.#head < this.#offsets.length && this.#head > 0) this.#position = this.#offsets[this.#head] as number;
    this.#trim();
  }

  /** The offset to commit, or null when the broker has confirmed all there is. */
  committable(): number | null {
    return this.#position !== null && this.#position !== this.#confirmed ? this.#position : null;
  }

  /** The broker acknowledged a commit of `offset`. */
  confirm(offset: number): void {
    if (this.#confirmed === null || offset > this.#confirmed) this.#confirmed = offset;
  }

  /** Delivered offsets from the lowest incomplete one on: what a crash now would have redelivered. */
  get span(): number {
    return this.#offsets.length - this.#head;
  }

  /** Offsets complete beyond the lowest incomplete one. */
  get completedAhead(): number {
    return this.#completedAhead;
  }

  get incomplete(): number {
    return this.span - this.#completedAhead;
  }

  #forget(): void {
    this.#offsets = [];
    this.#done = [];
    this.#head = 0;
    this.#position = null;
    this.#confirmed = null;
    this.#completedAhead = 0;
  }

  #trim(): void {
    if (this.#head < TRIM_AT && this.#head < this.#offsets.length) return;
    this.#offsets.splice(0, this.#head);
    this.#done.splice(0, this.#head);
    this.#head = 0;
  }

  /** The index of `offset` in the window, or where it would have to be inserted. */
  #indexFrom(offset: number): number {
    const last = this.#offsets.length - 1;
    if (last < this.#head || (this.#offsets[last] as number) < offset) return last + 1;
    let low = this.#head;
    let high = last;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#offsets[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
