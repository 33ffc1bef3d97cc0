/**
 * How many loads may run at the same time, found out from how they fare: one more as long as more are of use, and a share
 * fewer when ClickHouse refuses for want of room, when loads only wait for one another, or when the machine has too much to do.
 *
 * What a load costs is its seconds per MiB. While more slots are of use it stays the same; when they are not, it grows as they
 * do. So the least that it lately was tells how many of the slots only wait. Such a decrease is also a question: if loads cost
 * as much with fewer slots, it is the files or ClickHouse that have changed, and the slots are given back.
 */
import type { Outcome } from '../../types.js';
import type { MachineLoad, SlotChange, SlotReason } from '../events.js';

/** The end of a load, as far as it tells something about their number. */
export interface LoadEnd {
  readonly startedAt: number;
  /** How many ran when it ended, with itself. */
  readonly running: number;
  /** What the file has, by the loader or else by its message. */
  readonly bytes: number;
  readonly outcome: Pick<Outcome, 'result' | 'reason' | 'stderrTail' | 'durationMs'>;
}

const MIB = 1024 * 1024;
/** What `thread_pool_size` is by default. */
const FIRST = 4;
/** Ended loads after which it is looked how they fared; with more slots than that as many as there are. */
const PERIOD = 10;
/** Periods whose least cost is remembered. */
const REMEMBERED = 20;
/** Slots that may be found to wait for others before there are fewer, at least and as a share. */
const IDLE = 2;
const IDLE_SHARE = 0.3;
/** One odd period is none. */
const SLOW_PERIODS = 2;
const DECREASE = 0.75;
/** Of the slots that do not wait, so many are kept: then the next period tells what a load costs without waiting. */
const BELOW = 0.9;
/** Periods without growth after a refusal, which costs a file its turn. */
const REST = 5;
/** The load of the machine tells of the last minute. */
const MACHINE_MS = 60_000;
const BUSY: MachineLoad = { perProcessor: 1.5, freeMemory: 0.1 };
const OVERLOADED: MachineLoad = { perProcessor: 4, freeMemory: 0.05 };

/** Too many queries at a time, want of memory, and too many parts: by the bundled loader, and by ClickHouse's own words. */
const REFUSALS =
  /\berror (?:202|241|252)\b|\bCode: (?:202|241|252)\b|TOO_MANY_SIMULTANEOUS_QUERIES|MEMORY_LIMIT_EXCEEDED|TOO_MANY_PARTS/;

export class AdaptiveSlots {
  /** How many there may be at the most, and threads there are. */
  readonly max: number;
  readonly isAdaptive: boolean;
  limit: number;
  /** Why there are so many, and since when; null before the first change. */
  reason: SlotReason = 'started';
  since: number | null = null;
  /** What loads cost in the last periods. */
  #costs: number[] = [];
  /** Of this period: loads, their seconds and MiB, and whether all slots were taken once. */
  #ended = 0;
  #seconds = 0;
  #mib = 0;
  #isReached = false;
  #slowPeriods = 0;
  #rest = 0;
  /** Before the slots became fewer because loads were slower. */
  #asked: { readonly limit: number; readonly cost: number } | null = null;
  #isBusy = false;
  #machineChangedAt = Number.NEGATIVE_INFINITY;

  constructor(max: number, isAdaptive: boolean) {
    this.max = max;
    this.isAdaptive = isAdaptive;
    this.limit = isAdaptive ? Math.min(FIRST, max) : max;
  }

  /** Returns what changes, or null. */
  ended({ startedAt, running, bytes, outcome }: LoadEnd, now: number): SlotChange | null {
    // What was begun with another number of slots tells nothing about this one.
    if (!this.isAdaptive || (this.since !== null && startedAt < this.since)) return null;
    if (isRefusal(outcome)) {
      this.#rest = REST;
      this.#asked = null;
      return this.#change(Math.floor(this.limit * DECREASE), 'refused', now);
    }
    if (outcome.result !== 'succeeded') return null;
    this.#ended += 1;
    this.#seconds += outcome.durationMs / 1000;
    // The start of a loader costs about as much as a MiB.
    this.#mib += bytes / MIB + 1;
    this.#isReached ||= running >= this.limit;
    return this.#ended < Math.max(PERIOD, this.limit) ? null : this.#endPeriod(now);
  }

  machine(load: MachineLoad, now: number): SlotChange | null {
    this.#isBusy = isBeyond(load, BUSY);
    if (!this.isAdaptive || !isBeyond(load, OVERLOADED) || now - this.#machineChangedAt < MACHINE_MS) return null;
    this.#machineChangedAt = now;
    this.#asked = null;
    return this.#change(Math.floor(this.limit * DECREASE), 'machine', now);
  }

  #endPeriod(now: number): SlotChange | null {
    const cost = this.#seconds / this.#mib;
    const isReached = this.#isReached;
    const asked = this.#asked;
    this.#beginPeriod();
    this.#asked = null;
    if (asked !== null && cost > asked.cost * BELOW) {
      this.#costs = [cost];
      return this.#change(asked.limit, 'not-slower', now);
    }
    this.#costs = [...this.#costs, cost].slice(-REMEMBERED);
    const useful = Math.min(1, leastOf(this.#costs) / cost) * this.limit;
    const isSlow = this.limit - useful > Math.max(IDLE, this.limit * IDLE_SHARE);
    this.#slowPeriods = isSlow ? this.#slowPeriods + 1 : 0;
    if (this.#slowPeriods >= SLOW_PERIODS) {
      this.#slowPeriods = 0;
      this.#asked = { limit: this.limit, cost };
      // Else what loads cost with too many slots would in time be taken for the least that they cost.
      this.#costs = [];
      return this.#change(Math.floor(useful * BELOW), 'slower', now);
    }
    this.#rest = Math.max(0, this.#rest - 1);
    if (isSlow || !isReached || this.#isBusy || this.#rest > 0) return null;
    return this.#change(this.limit + 1, 'useful', now);
  }

  #change(to: number, reason: SlotReason, now: number): SlotChange | null {
    const before = this.limit;
    this.limit = Math.max(1, Math.min(this.max, to));
    if (this.limit === before) return null;
    this.reason = reason;
    this.since = now;
    this.#beginPeriod();
    return { slots: this.limit, before, reason };
  }

  #beginPeriod(): void {
    this.#ended = 0;
    this.#seconds = 0;
    this.#mib = 0;
    this.#isReached = false;
  }
}

/** The lowest of them but for one in eight, for some are low by chance. */
function leastOf(costs: readonly number[]): number {
  const ascending = [...costs].sort((a, b) => a - b);
  return ascending[Math.floor(ascending.length / 8)] as number;
}

/** The words are believed where the end is ClickHouse's own: a file may hold any words. */
function isRefusal({ result, reason, stderrTail }: LoadEnd['outcome']): boolean {
  return result === 'sink-unavailable' && REFUSALS.test(`${reason}\n${stderrTail}`);
}

function isBeyond({ perProcessor, freeMemory }: MachineLoad, bound: MachineLoad): boolean {
  return perProcessor > bound.perProcessor || freeMemory < bound.freeMemory;
}
