/**
 * The whole decision: an event in, effects out. Pure and synchronous; the clock and the dice are the caller's.
 *
 * Run state: `starting` until the group first gives an assignment; `running`; `draining` from the request to stop until
 * no child runs, no letter is on its way and the last commit is answered; then `stopped`. A job passes through the
 * scheduler, a slot (when one is free and the breaker permits) and a verdict; `records.ts` has the life of the record.
 */
import type { Job, KafkaRecord, Outcome, TopicPartition } from '../types.js';
import { shouldPauseAll, shouldPausePartition } from './backpressure.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { buildCommand } from './command.js';
import type { CommittedPosition, Disposition, Effect, EngineEvent } from './events.js';
import { Records } from './records.js';
import { decideRetry, isCharged } from './retry-policy.js';
import { Scheduler } from './scheduler.js';
import type { EngineSettings } from './settings.js';
import { type EngineStatus, statusOf } from './status.js';
import { createWork, isAbandoned, type OpenRecord, type OwnedPartition, type Work } from './work.js';

type Lifecycle =
  | { readonly kind: 'starting' | 'running' | 'stopped' }
  | { readonly kind: 'draining'; readonly stopAt: number; readonly stopped: boolean; readonly finalCommits: number };

/** Tries at the last commit of a drain; what it would have saved is loaded again and recognised, not lost. */
const MAX_FINAL_COMMITS = 3;
/** How soon a job is tried again whose place is still taken by a child of an older record with the same offset. */
const TAKEN_MS = 1_000;

export class Engine {
  readonly #settings: EngineSettings;
  readonly #random: () => number;
  readonly #records: Records;
  readonly #scheduler = new Scheduler<Work>();
  readonly #running = new Map<string, Work>();
  readonly #breaker: CircuitBreaker;
  #lifecycle: Lifecycle = { kind: 'starting' };
  #epoch = 0;
  #pausedAll = false;
  #effects: Effect[] = [];

  /** @param random a source of numbers in [0, 1), for the jitter of retries */
  constructor(settings: EngineSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
    this.#breaker = new CircuitBreaker(settings.breaker);
    this.#records = new Records(settings.records, (effect) => this.#effects.push(effect));
  }

  /** @param now milliseconds on a clock that never goes back; wall time where a deadline is shown to people */
  handle(event: EngineEvent, now: number): Effect[] {
    if (this.#lifecycle.kind === 'stopped') return [];
    this.#effects = [];
    const breakerBefore = this.#breaker.state;
    this.#take(event, now);
    if (this.#lifecycle.kind !== 'draining') this.#records.resendLetters(now);
    this.#dispatch(now);
    this.#adjustPauses();
    this.#records.commit(now, event.type === 'rebalancing' || event.type === 'hasten');
    this.#advanceDrain(now);
    if (this.#breaker.state !== breakerBefore) {
      const reason = this.#breaker.trouble?.reason ?? 'a job ended well';
      this.#effects.push({ type: 'breaker-changed', state: this.#breaker.state, reason });
    }
    return this.#effects;
  }

  /** When `handle` wants a `tick` at the latest, or null when only other events can change anything. */
  nextWakeAt(): number | null {
    if (this.#lifecycle.kind === 'stopped') return null;
    const { commits, letters } = this.#records;
    const times =
      this.#lifecycle.kind === 'draining'
        ? [commits.nextAt(), this.#lifecycle.stopped ? null : this.#lifecycle.stopAt]
        : [commits.nextAt(), letters.nextAt(), this.#nextStartAt()];
    return times.reduce((first, time) => (first === null || (time !== null && time < first) ? time : first), null);
  }

  /** When a job may be started that may not be started now; null when that depends on the end of another one. */
  #nextStartAt(): number | null {
    if (this.#running.size >= this.#settings.slots || this.#breaker.canaryIsOut) return null;
    return this.#breaker.nextChangeAt() ?? this.#scheduler.nextDueAt();
  }

  status(): EngineStatus {
    return statusOf({
      lifecycle: this.#lifecycle.kind,
      pausedAll: this.#pausedAll,
      slots: this.#settings.slots,
      running: this.#running.values(),
      scheduler: this.#scheduler,
      breaker: this.#breaker,
      records: this.#records,
    });
  }

  #take(event: EngineEvent, now: number): void {
    switch (event.type) {
      case 'assigned':
        this.#epoch = event.epoch;
        return this.#reassign(event.partitions);
      case 'restored':
        if (event.epoch === this.#epoch) for (const position of event.positions) this.#restore(position);
        return;
      case 'record':
        return this.#admit(event.record, now);
      case 'finished':
        return this.#finish(event.jobId, event.outcome, now);
      case 'dead-lettered':
        return this.#records.letterAcknowledged(event.letterId);
      case 'dead-letter-failed':
        return this.#records.letters.refused(event.letterId, now, this.#random());
      case 'committed':
        return this.#records.committed(event.offsets);
      case 'commit-failed':
        return this.#records.commits.failed(now, this.#records.assignment.values());
      case 'drain':
        if (this.#lifecycle.kind === 'starting' || this.#lifecycle.kind === 'running') {
          this.#lifecycle = { kind: 'draining', stopAt: event.stopAt, stopped: false, finalCommits: 0 };
        }
        return;
      case 'hasten':
        if (this.#lifecycle.kind === 'draining') this.#lifecycle = { ...this.#lifecycle, stopAt: now };
        return;
      case 'started':
      case 'signalled':
      case 'rebalancing':
      case 'tick':
        return;
    }
  }

  #reassign(partitions: readonly TopicPartition[]): void {
    if (this.#lifecycle.kind === 'starting') this.#lifecycle = { kind: 'running' };
    for (const lost of this.#records.assignment.replace(partitions)) this.#abandon(lost, () => true);
  }

  #restore(position: CommittedPosition): void {
    const restored = this.#records.restore(position);
    if (restored === null || restored.passed.length === 0) return;
    const passed = new Set(restored.passed);
    for (const open of this.#abandon(restored.owned, (work) => passed.has(work.job.offset))) this.#records.pass(open);
  }

  /** Drops what is queued of the unwanted work; the ends of what runs will not be counted. */
  #abandon(owned: OwnedPartition, isUnwanted: (work: Work) => boolean): Set<OpenRecord> {
    const isMeant = (work: Work) => work.open.owned === owned && isUnwanted(work);
    const dropped = this.#scheduler.drop(isMeant);
    const running = [...this.#running.values()].filter(isMeant);
    const { topic, partition } = owned;
    this.#effects.push({ type: 'abandoned', partition: { topic, partition }, jobs: dropped.length + running.length });
    return new Set([...dropped, ...running].map((work) => work.open));
  }

  #admit(record: KafkaRecord, now: number): void {
    const owned = this.#records.assignment.get(record);
    const begun = this.#records.begin(record, now);
    if (owned?.lost) this.#abandon(owned, () => true);
    if (begun === null) return;
    const { interrupted, charged } = begun.open.owned.attempts.of(record.offset);
    if (interrupted >= this.#settings.retry.maxInterruptions) {
      const reason = `the service ended ${interrupted} times while this was being loaded`;
      for (const job of begun.jobs) this.#giveUp(job, begun.open, reason, charged + interrupted, now);
      return;
    }
    for (const job of begun.jobs) {
      const running = this.#running.get(job.id);
      // Of a topic that was made anew, the same offset is another record.
      if (running === undefined || running.job.timestamp !== job.timestamp || running.job.file !== job.file) {
        this.#scheduler.push(createWork(job, begun.open, now));
      } else {
        // The partition was lost and came back while the child ran on.
        running.open = begun.open;
        this.#effects.push({ type: 'reattached', job });
      }
    }
  }

  #dispatch(now: number): void {
    if (this.#lifecycle.kind !== 'running') return;
    while (this.#running.size < this.#settings.slots && this.#breaker.permits(now)) {
      const work = this.#scheduler.next(now);
      if (work === null) return;
      if (this.#running.has(work.job.id)) this.#scheduler.delay(work, now + TAKEN_MS);
      else this.#start(work, now);
    }
  }

  #start(work: Work, now: number): void {
    work.starts += 1;
    work.startedAt = now;
    this.#running.set(work.job.id, work);
    this.#breaker.started(work.job.id);
    this.#records.started(work.open);
    const command = buildCommand(work.job, work.starts, this.#settings.command);
    this.#effects.push({ type: 'run', job: work.job, attempt: work.starts, command });
  }

  #finish(jobId: string, outcome: Outcome, now: number): void {
    const work = this.#running.get(jobId);
    if (work === undefined) return;
    this.#running.delete(jobId);
    this.#breaker.ended(jobId, outcome.result, outcome.reason, now);
    const { job, starts: attempt, startedAt, arrivedAt } = work;
    this.#effects.push({ type: 'job-ended', job, attempt, outcome, queuedMs: startedAt - arrivedAt });
    if (isAbandoned(work.open)) return;
    const charged = isCharged(outcome);
    if (charged) work.charged += 1;
    work.open.owned.attempts.ended(job.offset, work.charged);
    if (outcome.result !== 'succeeded') work.firstFailedAt ??= now;
    const verdict = decideRetry(outcome, work.charged, work.uncharged, this.#settings.retry, now, this.#random());
    work.uncharged = charged ? 0 : work.uncharged + 1;
    switch (verdict.kind) {
      case 'complete':
        return this.#records.settle(work.open, null);
      case 'dead-letter':
        return this.#fail(work, verdict.disposition, outcome);
      case 'retry': {
        const { at } = verdict;
        this.#scheduler.delay(work, at);
        this.#effects.push({ type: 'job-retry', job, at, charged, reason: outcome.result, why: outcome.reason });
        return;
      }
      case 'abandon':
        return;
    }
  }

  #giveUp(job: Job, open: OpenRecord, reason: string, attempts: number, now: number): void {
    const disposition = 'attempts-exhausted';
    this.#effects.push({ type: 'job-failed', job, disposition, reason });
    this.#records.settle(open, { file: job.file, disposition, reason, attempts, outcome: null, firstFailedAt: now });
  }

  #fail(work: Work, disposition: Disposition, outcome: Outcome): void {
    const { job, charged: attempts } = work;
    const { reason } = outcome;
    this.#effects.push({ type: 'job-failed', job, disposition, reason });
    const firstFailedAt = work.firstFailedAt ?? 0;
    this.#records.settle(work.open, { file: job.file, disposition, reason, attempts, outcome, firstFailedAt });
  }

  #adjustPauses(): void {
    const load = { jobs: this.#scheduler.jobs + this.#running.size, bytes: this.#records.heldBytes };
    // With nothing left to try, an open breaker would wait for ever for a canary: then the next record brings one.
    const held = this.#breaker.state !== 'closed' && load.jobs > 0;
    this.#pausedAll =
      this.#lifecycle.kind !== 'running' ||
      held ||
      this.#records.letters.failing ||
      shouldPauseAll(load, this.#settings.load, this.#pausedAll);
    const { maxUncommitted } = this.#settings;
    const { pause, resume } = this.#records.assignment.setPaused(
      ({ tracker, restored, crowded, paused }) =>
        this.#pausedAll ||
        !restored ||
        (crowded && tracker.incomplete > 0) ||
        shouldPausePartition(tracker.span, maxUncommitted, paused === true),
    );
    if (pause.length > 0) this.#effects.push({ type: 'pause', partitions: pause });
    if (resume.length > 0) this.#effects.push({ type: 'resume', partitions: resume });
  }

  #advanceDrain(now: number): void {
    if (this.#lifecycle.kind !== 'draining') return;
    const { stopAt, stopped, finalCommits } = this.#lifecycle;
    if (now >= stopAt && !stopped) {
      for (const jobId of this.#running.keys()) this.#effects.push({ type: 'stop', jobId });
      this.#lifecycle = { ...this.#lifecycle, stopped: true };
    }
    const { commits, letters } = this.#records;
    if (this.#running.size > 0 || letters.inFlight > 0) return;
    if (commits.nextAt() !== null && finalCommits < MAX_FINAL_COMMITS) {
      this.#lifecycle = { ...this.#lifecycle, finalCommits: finalCommits + 1 };
      this.#records.commit(now, true, true);
    }
    if (commits.inFlight) return;
    this.#lifecycle = { kind: 'stopped' };
    this.#effects.push({ type: 'drained' });
  }
}
