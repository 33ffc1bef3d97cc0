/**
 * Records that are there more than once: in the topic and, set aside, in the one of those that wait. A crash between the
 * acknowledgement of a copy and the commit of its record leaves both. Of those that are known only one is loaded; it
 * stands for the others, which are complete when it is.
 */
import type { TopicPartition } from '../../types.js';
import type { KeptRecord } from './intake/kept-record.js';
import { isNoLongerOurs, type PendingRecord } from './pending-record.js';

/** Records of a partition that are remembered when they are done. */
const REMEMBERED = 10_000;

/** `first`: nobody stands for it. `copy`: another one does, and it waits for that. `done`: it need not wait. */
export type Met = 'first' | 'copy' | 'done';

class Known {
  /** The one that is worked on, by the place of the original. */
  readonly open = new Map<string, PendingRecord>();
  readonly copies = new Map<string, PendingRecord[]>();
  readonly #done = new Set<string>();

  isDone(key: string): boolean {
    return this.#done.has(key);
  }

  remember(key: string): void {
    this.#done.add(key);
    const [oldest] = this.#done;
    if (this.#done.size > REMEMBERED && oldest !== undefined) this.#done.delete(oldest);
  }
}

export class Copies {
  readonly #topic: string;
  /** By the number of the partition, which is the same in both topics. */
  readonly #known = new Map<number, Known>();

  /** @param topic the one of those that wait */
  constructor(topic: string) {
    this.#topic = topic;
  }

  /** Forgets all partitions but these. */
  keep(owned: Iterable<TopicPartition>): void {
    const numbers = new Set<number>();
    for (const { partition } of owned) numbers.add(partition);
    for (const number of this.#known.keys()) if (!numbers.has(number)) this.#known.delete(number);
  }

  /** A record was delivered. */
  meet(pending: PendingRecord): Met {
    const known = this.#of(pending);
    const key = keyOf(pending.original);
    if (known.isDone(key)) return 'done';
    const open = known.open.get(key);
    if (open === undefined || isNoLongerOurs(open)) {
      known.open.set(key, pending);
      return 'first';
    }
    // Its copy is in the other topic, and no commit has passed that.
    if (pending.owned.topic !== this.#topic) return 'done';
    known.copies.set(key, [...(known.copies.get(key) ?? []), pending]);
    return 'copy';
  }

  /** It is loaded, or its dead letter acknowledged. Returns the copies that are complete by that. */
  finished(pending: PendingRecord): PendingRecord[] {
    const known = this.#of(pending);
    const key = keyOf(pending.original);
    known.remember(key);
    if (known.open.get(key) !== pending) return [];
    known.open.delete(key);
    const copies = known.copies.get(key) ?? [];
    known.copies.delete(key);
    return copies.filter((copy) => !isNoLongerOurs(copy));
  }

  /** A copy of it is acknowledged. Returns that copy where it was delivered already; it has to be worked on now. */
  movedAway(pending: PendingRecord): PendingRecord | null {
    const known = this.#of(pending);
    const key = keyOf(pending.original);
    if (known.open.get(key) !== pending) return null;
    known.open.delete(key);
    return this.#succeed(known, key);
  }

  /** Whether a copy of it waits for it. */
  hasCopy(pending: PendingRecord): boolean {
    return (this.#of(pending).copies.get(keyOf(pending.original)) ?? []).some((copy) => !isNoLongerOurs(copy));
  }

  /** Copies of what is not ours any more: they have to be worked on now. */
  orphans(): PendingRecord[] {
    const orphans: PendingRecord[] = [];
    for (const known of this.#known.values()) {
      for (const key of [...known.copies.keys()]) {
        const open = known.open.get(key);
        if (open !== undefined && !isNoLongerOurs(open)) continue;
        known.open.delete(key);
        const next = this.#succeed(known, key);
        if (next !== null) orphans.push(next);
      }
      for (const [key, open] of known.open) if (isNoLongerOurs(open)) known.open.delete(key);
    }
    return orphans;
  }

  #succeed(known: Known, key: string): PendingRecord | null {
    const [next, ...others] = (known.copies.get(key) ?? []).filter((copy) => !isNoLongerOurs(copy));
    if (others.length > 0) known.copies.set(key, others);
    else known.copies.delete(key);
    if (next === undefined) return null;
    known.open.set(key, next);
    return next;
  }

  #of({ owned }: PendingRecord): Known {
    const known = this.#known.get(owned.partition) ?? new Known();
    this.#known.set(owned.partition, known);
    return known;
  }
}

/** A topic that was made anew has other records at the same offsets. */
function keyOf({ topic, offset, timestamp }: KeptRecord): string {
  return `${topic}/${offset}@${timestamp}`;
}
