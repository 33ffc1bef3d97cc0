/** Notices on their way: one of each kind at most, one after the other, repeated for a while. Pure: time is an argument. */
import { KINDS, type Kind, type Notice } from './notices.js';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** With those waits some five minutes. */
const MOST_ATTEMPTS = 10;
/** Between two notices of one kind. */
const QUIET_MS = 5 * 60_000;

interface Waiting {
  readonly notice: Notice;
  readonly attempts: number;
  readonly at: number;
}

export class Outbox {
  readonly #waiting = new Map<Kind, Waiting>();
  readonly #quietUntil = new Map<Kind, number>();

  /** One that waits is replaced by the newer one, which says more. */
  add(notice: Notice, now: number): void {
    const { attempts = 0, at = Math.max(now, this.#quietUntil.get(notice.kind) ?? now) } =
      this.#waiting.get(notice.kind) ?? {};
    this.#waiting.set(notice.kind, { notice, attempts, at });
  }

  /** The one to be sent now; null where none is. */
  due(now: number): Notice | null {
    for (const kind of KINDS) {
      const waiting = this.#waiting.get(kind);
      if (waiting !== undefined && waiting.at <= now) return waiting.notice;
    }
    return null;
  }

  /** When the next one is due; null where none waits. */
  nextAt(): number | null {
    const times = [...this.#waiting.values()].map(({ at }) => at);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** It has arrived, or it never will. One that came meanwhile is kept for later. */
  settle(notice: Notice, now: number): void {
    const { kind } = notice;
    this.#quietUntil.set(kind, now + QUIET_MS);
    const waiting = this.#waiting.get(kind);
    if (waiting === undefined) return;
    if (waiting.notice === notice) this.#waiting.delete(kind);
    else this.#waiting.set(kind, { notice: waiting.notice, attempts: 0, at: now + QUIET_MS });
  }

  /** Whether the attempt that is under way is the last one. */
  isLast(kind: Kind): boolean {
    return (this.#waiting.get(kind)?.attempts ?? 0) + 1 >= MOST_ATTEMPTS;
  }

  /** It was not taken, and is to be sent again. */
  postpone(notice: Notice, now: number): void {
    const waiting = this.#waiting.get(notice.kind);
    const attempts = (waiting?.attempts ?? 0) + 1;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1));
    this.#waiting.set(notice.kind, { notice: waiting?.notice ?? notice, attempts, at: now + wait });
  }

  /** There is nothing to tell after all. */
  forget(kind: Kind): void {
    this.#waiting.delete(kind);
  }

  /** All that wait, which are then forgotten. */
  clear(): readonly Notice[] {
    const left = [...this.#waiting.values()].map(({ notice }) => notice);
    this.#waiting.clear();
    return left;
  }
}
