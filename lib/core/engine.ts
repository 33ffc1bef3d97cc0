/**
 * The whole decision: an event in, effects out. Pure and synchronous; the clock and the dice are the caller's.
 *
 * The engine conducts. `lifecycle` says where the run is between its start and its end; `records` keeps the books of
 * records, `jobs` those of jobs, and `markers` those of starts that wait for a commit; records and jobs do not know each other.
 * What passes between them passes here.
 */
import type { KafkaRecord, Outcome, ProbeResult, TopicPartition } from '../types.js';
import { earliest } from '../util/earliest.js';
import type { CommitOffset, CommittedPosition, Effect, EngineEvent, RecordDefect } from './events.js';
import { Lifecycle, type Work } from './lifecycle.js';
import { isDoubtful } from './rules/loader-probe.js';
import { excuse, leave } from './rules/unjudged-ends.js';
import type { EngineSettings } from './settings.js';
import { Commits } from './state/commits.js';
import type { JobState } from './state/job-state.js';
import { Jobs } from './state/jobs.js';
import { type HeldEnd, LoaderHealth } from './state/loader-health.js';
import type { PartitionState } from './state/partition-state.js';
import { Pauses } from './state/pauses.js';
import type { Begun, PendingRecord } from './state/pending-record.js';
import { Reading } from './state/reading.js';
import { Records } from './state/records.js';
import { SetAsides } from './state/set-asides.js';
import { StartMarkers } from './state/start-markers.js';
import { type EngineStatus, statusOf } from './status.js';

export class Engine {
  readonly #settings: EngineSettings;
  readonly #random: () => number;
  readonly #commits: Commits;
  readonly #markers: StartMarkers;
  readonly #records: Records;
  readonly #jobs: Jobs;
  readonly #loader: LoaderHealth;
  readonly #reading: Reading;
  readonly #pauses: Pauses;
  readonly #asides: SetAsides;
  readonly #lifecycle: Lifecycle;
  #epoch = 0;
  /** Whether no load is started, for no commit was acknowledged for a whole session. */
  #startsHeld = false;
  #effects: Effect[] = [];
  readonly #emit = (effect: Effect): void => {
    this.#effects.push(effect);
  };

  /** @param random a source of numbers in [0, 1), for the jitter of retries */
  constructor(settings: EngineSettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
    const emit = this.#emit;
    this.#commits = new Commits(settings.records.commitIntervalMs, settings.records.boot);
    this.#markers = new StartMarkers(this.#commits);
    this.#records = new Records(settings.records, this.#commits, this.#markers, emit);
    this.#jobs = new Jobs(settings, random, emit);
    this.#loader = new LoaderHealth(() => this.#jobs.settings.breaker);
    this.#pauses = new Pauses(!settings.awaitsControl);
    this.#reading = new Reading(settings, this.#records, this.#jobs, this.#loader);
    const parts = { records: this.#records, jobs: this.#jobs, commits: this.#commits, enqueue: this.#enqueue };
    this.#lifecycle = new Lifecycle(this.#work());
    this.#asides = new SetAsides(settings.onlyWaiting === true ? null : settings.records.waiting, parts, emit);
  }

  /** @param now milliseconds on a clock that never goes back; wall time where a deadline is shown to people */
  handle(event: EngineEvent, now: number): Effect[] {
    if (this.#lifecycle.kind === 'stopped') return [];
    this.#effects = [];
    const breakerBefore = this.#jobs.breaker.state;
    this.#handleEvent(event, now);
    if (!this.#lifecycle.isStopping) this.#records.sendDueLetters(now);
    this.#holdStarts(now);
    this.#probeLoader(now);
    this.#applyPauses(now);
    this.#startJobs(now);
    this.#adjustPauses(now);
    if (this.#lifecycle.kind === 'running' && this.#asides.advance(this.#reading.needsRoom, now)) this.#startJobs(now);
    this.#commit(event, now);
    if (this.#startsHeld) this.#endVainHold(event, now);
    this.#runCommittedStarts();
    this.#lifecycle.advance(now);
    this.#jobs.reportBreaker(breakerBefore);
    return this.#effects;
  }

  /** Takes other settings; a `tick` then does what they permit. What no reload changes must be as it was. */
  follow(settings: EngineSettings): void {
    this.#jobs.follow(settings);
  }

  /** When `handle` wants a `tick` at the latest, or null when only other events can change anything. */
  nextWakeAt(): number | null {
    if (this.#lifecycle.kind === 'stopped') return null;
    const commitAt = this.#records.nextCommitAt();
    if (this.#lifecycle.isStopping) return earliest(commitAt, this.#lifecycle.stopAt);
    const kept = earliest(commitAt, this.#pauses.nextAt());
    if (this.#lifecycle.kind === 'drained') return kept;
    const worked = earliest(kept, this.#records.nextLetterAt(), this.#loader.nextAt());
    // What else there is waits for the group, or for the end of a drain.
    if (this.#lifecycle.kind !== 'running') return worked;
    return earliest(worked, this.#nextStartAt(), this.#asides.nextAt);
  }

  #nextStartAt(): number | null {
    const isKnown = this.#records.assignment.isRestored && this.#pauses.isKnown;
    return isKnown && this.#loader.permitsStarts && !this.#startsHeld ? this.#jobs.nextStartAt() : null;
  }

  /** For a run that ends itself for a reason that no file is; it changes nothing here, so the run may go on after all. */
  commitsWithoutStarts(): CommitOffset[] {
    return this.#records.commitsWithoutStarts();
  }

  status(): EngineStatus {
    return statusOf({
      lifecycle: this.#lifecycle.shown,
      drain: this.#lifecycle.order,
      pausedAll: this.#reading.pausedAll,
      jobs: this.#jobs,
      records: this.#records,
      commits: this.#commits,
      startsHeld: this.#startsHeld,
      loader: this.#loader,
      pauses: this.#pauses,
      asides: this.#asides,
    });
  }

  #handleEvent(event: EngineEvent, now: number): void {
    switch (event.type) {
      case 'assigned':
        // From before the group was left.
        if (this.#lifecycle.kind === 'drained') return;
        this.#epoch = event.epoch;
        this.#lifecycle.assigned();
        return this.#reassign(event.partitions);
      case 'restored':
        if (event.epoch === this.#epoch) for (const position of event.positions) this.#restore(position, now);
        return;
      case 'record':
        return this.#admit(event.record, event.defect ?? null, now);
      case 'finished':
        return this.#takeEnd(event, now);
      case 'loader-changed':
        return this.#loader.changed(now);
      case 'probed':
        return this.#takeProbe(event.probe, now);
      case 'dead-lettered':
        return this.#records.letterAcknowledged(event.letterId);
      case 'dead-letter-failed':
        return this.#records.deadLetters.refused(event.letterId, event.error, now, this.#random(), event.isUnclear);
      case 'set-aside-done':
        return this.#asides.done(event.batchId, now);
      case 'set-aside-failed':
        return this.#asides.failed(event, now);
      case 'controlled':
        return this.#pauses.replace(event.pauses);
      case 'allowed':
        for (const begun of this.#records.allow(event.tenants, now)) this.#enqueue(begun, now);
        return;
      case 'machine':
        return this.#jobs.machine(event.load, now);
      case 'committed':
        return this.#records.committed(event.offsets);
      case 'commit-failed':
        return this.#records.commitFailed(event, now);
      case 'drain':
        return this.#lifecycle.stop(event.stopAt);
      case 'force-stop':
        return this.#lifecycle.hasten(now);
      case 'drain-ordered':
        return this.#lifecycle.drain(event.order);
      case 'left-group':
        return this.#lifecycle.left();
      case 'drain-ended':
        return this.#lifecycle.resume();
      case 'rebalancing':
        return this.#records.beforeRebalance();
      case 'started':
      case 'signalled':
      case 'out-of-range':
      case 'consumer-restarting':
      case 'tick':
        return;
    }
  }

  #reassign(partitions: readonly TopicPartition[]): void {
    for (const lost of this.#records.assignment.replace(partitions)) this.#dropJobs(lost);
  }

  #restore(position: CommittedPosition, now: number): void {
    const restored = this.#records.restore(position);
    if (restored === null) return;
    if (restored.lastAloneAt !== null) this.#jobs.suspects.ranAlone(restored.lastAloneAt, now);
    if (restored.finishedElsewhere.length === 0) return;
    const offsets = new Set(restored.finishedElsewhere);
    const dropped = this.#dropJobs(restored.owned, ({ pending }) => offsets.has(pending.record.offset));
    for (const pending of dropped) this.#records.finishElsewhere(pending);
    this.#asides.finishedElsewhere(restored.owned, offsets, now);
  }

  #admit(record: KafkaRecord, defect: RecordDefect | null, now: number): void {
    let begun = this.#records.begin(record, defect, now);
    if (begun.kind === 'reset') {
      this.#dropJobs(begun.lost);
      this.#asides.adopt(now);
      begun = this.#records.begin(record, defect, now);
    }
    this.#enqueue(begun, now);
  }

  readonly #enqueue = (begun: Begun, now: number): void => {
    if (begun.kind !== 'jobs') return;
    for (const settlement of this.#jobs.take(begun.pending, begun.jobs, now)) this.#records.settle(settlement);
  };

  /** An end that may be the loader's own fault waits for a probe, and keeps its slot meanwhile. */
  #takeEnd({ jobId, outcome }: Extract<EngineEvent, { type: 'finished' }>, now: number): void {
    const startedAt = this.#jobs.running.get(jobId)?.startedAt ?? now;
    const end = { jobId, startedAt, outcome };
    if (this.#settings.command.bundled || outcome.result !== 'failed') this.#finish(jobId, outcome, now);
    else if (!isDoubtful(outcome)) this.#finishUnlessTroubled(end, now);
    else if (this.#lifecycle.isWorking) this.#loader.hold(end);
    else this.#finish(jobId, leave(outcome), now);
  }

  #finishUnlessTroubled({ jobId, startedAt, outcome }: HeldEnd, now: number): void {
    const why = this.#loader.trouble?.reason ?? null;
    const repeats = this.#jobs.running.get(jobId)?.unchargedInRow ?? 0;
    this.#finish(jobId, this.#loader.wasTroubledSince(startedAt) ? excuse(outcome, why, repeats) : outcome, now);
  }

  #takeProbe(probe: ProbeResult, now: number): void {
    const { reason: before } = this.#loader.trouble ?? { reason: null };
    const wasUnproven = !this.#loader.permitsStarts;
    const { verdict, ends } = this.#loader.probed(probe, now);
    const isNews = verdict.kind === 'accused' ? verdict.reason !== before : wasUnproven;
    if (isNews) this.#emit({ type: 'loader-judged', verdict });
    for (const end of ends) this.#finishUnlessTroubled(end, now);
  }

  #probeLoader(now: number): void {
    const isMeant = this.#lifecycle.kind === 'starting' || this.#lifecycle.isWorking;
    if (isMeant && this.#loader.begin(now)) this.#emit({ type: 'probe' });
  }

  #applyPauses(now: number): void {
    const changes = this.#pauses.advance(now);
    if (changes === null) return;
    this.#jobs.scheduler.pause(new Set(this.#pauses.active.map(({ tenant }) => tenant)));
    for (const change of changes) this.#emit({ type: 'pause-changed', ...change });
  }

  #finish(jobId: string, outcome: Outcome, now: number): void {
    const settlement = this.#jobs.finish(jobId, outcome, now);
    if (settlement !== null) this.#records.settle(settlement);
  }

  /** Returns the records of the jobs, those that run included. */
  #dropJobs(owned: PartitionState, isUnwanted: (state: JobState) => boolean = () => true): Set<PendingRecord> {
    const isMeant = (state: JobState) => state.pending.owned === owned && isUnwanted(state);
    const dropped = this.#jobs.drop(owned, isMeant);
    this.#withdrawStarts(isMeant);
    return dropped;
  }

  #withdrawStarts(isMeant: (state: JobState) => boolean): void {
    for (const state of this.#markers.withdraw(isMeant)) this.#jobs.withdraw(state);
  }

  /** Ends with the commit that is acknowledged, and so needs no moment of its own. */
  #holdStarts(now: number): void {
    const { unacknowledgedSince, lastError } = this.#commits;
    const held = unacknowledgedSince !== null && now - unacknowledgedSince >= this.#settings.sessionTimeoutMs;
    if (held === this.#startsHeld) return;
    this.#startsHeld = held;
    this.#emit({ type: 'starts-held', held, reason: lastError ?? (held ? 'no answer' : 'a commit was acknowledged') });
  }

  /** What was refused may turn out to be nobody's any more when it is to be committed again. */
  #endVainHold(event: EngineEvent, now: number): void {
    this.#holdStarts(now);
    if (this.#startsHeld) return;
    this.#startJobs(now);
    this.#commit(event, now);
  }

  #startJobs(now: number): void {
    // What a previous owner finished must be known before more is begun.
    if (this.#lifecycle.kind !== 'running' || !this.#records.assignment.isRestored) return;
    if (!this.#pauses.isKnown || !this.#loader.permitsStarts || this.#startsHeld) return;
    for (let state = this.#jobs.next(now); state !== null; state = this.#jobs.next(now)) {
      if (this.#markers.mark(state)) this.#jobs.run(state);
    }
  }

  #commit(event: EngineEvent, now: number): void {
    // What is left then goes with the last commit of the drain.
    if (this.#lifecycle.kind === 'draining' && this.#isIdle) return;
    const isUrgent = event.type === 'rebalancing' || event.type === 'force-stop';
    const isDue = isUrgent || (this.#markers.hasWaiting && !this.#commits.isFailing);
    this.#records.commit(now, isDue, this.#lifecycle.hasEnded);
  }

  #runCommittedStarts(): void {
    if (!this.#lifecycle.isWorking) return;
    for (const state of this.#markers.takeCommitted()) this.#jobs.run(state);
  }

  #adjustPauses(now: number): void {
    const changes = this.#reading.adjust(this.#lifecycle.kind === 'running', now);
    if (changes === null) return;
    const { pause, resume } = changes;
    if (pause.length > 0) this.#emit({ type: 'pause', partitions: pause });
    if (resume.length > 0) this.#emit({ type: 'resume', partitions: resume });
  }

  get #isIdle(): boolean {
    return this.#jobs.running.size === 0 && this.#records.deadLetters.inFlight === 0;
  }

  #work(): Work {
    return {
      isIdle: () => this.#isIdle,
      commitAt: () => this.#commits.nextAt(),
      isCommitting: () => this.#commits.inFlight,
      isCommitFailing: () => this.#commits.isFailing,
      isRestored: () => this.#records.assignment.isRestored,
      commitAsLast: (now) => this.#records.commit(now, true, true),
      forgetStarts: () => this.#records.beforeDrain(),
      commitAll: () => this.#records.touchAll(),
      withdrawStarts: () => this.#withdrawStarts(() => true),
      stopChildren: (now) => this.#stopChildren(now),
      dropAll: () => {
        this.#reassign([]);
        // Who comes back reads what the group says by then, and somebody may have set it back.
        this.#records.copies?.keep([]);
      },
      uncommitted: () => this.#records.uncommitted,
      emit: (effect) => this.#emit(effect),
    };
  }

  #stopChildren(now: number): void {
    for (const { jobId, outcome } of this.#loader.releaseHeld()) this.#finish(jobId, leave(outcome), now);
    for (const jobId of this.#jobs.running.keys()) this.#emit({ type: 'stop', jobId });
  }
}
