/**
 * Jobs between their record's arrival and their final verdict: they wait in the scheduler, run in a slot when one is free
 * and the breaker permits, and end with a verdict that settles them or lets them wait for another attempt.
 */
import type { Job, KafkaRecord, Outcome } from '../../types.js';
import type { Disposition, Effect } from '../events.js';
import type { AttemptCounts } from '../offsets/commit-metadata.js';
import { CircuitBreaker } from '../rules/circuit-breaker.js';
import { buildCommand, type CommandTemplate, commandTemplate } from '../rules/command.js';
import { charge, decideRetry, unchargedBackoff } from '../rules/retry-policy.js';
import { Scheduler } from '../rules/scheduler.js';
import type { EngineSettings } from '../settings.js';
import {
  isNoLongerOurs,
  type JobState,
  newJobState,
  type PartitionState,
  type PendingRecord,
} from './pending-record.js';
import type { Records } from './records.js';
import { Running } from './running.js';

/** How soon a job is tried again whose place is still taken by a child of an older record with the same offset. */
const TAKEN_MS = 1_000;

export class Jobs {
  readonly scheduler = new Scheduler<JobState>();
  readonly running = new Running();
  readonly breaker: CircuitBreaker;
  readonly #settings: EngineSettings;
  readonly #records: Records;
  readonly #random: () => number;
  readonly #emit: (effect: Effect) => void;
  readonly #commands: CommandTemplate;
  /** Those of the running that wait for a commit to tell of them. */
  readonly #held = new Set<JobState>();

  constructor(settings: EngineSettings, records: Records, random: () => number, emit: (effect: Effect) => void) {
    this.#settings = settings;
    this.#records = records;
    this.#random = random;
    this.#commands = commandTemplate(settings.command);
    this.#emit = emit;
    this.breaker = new CircuitBreaker(settings.breaker);
  }

  /** Jobs waiting and running. */
  get count(): number {
    return this.scheduler.jobs + this.running.size;
  }

  admit(record: KafkaRecord, now: number): void {
    const owned = this.#records.assignment.get(record);
    const begun = this.#records.begin(record, now);
    if (owned?.lost) this.dropWhere(owned, () => true);
    if (begun === null) return;
    const attempts = begun.open.owned.attempts.of(record.offset);
    const hasEndedUs = attempts.interrupted >= this.#settings.retry.maxInterruptions;
    for (const job of begun.jobs) {
      if (hasEndedUs) this.#giveUp(job, begun.open, attempts, now);
      else this.#enqueue(job, begun.open, now);
    }
  }

  /** Starts what may be started. */
  dispatch(now: number): void {
    while (this.running.size < this.#settings.slots && this.breaker.permits(now)) {
      const work = this.scheduler.next(now);
      if (work === null) return;
      if (this.running.has(work.job.id)) this.scheduler.delay(work, now + TAKEN_MS);
      else this.#start(work, now);
    }
  }

  /** Whether a start waits for a commit to tell of it. */
  get hasHeld(): boolean {
    return this.#held.size > 0;
  }

  /** Lets those start of which a commit has told meanwhile. They have their slot already. */
  release(): void {
    if (this.#held.size === 0) return;
    for (const work of this.#held) {
      if (!this.#records.commits.hasTold(work.heldFor as number)) continue;
      this.#held.delete(work);
      this.#run(work);
    }
  }

  /** Forgets those that wait for a commit to tell of them: nothing of them runs. */
  forgetHeld(isMeant: (work: JobState) => boolean = () => true): void {
    for (const work of this.#held) {
      if (!isMeant(work)) continue;
      this.#held.delete(work);
      this.running.delete(work.job.id);
      this.breaker.withdrawn(work.job.id);
      work.open.owned.attempts.ended(work.job.offset, work.spent);
    }
  }

  /** When a job may be started that may not be started now; null when that depends on the end of another one. */
  nextStartAt(): number | null {
    if (this.running.size >= this.#settings.slots || this.breaker.canaryIsOut) return null;
    return this.breaker.nextChangeAt() ?? this.scheduler.nextDueAt();
  }

  finish(jobId: string, outcome: Outcome, now: number): void {
    const work = this.running.get(jobId);
    if (work === undefined) return;
    this.running.delete(jobId);
    this.breaker.ended(jobId, outcome.result, outcome.reason, now);
    const { job, starts: attempt, startedAt, arrivedAt } = work;
    this.#emit({ type: 'job-ended', job, attempt, outcome, queuedMs: startedAt - arrivedAt });
    if (isNoLongerOurs(work.open)) return;
    const spent = charge(work.spent, outcome);
    const isCharged = spent !== work.spent;
    work.spent = spent;
    work.open.owned.attempts.ended(job.offset, spent);
    if (outcome.result !== 'succeeded') work.firstFailedAt ??= now;
    const verdict = decideRetry(outcome, spent, work.uncharged, this.#settings.retry, now, this.#random());
    work.uncharged = isCharged ? 0 : work.uncharged + 1;
    switch (verdict.kind) {
      case 'complete':
        return this.#records.settle(work.open, null);
      case 'dead-letter':
        return this.#fail(work, verdict.disposition, outcome, now);
      case 'retry':
        return this.#retry(work, outcome, verdict.at, isCharged, outcome.reason);
      case 'leave':
        return;
    }
  }

  /** Drops what is queued of the unwanted work; the ends of what runs will not be counted. Returns their records. */
  dropWhere(owned: PartitionState, isUnwanted: (work: JobState) => boolean): Set<PendingRecord> {
    const isMeant = (work: JobState) => work.open.owned === owned && isUnwanted(work);
    const dropped = this.scheduler.drop(isMeant);
    const running = this.running.works().filter(isMeant);
    this.forgetHeld(isMeant);
    const { topic, partition } = owned;
    this.#emit({ type: 'jobs-dropped', partition: { topic, partition }, jobs: dropped.length + running.length });
    return new Set([...dropped, ...running].map((work) => work.open));
  }

  #enqueue(job: Job, open: PendingRecord, now: number): void {
    const running = this.running.get(job.id);
    // Of a topic that was made anew, the same offset is another record.
    if (running === undefined || running.job.timestamp !== job.timestamp || running.job.file !== job.file) {
      this.scheduler.push(newJobState(job, open, now));
    } else {
      // The partition was lost and came back while the child ran on.
      running.open = open;
      this.#emit({ type: 'reattached', job });
    }
  }

  #start(work: JobState, now: number): void {
    work.starts += 1;
    work.startedAt = now;
    this.running.add(work);
    this.breaker.started(work.job.id);
    work.heldFor = this.#records.started(work.open);
    if (work.heldFor === null) this.#run(work);
    else this.#held.add(work);
  }

  #run(work: JobState): void {
    work.heldFor = null;
    const command = buildCommand(work.job, work.starts, this.#commands);
    this.#emit({ type: 'run', job: work.job, attempt: work.starts, command });
  }

  #retry(work: JobState, outcome: Outcome, at: number, charged: boolean, why: string): void {
    this.scheduler.delay(work, at);
    this.#emit({ type: 'job-retry', job: work.job, at, charged, reason: outcome.result, why });
  }

  #fail(work: JobState, disposition: Disposition, outcome: Outcome, now: number): void {
    const { job, spent } = work;
    const { reason } = outcome;
    const attempts = spent.failed + spent.timedOut;
    // A path that is not allowed says nothing about the state of things; any other death may be one of many.
    if (disposition !== 'path-denied' && !this.breaker.permitsLetter(job.id, reason, now)) {
      const at = now + unchargedBackoff(work.uncharged, this.#settings.retry, this.#random());
      work.uncharged += 1;
      return this.#retry(work, outcome, at, false, `too many dead letters in a row; ${reason}`);
    }
    this.#emit({ type: 'job-failed', job, disposition, reason });
    const firstFailedAt = work.firstFailedAt ?? now;
    this.#records.settle(work.open, { file: job.file, disposition, reason, attempts, outcome, firstFailedAt });
  }

  /** The file is the likely cause of what ended the service again and again. */
  #giveUp(job: Job, open: PendingRecord, { failed, timedOut, interrupted }: AttemptCounts, now: number): void {
    const disposition = 'attempts-exhausted';
    const reason = `the service ended ${interrupted} times while this was being loaded`;
    const attempts = failed + timedOut + interrupted;
    this.#emit({ type: 'job-failed', job, disposition, reason });
    this.#records.settle(open, { file: job.file, disposition, reason, attempts, outcome: null, firstFailedAt: now });
  }
}
