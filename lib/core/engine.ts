/**
 * The whole decision: an event in, effects out. Pure and synchronous; the clock and the dice are the caller's.
 *
 * Run state: `starting` until the group first gives an assignment; `running`; `draining` from the request to stop until
 * no child runs, no letter is on its way and the last commit is answered; then `stopped`. `jobs.ts` has the life of a
 * job, `records.ts` that of a record; here is what concerns them all: reading, committing, stopping.
 */
import type { TopicPartition } from '../types.js';
import type { CommittedPosition, Effect, EngineEvent } from './events.js';
import { shouldPauseAll, shouldPausePartition } from './rules/backpressure.js';
import type { EngineSettings } from './settings.js';
import { Jobs } from './state/jobs.js';
import type { PartitionState } from './state/pending-record.js';
import { Records } from './state/records.js';
import { type EngineStatus, statusOf } from './status.js';

type Lifecycle =
  | { readonly kind: 'starting' | 'running' | 'stopped' }
  | { readonly kind: 'draining'; readonly stopAt: number; readonly stopped: boolean; readonly finalCommits: number };

/** Tries at the last commit of a drain; what it would have saved is loaded again and recognised, not lost. */
const MAX_FINAL_COMMITS = 3;

export class Engine {
  readonly #settings: EngineSettings;
  readonly #random: () => number;
  readonly #records: Records;
  readonly #jobs: Jobs;
  #lifecycle: Lifecycle = { kind: 'starting' };
  #epoch = 0;
  #pausedAll = false;
  #effects: Effect[] = [];

  /** @param random a source of numbers in [0, 1), for the jitter of retries */
  constructor(settings: EngineSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
    const emit = (effect: Effect) => this.#emit(effect);
    this.#records = new Records(settings.records, emit);
    this.#jobs = new Jobs(settings, this.#records, random, emit);
  }

  /** @param now milliseconds on a clock that never goes back; wall time where a deadline is shown to people */
  handle(event: EngineEvent, now: number): Effect[] {
    if (this.#lifecycle.kind === 'stopped') return [];
    this.#effects = [];
    const { breaker } = this.#jobs;
    const breakerBefore = breaker.state;
    this.#handleEvent(event, now);
    if (this.#lifecycle.kind !== 'draining') this.#records.resendLetters(now);
    // What a former owner did meanwhile must be known before more of it is begun.
    if (this.#lifecycle.kind === 'running' && this.#records.assignment.isRestored) this.#jobs.dispatch(now);
    this.#adjustPauses();
    const isUrgent = event.type === 'rebalancing' || event.type === 'force-stop';
    this.#records.commit(now, isUrgent || (this.#jobs.hasHeld && !this.#records.commits.isFailing));
    if (this.#lifecycle.kind === 'running') this.#jobs.release();
    this.#advanceDrain(now);
    if (breaker.state !== breakerBefore) {
      const reason = breaker.trouble?.reason ?? 'a job ended well';
      this.#emit({ type: 'breaker-changed', state: breaker.state, reason });
    }
    return this.#effects;
  }

  /** When `handle` wants a `tick` at the latest, or null when only other events can change anything. */
  nextWakeAt(): number | null {
    if (this.#lifecycle.kind === 'stopped') return null;
    const { deadLetters } = this.#records;
    const commitAt = this.#records.nextCommitAt();
    if (this.#lifecycle.kind !== 'draining')
      return earlier(commitAt, earlier(deadLetters.nextAt(), this.#nextStartAt()));
    return earlier(commitAt, this.#lifecycle.stopped ? null : this.#lifecycle.stopAt);
  }

  /** Most events have one effect, and a list that begins with it takes less memory than one that grows from nothing. */
  #emit(effect: Effect): void {
    if (this.#effects.length === 0) this.#effects = [effect];
    else this.#effects.push(effect);
  }

  #nextStartAt(): number | null {
    return this.#records.assignment.isRestored ? this.#jobs.nextStartAt() : null;
  }

  status(): EngineStatus {
    return statusOf({
      lifecycle: this.#lifecycle.kind,
      pausedAll: this.#pausedAll,
      slots: this.#settings.slots,
      jobs: this.#jobs,
      records: this.#records,
    });
  }

  #handleEvent(event: EngineEvent, now: number): void {
    switch (event.type) {
      case 'assigned':
        this.#epoch = event.epoch;
        return this.#reassign(event.partitions);
      case 'restored':
        if (event.epoch === this.#epoch) for (const position of event.positions) this.#restore(position);
        return;
      case 'record':
        return this.#jobs.admit(event.record, now);
      case 'finished':
        return this.#jobs.finish(event.jobId, event.outcome, now);
      case 'dead-lettered':
        return this.#records.letterAcknowledged(event.letterId);
      case 'dead-letter-failed':
        return this.#records.deadLetters.refused(event.letterId, now, this.#random());
      case 'committed':
        return this.#records.committed(event.offsets);
      case 'commit-failed':
        return this.#records.commits.failed(now, this.#records.assignment.values());
      case 'drain':
        if (this.#lifecycle.kind === 'starting' || this.#lifecycle.kind === 'running') {
          this.#lifecycle = { kind: 'draining', stopAt: event.stopAt, stopped: false, finalCommits: 0 };
          this.#jobs.forgetHeld();
        }
        return;
      case 'force-stop':
        if (this.#lifecycle.kind === 'draining') this.#lifecycle = { ...this.#lifecycle, stopAt: now };
        return;
      case 'started':
      case 'signalled':
      case 'out-of-range':
      case 'consumer-restarting':
      case 'rebalancing':
      case 'tick':
        return;
    }
  }

  #reassign(partitions: readonly TopicPartition[]): void {
    if (this.#lifecycle.kind === 'starting') this.#lifecycle = { kind: 'running' };
    for (const lost of this.#records.assignment.replace(partitions)) this.#jobs.dropWhere(lost, () => true);
  }

  #restore(position: CommittedPosition): void {
    const restored = this.#records.restore(position);
    if (restored === null || restored.passed.length === 0) return;
    const passed = new Set(restored.passed);
    const dropped = this.#jobs.dropWhere(restored.owned, (work) => passed.has(work.job.offset));
    for (const open of dropped) this.#records.pass(open);
  }

  /** Whether a partition should not be read now. */
  readonly #isPaused = ({ tracker, restored, metadataNearlyFull, paused }: PartitionState): boolean =>
    this.#pausedAll ||
    !restored ||
    (metadataNearlyFull && tracker.incomplete > 0) ||
    shouldPausePartition(tracker.span, this.#settings.maxUncommitted, paused === true);

  #adjustPauses(): void {
    const load = { jobs: this.#jobs.count, bytes: this.#records.heldBytes };
    // With nothing left to try, an open breaker would wait for ever for a canary: then the next record brings one.
    const held = this.#jobs.breaker.state !== 'closed' && load.jobs > 0;
    this.#pausedAll =
      this.#lifecycle.kind !== 'running' ||
      held ||
      this.#records.deadLetters.failing ||
      shouldPauseAll(load, this.#settings.load, this.#pausedAll);
    const changes = this.#records.assignment.setPaused(this.#isPaused);
    if (changes === null) return;
    const { pause, resume } = changes;
    if (pause.length > 0) this.#emit({ type: 'pause', partitions: pause });
    if (resume.length > 0) this.#emit({ type: 'resume', partitions: resume });
  }

  #advanceDrain(now: number): void {
    if (this.#lifecycle.kind !== 'draining') return;
    const { stopAt, stopped, finalCommits } = this.#lifecycle;
    if (now >= stopAt && !stopped) {
      for (const jobId of this.#jobs.running.ids()) this.#emit({ type: 'stop', jobId });
      this.#lifecycle = { ...this.#lifecycle, stopped: true };
    }
    const { commits, deadLetters } = this.#records;
    if (this.#jobs.running.size > 0 || deadLetters.inFlight > 0) return;
    if (commits.nextAt() !== null && finalCommits < MAX_FINAL_COMMITS) {
      // Until it is known what is committed nothing can be; the answer is on its way.
      if (!this.#records.assignment.isRestored && now < stopAt) return;
      this.#lifecycle = { ...this.#lifecycle, finalCommits: finalCommits + 1 };
      this.#records.commit(now, true, true);
    }
    if (commits.inFlight) return;
    this.#lifecycle = { kind: 'stopped' };
    this.#emit({ type: 'drained' });
  }
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
