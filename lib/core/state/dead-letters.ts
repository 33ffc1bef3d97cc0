/**
 * Dead letters on their way. A record completes only when the broker has acknowledged its letter. What is wrong with one
 * letter is dealt with where it is sent; a refusal that arrives here is the topic's or the cluster's. So the letter is sent
 * again until it is taken, and no record is read meanwhile. Where it does not say whose it is, that is counted, and goes along
 * with the next try.
 */
import type { DeadLetter } from '../events.js';
import { backoff } from '../rules/retry-policy.js';
import type { PendingRecord } from './pending-record.js';

const RESEND = { backoffMs: 1_000, maxBackoffMs: 30_000 };

interface Pending {
  readonly record: PendingRecord;
  readonly letter: DeadLetter;
  failures: number;
  /** How many of them may have been its own fault. */
  unclear: number;
  /** What the broker or the client said at the last refusal. */
  error: string;
  /** When to send it again; null while it is on its way. */
  resendAt: number | null;
}

export interface Refusal {
  readonly letters: number;
  readonly error: string;
}

interface Due {
  readonly id: number;
  readonly letter: DeadLetter;
  readonly unclear: number;
}

export class DeadLetters {
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  get size(): number {
    return this.#pending.size;
  }

  /** Letters on their way, as opposed to waiting for another try. */
  get inFlight(): number {
    let count = 0;
    for (const { resendAt } of this.#pending.values()) if (resendAt === null) count += 1;
    return count;
  }

  /** Whether the dead-letter topic refused the last try of some letter. */
  get failing(): boolean {
    for (const { failures } of this.#pending.values()) if (failures > 0) return true;
    return false;
  }

  /** How many letters were refused at their last try, and what was said to one of them; null where there are none. */
  get refusal(): Refusal | null {
    const refused = [...this.#pending.values()].filter(({ failures }) => failures > 0);
    const [first] = refused;
    return first === undefined ? null : { letters: refused.length, error: first.error };
  }

  add(record: PendingRecord, letter: DeadLetter): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#pending.set(id, { record, letter, failures: 0, unclear: 0, error: '', resendAt: null });
    return id;
  }

  /** The letter was acknowledged; returns its record. */
  acknowledged(id: number): PendingRecord | null {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending?.record ?? null;
  }

  refused(id: number, error: string, now: number, random: number, isUnclear = false): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.failures += 1;
    if (isUnclear) pending.unclear += 1;
    pending.error = error;
    pending.resendAt = now + backoff(pending.failures, RESEND, random);
  }

  nextAt(): number | null {
    let next: number | null = null;
    for (const { resendAt } of this.#pending.values()) {
      if (resendAt !== null && (next === null || resendAt < next)) next = resendAt;
    }
    return next;
  }

  /** Letters to be sent again now; those of lost partitions are forgotten, their new owner sends its own. */
  due(now: number): Due[] {
    const due: Due[] = [];
    for (const [id, pending] of this.#pending) {
      if (pending.resendAt === null) continue;
      if (pending.record.owned.lost) this.#pending.delete(id);
      else if (pending.resendAt <= now) {
        pending.resendAt = null;
        due.push({ id, letter: pending.letter, unclear: pending.unclear });
      }
    }
    return due;
  }
}
