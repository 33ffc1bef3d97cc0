/**
 * What must wait for longer than the window of its partition is set aside: copied to the topic of those that wait, on the
 * partition of the same number, and complete here when the copy is acknowledged. So a tenant that is paused, or a table that
 * is held, keeps no partition from being read. The copies are read like any other record, and set aside again when there
 * too the window is full of them.
 *
 * At most a hundred records of a partition are on their way or not committed, so that a crash leaves no more of them twice.
 */
import type { Effect, EngineEvent } from '../events.js';
import type { WaitingTopic } from '../rules/headers.js';
import { backoff } from '../rules/retry-policy.js';
import type { Commits } from './commits.js';
import { heldBy, released } from './intake/kept-record.js';
import type { JobState } from './job-state.js';
import type { Jobs } from './jobs.js';
import type { PartitionState } from './partition-state.js';
import { type Begun, isNoLongerOurs, type PendingRecord } from './pending-record.js';
import type { Records } from './records.js';

const BATCH_RECORDS = 100;
/** Below what brokers take at once by default. */
const BATCH_BYTES = 512 * 1024;
/** How long a copy stays where it is. */
const AGAIN_MS = 5 * 60_000;
/** How soon it is looked again where nothing was to be moved. */
const LOOK_MS = 1_000;
const RETRY = { backoffMs: 1_000, maxBackoffMs: 30_000 };

interface Batch {
  readonly owned: PartitionState;
  readonly records: readonly PendingRecord[];
  readonly states: readonly JobState[];
}

interface Progress {
  batchId: number | null;
  /** The commit that has to be acknowledged first. */
  after: number;
  notBefore: number;
  failures: number;
}

type Failed = Extract<EngineEvent, { readonly type: 'set-aside-failed' }>;

export class SetAsides {
  #moved = 0;
  #offBecause: string | null = null;
  readonly #waiting: WaitingTopic | null;
  readonly #records: Records;
  readonly #jobs: Jobs;
  readonly #commits: Commits;
  readonly #enqueue: (begun: Begun, now: number) => void;
  readonly #emit: (effect: Effect) => void;
  readonly #batches = new Map<number, Batch>();
  readonly #progress = new WeakMap<PartitionState, Progress>();
  /** Too large for the topic with what is added to them. */
  readonly #unfit = new WeakSet<PendingRecord>();
  /** As it was when it was last looked at. */
  #assignment: Iterable<PartitionState> = [];
  #nextId = 1;
  #nextAt: number | null = null;

  constructor(
    waiting: WaitingTopic | null,
    parts: {
      readonly records: Records;
      readonly jobs: Jobs;
      readonly commits: Commits;
      readonly enqueue: (begun: Begun, now: number) => void;
    },
    emit: (effect: Effect) => void,
  ) {
    this.#waiting = waiting;
    this.#records = parts.records;
    this.#jobs = parts.jobs;
    this.#commits = parts.commits;
    this.#enqueue = parts.enqueue;
    this.#emit = emit;
  }

  get status(): { readonly records: number; readonly offBecause: string | null } | null {
    return this.#waiting === null ? null : { records: this.#moved, offBecause: this.#offBecause };
  }

  /** When `advance` may do something although nothing else happens; null where it will not. */
  get nextAt(): number | null {
    return this.#nextAt;
  }

  /**
   * Sends what has to make room.
   *
   * @param needsRoom whether a partition is not read for want of room
   * @returns whether jobs were taken out: another one of a held table may have to be tried in place of one of them
   */
  advance(needsRoom: (owned: PartitionState) => boolean, now: number): boolean {
    this.#nextAt = null;
    let hasMoved = false;
    const all = this.#records.assignment.values();
    if (all !== this.#assignment) this.#records.copies?.keep(all);
    this.#assignment = all;
    if (this.#waiting === null || this.#offBecause !== null || !this.#jobs.isHoldingBack) return false;
    for (const owned of all) {
      const progress = this.#of(owned);
      if (!needsRoom(owned) || progress.batchId !== null || !this.#commits.isAcknowledged(progress.after)) continue;
      if (progress.notBefore <= now) hasMoved = this.#move(owned, progress, now) || hasMoved;
      if (progress.batchId === null) this.#nextAt = Math.min(this.#nextAt ?? progress.notBefore, progress.notBefore);
    }
    return hasMoved;
  }

  /** The copies are acknowledged. */
  done(batchId: number, now: number): void {
    const batch = this.#take(batchId);
    if (batch === null) return;
    const progress = this.#of(batch.owned);
    progress.failures = 0;
    progress.after = this.#commits.nextNumber;
    const records = batch.records.filter((pending) => !isNoLongerOurs(pending));
    if (records.length === 0) return;
    this.#moved += records.length;
    const { topic, partition } = batch.owned;
    this.#emit({ type: 'records-set-aside', partition: { topic, partition }, records: records.length });
    this.#moveAway(records, now);
  }

  failed({ batchId, error, isForbidden, isTooLarge }: Failed, now: number): void {
    if (isForbidden && this.#offBecause === null) {
      this.#offBecause = error;
      this.#emit({ type: 'set-aside-off', reason: error });
    }
    const batch = this.#take(batchId);
    if (batch === null) return;
    this.#jobs.putBack(batch.states.filter(({ pending }) => !isNoLongerOurs(pending)));
    const progress = this.#of(batch.owned);
    progress.failures += 1;
    progress.notBefore = now + backoff(progress.failures, RETRY, 1);
    const [only] = batch.records;
    if (isTooLarge && batch.records.length === 1 && only !== undefined) this.#unfit.add(only);
  }

  #take(batchId: number): Batch | null {
    const batch = this.#batches.get(batchId);
    if (batch === undefined) return null;
    this.#batches.delete(batchId);
    this.#of(batch.owned).batchId = null;
    return batch;
  }

  /** Another member finished these records; some of them may be on their way. */
  finishedElsewhere(of: PartitionState, offsets: ReadonlySet<number>, now: number): void {
    for (const { owned, records } of this.#batches.values()) {
      if (owned !== of) continue;
      for (const pending of records) if (offsets.has(pending.record.offset)) this.#records.finishElsewhere(pending);
    }
    this.adopt(now);
  }

  /** Copies that were to wait for a record which is not ours any more stand for it. */
  adopt(now: number): void {
    for (const copy of this.#records.copies?.orphans() ?? []) this.#enqueue(this.#records.takeOver(copy, now), now);
  }

  /** A copy that was delivered already stands for its record from now on. */
  #moveAway(records: readonly PendingRecord[], now: number): void {
    for (const pending of records) {
      const copy = this.#records.movedAway(pending);
      if (copy !== null) this.#enqueue(this.#records.takeOver(copy, now), now);
    }
  }

  #move(owned: PartitionState, progress: Progress, now: number): boolean {
    progress.notBefore = now + LOOK_MS;
    const chosen = this.#choose(owned, progress, now);
    if (chosen.length === 0) return false;
    const states = this.#jobs.takeOut(new Set(chosen));
    const known = chosen.filter((pending) => this.#records.copies?.hasCopy(pending) === true);
    const records = chosen.filter((pending) => !known.includes(pending));
    if (records.length > 0) this.#send(owned, progress, records, states);
    else progress.after = this.#commits.nextNumber;
    this.#moveAway(known, now);
    return true;
  }

  #send(owned: PartitionState, progress: Progress, records: readonly PendingRecord[], all: readonly JobState[]): void {
    const batchId = this.#nextId;
    this.#nextId += 1;
    progress.batchId = batchId;
    progress.notBefore = 0;
    const states = all.filter(({ pending }) => records.includes(pending));
    this.#batches.set(batchId, { owned, records, states });
    const to = { topic: this.#waiting?.topic ?? '', partition: owned.partition };
    this.#emit({ type: 'set-aside', batchId, to, records: records.map(({ original }) => released(original)) });
  }

  /** The first of those of which all that is left to do has to wait. After a refusal one at a time. */
  #choose(owned: PartitionState, progress: Progress, now: number): PendingRecord[] {
    const isCopy = owned.topic === this.#waiting?.topic;
    const ready: PendingRecord[] = [];
    let readyAt = Number.POSITIVE_INFINITY;
    for (const [pending, jobs] of this.#jobs.held(owned)) {
      if (jobs !== pending.unsettled || this.#unfit.has(pending)) continue;
      const at = isCopy ? pending.record.timestamp + AGAIN_MS : now;
      if (at <= now) ready.push(pending);
      else readyAt = Math.min(readyAt, at);
    }
    if (ready.length === 0 && readyAt < Number.POSITIVE_INFINITY) progress.notBefore = Math.max(readyAt, now + LOOK_MS);
    ready.sort((a, b) => a.record.offset - b.record.offset);
    const most = progress.failures > 0 ? 1 : BATCH_RECORDS;
    let bytes = 0;
    return ready.slice(0, most).filter(({ record }, index) => {
      bytes += heldBy(record);
      return index === 0 || bytes <= BATCH_BYTES;
    });
  }

  #of(owned: PartitionState): Progress {
    const known = this.#progress.get(owned) ?? { batchId: null, after: 0, notBefore: 0, failures: 0 };
    this.#progress.set(owned, known);
    return known;
  }
}
