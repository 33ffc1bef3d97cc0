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
 *
 * Going back further is a reset. A commit may be acknowledged in the middle of such a repetition, so an offset behind it
 * proves nothing as long as the deliveries ascend: only the first one after a join, or a step back, is judged.
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
  /** The position that the broker acknowledged last. */
  #confirmed: number | null = null;
  /** The lowest offset that the next join may rewind to. */
  #floor: number | null = null;
  /** The last delivery since the last join. */
  #last: number | null = null;
  #completedAhead = 0;
  /**
   * Takes a delivered offset. `reset` means that the partition went back behind what we had committed (the topic was made
   * anew, or somebody rewound the group): what this tracker knows is of no use any more, and nothing was begun.
   */
  begin(offset: number): Begun {
    if (this.#isReset(offset)) return 'reset';
    this.#last = offset;
    this.#floor = Math.min(this.#floor ?? offset, offset);
    if (this.#position !== null && offset < this.#position) return 'done';
    const index = this.#indexFrom(offset);
    if (this.#offsets[index] === offset) return this.#done[index] === true ? 'done' : 'in-flight';
    this.#offsets.splice(index, 0, offset);
    this.#done.splice(index, 0, false);
    return 'new';
  }

  /** The group was joined anew: the client now goes back to what the broker knows as committed. */
  rejoined(): void {
    this.#last = null;
    this.#floor = this.#confirmed ?? this.#floor;
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

  /**
   * The broker acknowledged a commit of `offset`. One from before the partition was lost may be acknowledged after its
   * return: it has moved the group, but says nothing about what this tracker completed.
   */
  confirm(offset: number): void {
    if (this.#position !== null && offset <= this.#position) this.#confirmed = offset;
    this.#floor = Math.min(this.#floor ?? offset, offset);
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

  #isReset(offset: number): boolean {
    const isFresh = this.#position === null && this.#offsets.length === 0;
    if (isFresh || (this.#last !== null && offset > this.#last)) return false;
    const floor = this.#last === null ? this.#floor : (this.#confirmed ?? this.#floor);
    return floor !== null && offset < floor;
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
