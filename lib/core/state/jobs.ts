/**
 * Jobs between their record's arrival and their final verdict: they wait in the scheduler, run in a slot when one is free
 * and the breaker permits, and end with a verdict that settles them or lets them wait for another attempt.
 */
import type { Job, Outcome } from '../../types.js';
import { earliest } from '../../util/earliest.js';
import type { BreakerState, Disposition, Effect, MachineLoad, SlotChange } from '../events.js';
import type { AttemptCounts } from '../offsets/commit-metadata.js';
import { countOf } from '../offsets/interruptions.js';
import { AdaptiveSlots } from '../rules/adaptive-slots.js';
import { CircuitBreaker } from '../rules/circuit-breaker.js';
import { buildCommand, type CommandTemplate, commandTemplate } from '../rules/command.js';
import { OUTCOMES, type OutcomeRule, SUSPECT } from '../rules/outcomes.js';
import { charge, decideRetry, unchargedBackoff } from '../rules/retry-policy.js';
import { settlingOf } from '../rules/settling.js';
import { judgeInterruptions, type Suspicion } from '../rules/suspicion.js';
import { Scheduler } from '../rules/turns/scheduler.js';
import type { EngineSettings } from '../settings.js';
import { type JobState, newJobState } from './job-state.js';
import type { PartitionState } from './partition-state.js';
import { isNoLongerOurs, type PendingRecord, type Settlement } from './pending-record.js';
import { Suspects } from './suspects.js';
import { TableHolds } from './table-holds.js';

/** How soon a job is tried again while a child of an older record with the same offset still runs under its id. */
const ID_TAKEN_MS = 1_000;
/** Contradictions after which a loader's words about ClickHouse are held to be the file's. */
const MAX_CONTRADICTIONS = 5;

export class Jobs {
  readonly scheduler: Scheduler<JobState>;
  /** By their id, in the order of their starts. */
  readonly running = new Map<string, JobState>();
  slots: AdaptiveSlots;
  readonly suspects = new Suspects((state) => this.tables.permits(state) && !this.scheduler.isPaused(state.job.tenant));
  readonly breaker: CircuitBreaker;
  readonly tables: TableHolds;
  /** Those that hold at the moment. */
  settings: EngineSettings;
  readonly #random: () => number;
  readonly #emit: (effect: Effect) => void;
  #commands: CommandTemplate;
  /** Jobs that were loaded. */
  #loaded = 0;

  constructor(settings: EngineSettings, random: () => number, emit: (effect: Effect) => void) {
    this.settings = settings;
    this.#random = random;
    this.#commands = commandTemplate(settings.command);
    this.#emit = emit;
    this.scheduler = new Scheduler(settings.fairness);
    this.slots = new AdaptiveSlots(settings.slots, settings.adaptiveSlots);
    this.breaker = new CircuitBreaker(() => this.settings.breaker);
    const waitAfter = (refusals: number) => unchargedBackoff(refusals, this.settings.retry, random());
    this.tables = new TableHolds(
      () => this.settings.maxDeadLettersInRow,
      waitAfter,
      (change, now) => {
        emit({ type: 'table-changed', ...change });
        if (change.held) this.breaker.tableHeld(change.table, change.reason, now);
      },
    );
  }

  /** Takes other settings for what is decided from now on. What runs goes on as it was started. */
  follow(settings: EngineSettings): void {
    const { slots, adaptiveSlots } = settings;
    this.settings = settings;
    this.#commands = commandTemplate(settings.command);
    this.scheduler.follow(settings.fairness);
    if (slots !== this.slots.max || adaptiveSlots !== this.slots.isAdaptive) {
      this.slots = new AdaptiveSlots(slots, adaptiveSlots);
    }
  }

  /** Jobs that count against the bound on what is ready: a share of each tenant, and none that is kept beside the turns. */
  get ready(): number {
    return this.scheduler.ready + this.running.size;
  }

  /** All jobs, also those that wait for a table that is held or for being alone. */
  get count(): number {
    return this.scheduler.jobs + this.tables.parked + this.suspects.size + this.running.size;
  }

  /** Has the jobs of a record wait for their turn; returns the verdicts on those that are given up instead. */
  take(pending: PendingRecord, jobs: readonly Job[], now: number): Settlement[] {
    const attempts = pending.owned.attempts.of(pending.record.offset);
    const suspicion = this.judge(jobs, attempts);
    if (suspicion === 'deadly') return jobs.map((job) => this.giveUp(job, pending, attempts, now));
    for (const job of jobs) {
      if (suspicion === 'suspect') this.suspect(job, pending, attempts, now);
      else this.enqueue(job, pending, now);
    }
    return [];
  }

  enqueue(job: Job, pending: PendingRecord, now: number): void {
    const running = this.running.get(job.id);
    // Of a topic that was made anew, the same offset is another record.
    if (running === undefined || running.job.timestamp !== job.timestamp || running.job.file !== job.file) {
      this.#wait(newJobState(job, pending, now));
    } else {
      // The partition was lost and came back while the child ran on.
      running.pending = pending;
      this.#emit({ type: 'reattached', job });
    }
  }

  /** Has the job wait until it can be loaded with nothing else running. */
  suspect(job: Job, pending: PendingRecord, { interrupted }: AttemptCounts, now: number): void {
    this.suspects.add(newJobState(job, pending, now), now);
    const at = this.suspects.dueAt ?? now;
    this.#emit({ type: 'job-suspected', job, interruptions: countOf(interrupted), at });
  }

  /** What the ends of the service say about the jobs of a record. One that runs is not the cause of any. */
  judge(jobs: readonly Job[], { interrupted }: AttemptCounts): Suspicion {
    if (jobs.some(({ id }) => this.running.has(id))) return 'none';
    return judgeInterruptions(interrupted, this.settings.retry.maxInterruptions);
  }

  /** The verdict on a job of a record that ended the service when nothing else ran. */
  giveUp(job: Job, pending: PendingRecord, { failed, timedOut, interrupted }: AttemptCounts, now: number): Settlement {
    const disposition = 'attempts-exhausted';
    const ends = countOf(interrupted);
    const reason = `the service ended ${ends} times while this was being loaded, the last time with nothing else running`;
    const attempts = failed + timedOut + ends;
    this.#emit({ type: 'job-failed', job, disposition, reason });
    return { pending, failure: { file: job.file, disposition, reason, attempts, outcome: null, firstFailedAt: now } };
  }

  /** Gives a free slot to the job whose turn it is; null when there is no slot, no such job, or no permission. */
  next(now: number): JobState | null {
    while (this.running.size < this.slots.limit && this.breaker.permits(now)) {
      if (this.suspects.isDue(now)) return this.#nextAlone(now);
      for (const canary of this.tables.due(now)) this.scheduler.push(canary);
      const state = this.scheduler.next(now);
      if (state === null) return null;
      const isFree = !this.running.has(state.job.id);
      if (isFree && this.tables.permits(state)) return this.#start(state, now);
      this.scheduler.done(state);
      if (isFree) this.tables.park(state);
      else this.scheduler.delay(state, now + ID_TAKEN_MS);
    }
    return null;
  }

  /** Has the job run that `next` gave a slot to. */
  run({ job, starts, startedAt, seen, unsettledSince }: JobState): void {
    const settling = settlingOf(this.settings.settleMs, seen, unsettledSince, startedAt);
    this.#emit({ type: 'run', job, attempt: starts, command: buildCommand(job, starts, this.#commands, settling) });
  }

  /** Takes the slot back from a job that `next` gave one to and that is not to run. */
  withdraw(state: JobState): void {
    const { job, pending, charged } = state;
    this.running.delete(job.id);
    this.#freeSlot(state);
    this.breaker.withdrawn(job.id);
    this.tables.withdrawn(job.id);
    pending.owned.attempts.ended(pending.record.offset, charged);
  }

  machine(load: MachineLoad, now: number): void {
    this.#noteSlots(this.slots.machine(load, now));
  }

  #adaptSlots({ job, startedAt }: JobState, outcome: Outcome, now: number): void {
    const end = { startedAt, running: this.running.size, bytes: outcome.bytes ?? job.bytes, outcome };
    this.#noteSlots(this.slots.ended(end, now));
  }

  #noteSlots(change: SlotChange | null): void {
    if (change !== null) this.#emit({ type: 'slots-changed', ...change });
  }

  /** One that runs alone has not had its turn. */
  #freeSlot(state: JobState): void {
    if (!this.suspects.ended(state)) this.scheduler.done(state);
  }

  /** When a job may be started that may not be started now; null when that depends on the end of another one. */
  nextStartAt(): number | null {
    if (this.running.size >= this.slots.limit || this.breaker.canaryIsOut) return null;
    const changeAt = this.breaker.nextChangeAt();
    if (changeAt !== null || this.suspects.isBlocking) return changeAt;
    return earliest(this.scheduler.nextDueAt(), this.tables.nextAt(), this.suspects.nextAt());
  }

  /** Takes the end of an attempt. Returns the final verdict, or null where there is none yet. */
  finish(jobId: string, outcome: Outcome, now: number): Settlement | null {
    const state = this.running.get(jobId);
    if (state === undefined) return null;
    this.#adaptSlots(state, outcome, now);
    this.running.delete(jobId);
    this.#freeSlot(state);
    const rule = this.#ruleFor(state, outcome);
    const { result, reason } = outcome;
    this.breaker.ended(jobId, result, reason, now, rule);
    for (const released of this.tables.ended(state, result, rule.breaker, reason, now)) this.scheduler.push(released);
    const { job, pending, starts: attempt, startedAt, arrivedAt } = state;
    const isSuperseded = isNoLongerOurs(pending);
    const ended = { type: 'job-ended', job, attempt, outcome, queuedMs: startedAt - arrivedAt } as const;
    this.#emit(isSuperseded ? { ...ended, isSuperseded } : ended);
    if (isSuperseded) return null;
    const charged = charge(state.charged, outcome, rule);
    const isCharged = charged !== state.charged;
    state.charged = charged;
    pending.owned.attempts.ended(pending.record.offset, charged);
    if (result === 'file-unsettled') return this.#awaitSettling(state, outcome, now);
    if (result !== 'succeeded') state.firstFailedAt ??= now;
    const { retry } = this.settings;
    const verdict = decideRetry(outcome, charged, state.unchargedInRow, retry, now, this.#random(), rule);
    state.unchargedInRow = isCharged ? 0 : state.unchargedInRow + 1;
    switch (verdict.kind) {
      case 'complete':
        return { pending, failure: null };
      case 'dead-letter':
        return this.#fail(state, verdict.disposition, outcome, now);
      case 'retry':
        if (result === 'table-refused') this.#await(state, outcome);
        else this.#retry(state, outcome, verdict.at, isCharged, reason);
        return null;
      case 'leave':
        return null;
    }
  }

  /**
   * Drops the unwanted jobs of a partition that wait. Those that run go on, and their ends will not be counted.
   *
   * @returns the records of both
   */
  drop({ topic, partition }: PendingRecord['owned'], isUnwanted: (state: JobState) => boolean): Set<PendingRecord> {
    const dropped = [this.scheduler, this.tables, this.suspects].flatMap((waiting) => waiting.drop(isUnwanted));
    for (const { job } of dropped) this.tables.withdrawn(job.id);
    const running = [...this.running.values()].filter(isUnwanted);
    this.#emit({ type: 'jobs-dropped', partition: { topic, partition }, jobs: dropped.length + running.length });
    return new Set([...dropped, ...running].map(({ pending }) => pending));
  }

  /** Whether a tenant is paused or a table held. */
  get isHoldingBack(): boolean {
    return this.scheduler.isAnyPaused || this.tables.isAnyHeld;
  }

  /** How many jobs of each record of a partition wait for a paused tenant or a held table. */
  held(owned: PartitionState): Map<PendingRecord, number> {
    const held = new Map<PendingRecord, number>();
    const count = ({ pending }: JobState) => held.set(pending, (held.get(pending) ?? 0) + 1);
    for (const state of this.scheduler.items()) {
      if (state.pending.owned === owned && this.scheduler.isPaused(state.tenant)) count(state);
    }
    for (const state of this.tables.items()) if (state.pending.owned === owned) count(state);
    return held;
  }

  /** Takes out the jobs of records that wait. */
  takeOut(records: ReadonlySet<PendingRecord>): JobState[] {
    const isMeant = ({ pending }: JobState) => records.has(pending);
    const taken = [this.scheduler, this.tables].flatMap((waiting) => waiting.drop(isMeant));
    // One of them may have been its table's next try, which waits for its turn like any other job.
    for (const { job } of taken) this.tables.withdrawn(job.id);
    return taken;
  }

  /** Has jobs wait again that were taken out. */
  putBack(states: readonly JobState[]): void {
    for (const state of states) this.#wait(state);
  }

  /** Where its table is held it waits for that, whether or not there is a slot. */
  #wait(state: JobState): void {
    if (this.tables.permits(state)) this.scheduler.push(state);
    else this.tables.park(state);
  }

  reportBreaker(before: BreakerState): void {
    const { state, trouble } = this.breaker;
    if (state !== before) this.#emit({ type: 'breaker-changed', state, reason: trouble?.reason ?? 'a job ended well' });
  }

  /** A suspect waits until all that runs has ended, and has everything wait for it meanwhile. */
  #nextAlone(now: number): JobState | null {
    if (this.running.size > 0) return null;
    const state = this.suspects.take(now);
    if (state === null) return null;
    this.#emit({ type: 'runs-alone', job: state.job });
    return this.#start(state, now);
  }

  #start(state: JobState, now: number): JobState {
    state.starts += 1;
    state.startedAt = now;
    if (state.starts === 1) state.loadedBefore = this.#loaded;
    this.running.set(state.job.id, state);
    this.breaker.started(state.job.id);
    return state;
  }

  /** What the end of this job means: a loader that repeats itself while others load is no longer believed. */
  #ruleFor(state: JobState, { result, exitCode }: Outcome): OutcomeRule {
    if (result === 'succeeded') this.#loaded += 1;
    const isSaidByWords =
      result === 'sink-unavailable' &&
      (exitCode === null || !this.settings.retry.unavailableExitCodes.includes(exitCode));
    if (!isSaidByWords) return OUTCOMES[result];
    if (state.contradictions >= MAX_CONTRADICTIONS) return SUSPECT;
    if (this.#loaded > state.loadedBefore) state.contradictions += 1;
    state.loadedBefore = this.#loaded;
    return OUTCOMES[result];
  }

  #awaitSettling(state: JobState, outcome: Outcome, now: number): null {
    state.seen = outcome.seen ?? null;
    state.unsettledSince ??= now;
    this.#retry(state, outcome, now + this.settings.settleMs, false, outcome.reason);
    return null;
  }

  /** Has the job wait for its table. */
  #await(state: JobState, { result: reason, reason: why }: Outcome): void {
    const at = this.tables.park(state);
    this.#emit({ type: 'job-retry', job: state.job, at, charged: false, reason, why });
  }

  #retry(state: JobState, outcome: Outcome, at: number, charged: boolean, why: string): void {
    this.scheduler.delay(state, at);
    this.#emit({ type: 'job-retry', job: state.job, at, charged, reason: outcome.result, why });
  }

  #fail(state: JobState, disposition: Disposition, outcome: Outcome, now: number): Settlement | null {
    const { job, pending, charged } = state;
    const { result, reason } = outcome;
    if (OUTCOMES[result].countsInRow && !this.tables.permitsLetter(state, reason, now)) {
      state.unchargedInRow += 1;
      this.#await(state, { ...outcome, reason: `too many dead letters in a row; ${reason}` });
      return null;
    }
    this.#emit({ type: 'job-failed', job, disposition, reason });
    const attempts = charged.failed + charged.timedOut;
    const firstFailedAt = state.firstFailedAt ?? now;
    return { pending, failure: { file: job.file, disposition, reason, attempts, outcome, firstFailedAt } };
  }
}
