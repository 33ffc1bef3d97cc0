/**
 * The offsets of one partition that were delivered and not yet passed by a commit.
 *
 * Only delivered offsets count: compaction and transaction markers leave gaps in the numbering, and contiguity over the
 * numbers would wait for records that never come. The commit position is therefore the lowest delivered offset that is
 * incomplete, else the highest completed plus one.
 *
 * Kafka delivers a partition in ascending order, so the window is a few parallel arrays searched by bisection: no
 * hashing, and completion in any order costs O(log n) whatever the window's width. After a rejoin the client rewinds to
 * the committed offset; what the window knows is recognised there and not begun again.
 *
 * Going back further is a reset. A commit may be acknowledged in the middle of such a repetition, so an offset behind it
 * proves nothing as long as the deliveries ascend: only the first one after a join, or a step back, is judged.
 */

import type { Range } from './commit-metadata.js';

/** Entries before the tail that may pile up before the arrays are trimmed; trimming is then O(1) per completion. */
const TRIM_AT = 4_096;

export type Begun = 'new' | 'in-flight' | 'done' | 'reset';

export class OffsetTracker {
  #offsets: number[] = [];
  #done: boolean[] = [];
  /** The records' own times, -1 where there is none. */
  #timestamps: number[] = [];
  /** Index of the lowest incomplete offset; everything before it is complete. */
  #head = 0;
  /** Index of the lowest offset that no acknowledged commit has passed; at most that of the head. */
  #tail = 0;
  /** The position that a commit may name, or null before anything was completed. */
  #position: number | null = null;
  /** The position that the broker acknowledged last. */
  #confirmed: number | null = null;
  /** The lowest offset that the next join may rewind to. */
  #floor: number | null = null;
  /** The last delivery since the last join. */
  #last: number | null = null;
  #completedAhead = 0;
  /** The highest delivered offset. What a previous run completed beyond it does not prove that nothing lies between. */
  #delivered = -1;

  /**
   * Starts from a committed offset and what was completed ahead of it. In a partition that we had already, what another
   * member finished meanwhile is taken over; the offsets that are therefore no longer ours to finish are returned.
   */
  restore(committed: number, completed: readonly Range[]): number[] {
    const isFresh = this.#isFresh;
    const passed: number[] = [];
    for (; (this.#offsets[this.#head] ?? committed) < committed; this.#head += 1) {
      if (this.#done[this.#head] === true) this.#completedAhead -= 1;
      else passed.push(this.#offsets[this.#head] as number);
    }
    this.#position = Math.max(this.#position ?? committed, committed);
    this.#confirmed = committed;
    this.#passTo(committed);
    // In a partition that we had before, the client may have gone back by less than was committed just now.
    this.#floor = isFresh ? committed : Math.min(this.#floor ?? committed, committed);
    for (const [from, to] of completed) {
      for (let offset = Math.max(from, this.#position); offset < to; offset += 1) this.#addCompleted(offset);
    }
    this.#advance();
    return passed;
  }

  /**
   * Takes a delivered offset. `reset` means that the partition went back behind what we had committed (the topic was made
   * anew, or somebody rewound the group): what this tracker knows is of no use any more, and nothing was begun.
   */
  begin(offset: number, timestamp = -1): Begun {
    if (this.#isReset(offset)) return 'reset';
    this.#last = offset;
    this.#floor = Math.min(this.#floor ?? offset, offset);
    if (this.#position !== null && offset < this.#position) return 'done';
    this.#delivered = Math.max(this.#delivered, offset);
    const index = this.#indexFrom(offset);
    if (this.#offsets[index] === offset) {
      const isDone = this.#done[index] === true;
      // An offset that a previous run completed counts for the position once it is delivered.
      this.#advance();
      return isDone ? 'done' : 'in-flight';
    }
    this.#insert(index, offset, false, timestamp);
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
    this.#advance();
  }

  /** The offset to commit: where the partition's next reader begins. Null before anything was delivered. */
  get position(): number | null {
    return this.#position ?? this.#offsets[this.#head] ?? null;
  }

  /** Whether the broker has not confirmed the position, or only an earlier one. */
  get isBehind(): boolean {
    return this.#position !== this.#confirmed;
  }

  /** What is complete beyond the position. Gaps count to the range before them, but only where all was delivered. */
  completedRanges(): Range[] {
    const ranges: [from: number, to: number][] = [];
    let open: [from: number, to: number] | null = null;
    for (let index = this.#head; index < this.#offsets.length; index += 1) {
      const offset = this.#offsets[index] as number;
      if (this.#done[index] !== true) {
        open = null;
      } else if (open === null || (offset > this.#delivered && offset > open[1])) {
        open = [offset, offset + 1];
        ranges.push(open);
      } else {
        open[1] = offset + 1;
      }
    }
    return ranges;
  }

  /**
   * The broker acknowledged a commit of `offset`. One from before the partition was lost may be acknowledged after its
   * return: it has moved the group, but says nothing about what this tracker completed.
   */
  confirm(offset: number): void {
    if (this.#position !== null && offset <= this.#position) {
      this.#confirmed = offset;
      this.#passTo(offset);
    }
    this.#floor = Math.min(this.#floor ?? offset, offset);
  }

  /** Offsets from the lowest incomplete one to the last delivered one: what a crash now would have redelivered. */
  get span(): number {
    return this.#indexFrom(this.#delivered + 1) - this.#head;
  }

  /** Offsets that the position has passed, and no acknowledged commit. */
  get unconfirmed(): number {
    return this.#head - this.#tail;
  }

  /** Offsets complete beyond the lowest incomplete one. */
  get completedAhead(): number {
    return this.#completedAhead;
  }

  get incomplete(): number {
    return this.#offsets.length - this.#head - this.#completedAhead;
  }

  /** The lowest offset that is not complete, delivered or not: below a delivered one there is none. Null before anything is known. */
  get frontier(): number | null {
    return this.#done[this.#head] === false ? (this.#offsets[this.#head] as number) : this.#position;
  }

  /** The time of the lowest incomplete record, in milliseconds since the epoch; null where there is none, or it has no time. */
  get oldestAt(): number | null {
    const timestamp = this.#done[this.#head] === false ? (this.#timestamps[this.#head] as number) : -1;
    return timestamp < 0 ? null : timestamp;
  }

  get #isFresh(): boolean {
    return this.#position === null && this.#offsets.length === 0;
  }

  #isReset(offset: number): boolean {
    if (this.#isFresh || (this.#last !== null && offset > this.#last)) return false;
    const floor = this.#last === null ? this.#floor : (this.#confirmed ?? this.#floor);
    return floor !== null && offset < floor;
  }

  /** A commit of `offset` is acknowledged; it is no higher than the position, so that the tail stays behind the head. */
  #passTo(offset: number): void {
    while ((this.#offsets[this.#tail] ?? offset) < offset) this.#tail += 1;
    this.#trim();
  }

  #addCompleted(offset: number): void {
    const index = this.#indexFrom(offset);
    if (this.#offsets[index] === offset) return;
    this.#insert(index, offset, true, -1);
    this.#completedAhead += 1;
  }

  #insert(index: number, offset: number, done: boolean, timestamp: number): void {
    if (index === this.#offsets.length) {
      this.#offsets.push(offset);
      this.#done.push(done);
      this.#timestamps.push(timestamp);
    } else {
      this.#offsets.splice(index, 0, offset);
      this.#done.splice(index, 0, done);
      this.#timestamps.splice(index, 0, timestamp);
    }
  }

  /** Moves the head over what is complete and was delivered, and the position with it. */
  #advance(): void {
    const before = this.#head;
    while (this.#done[this.#head] === true && (this.#offsets[this.#head] as number) <= this.#delivered) {
      this.#position = (this.#offsets[this.#head] as number) + 1;
      this.#head += 1;
      this.#completedAhead -= 1;
    }
    // There is nothing between the last completed offset and the lowest one that was delivered and is incomplete.
    if (this.#head > before && this.#done[this.#head] === false) this.#position = this.#offsets[this.#head] as number;
  }

  #trim(): void {
    if (this.#tail < TRIM_AT && this.#tail < this.#offsets.length) return;
    this.#offsets.splice(0, this.#tail);
    this.#done.splice(0, this.#tail);
    this.#timestamps.splice(0, this.#tail);
    this.#head -= this.#tail;
    this.#tail = 0;
  }

  /** The index of `offset` in the window, or where it would have to be inserted. */
  #indexFrom(offset: number): number {
    const last = this.#offsets.length - 1;
    if (last < this.#head || (this.#offsets[last] as number) < offset) return last + 1;
    let low = this.#head;
    // Where it stands if none is missing between; gaps only move it towards the head.
    let high = Math.min(last, low + Math.max(0, offset - (this.#offsets[low] as number)));
    if (this.#offsets[high] === offset) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#offsets[middle] as number) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
