/**
 * Records between their delivery and the commit that passes them. A record is begun when its offset enters the tracker,
 * settled when every file of it has a final verdict, and complete when it was loaded or its dead letter acknowledged;
 * only then may a commit pass it.
 */
import type { KafkaRecord } from '../../types.js';
import { earliest } from '../../util/earliest.js';
import type { CommitOffset, CommittedPosition, Effect, EngineEvent, RecordDefect, RecordResult } from '../events.js';
import { decodeMetadata, EMPTY_METADATA, encodeMetadata, MAX_METADATA_CHARACTERS } from '../offsets/commit-metadata.js';
import type { Poison } from '../rules/decode.js';
import { originalOf } from '../rules/headers.js';
import type { Plan } from '../rules/routing.js';
import type { RecordRules } from '../settings.js';
import { Assignment } from './assignment.js';
import type { Commits } from './commits.js';
import { Copies } from './copies.js';
import { DeadLetters } from './dead-letters.js';
import { HeldRecords } from './held-records.js';
import { heldBy, released } from './intake/kept-record.js';
import { Plans } from './intake/plans.js';
import { UnknownLanes } from './intake/unknown-lanes.js';
import type { PartitionState } from './partition-state.js';
import {
  type Begun,
  beginWork,
  composeLetter,
  isNoLongerOurs,
  newPendingRecord,
  type PendingRecord,
  type Settlement,
} from './pending-record.js';
import type { StartMarkers } from './start-markers.js';

/** What the broker's answer changed in a partition that we had before. */
export interface Restored {
  readonly owned: PartitionState;
  /** Offsets that another member finished while we had them open. */
  readonly finishedElsewhere: readonly number[];
  /** When a file of it was last loaded alone that the service did not survive; null where none was. */
  readonly lastAloneAt: number | null;
}

type CommitFailure = Extract<EngineEvent, { readonly type: 'commit-failed' }>;

const NO_JOBS: Begun = { kind: 'no-jobs' };

export class Records {
  readonly assignment = new Assignment();
  readonly deadLetters = new DeadLetters();
  readonly held = new HeldRecords();
  /** Null where nothing is set aside. */
  readonly copies: Copies | null;
  readonly #rules: RecordRules;
  readonly #commits: Commits;
  readonly #markers: StartMarkers;
  readonly #emit: (effect: Effect) => void;
  readonly #plans: Plans;
  readonly #unknownLanes = new UnknownLanes();

  constructor(rules: RecordRules, commits: Commits, markers: StartMarkers, emit: (effect: Effect) => void) {
    this.#rules = rules;
    this.#commits = commits;
    this.#markers = markers;
    this.#emit = emit;
    this.#plans = new Plans(rules.maxMessageBytes, rules.routing, emit);
    this.copies = rules.waiting === null ? null : new Copies(rules.waiting.topic);
  }

  /** Bytes of the messages that are held until their records complete. */
  get heldBytes(): number {
    let bytes = 0;
    for (const owned of this.assignment.values()) bytes += owned.heldBytes;
    return bytes;
  }

  /**
   * Takes what was committed for a partition; null where the answer is of no use any more. Metadata of another version of
   * the service may be unreadable: then records are loaded again.
   */
  restore({ topic, partition, offset, metadata }: CommittedPosition): Restored | null {
    const owned = this.assignment.get({ topic, partition });
    if (owned === null || owned.restored) return null;
    owned.restored = true;
    const isKnown = owned.tracker.position !== null;
    const committed = offset === null ? EMPTY_METADATA : decodeMetadata(offset, metadata);
    const isClean = committed?.clean === true;
    if (committed === null) {
      this.#emit({ type: 'metadata-problem', partition: { topic, partition }, problem: 'unreadable' });
    }
    if (!isKnown && !isClean) this.#markers.expectCrash(owned, offset !== null);
    if (offset === null) return { owned, finishedElsewhere: [], lastAloneAt: null };
    owned.committedMetadata = metadata;
    owned.lastCommit = { offset, metadata };
    // This run has not come to its end. If it crashes before anything completes, the next run must know.
    if (isClean) this.#commits.touch(owned);
    const lastAloneAt = owned.attempts.restore(committed?.attempts ?? EMPTY_METADATA.attempts, this.#rules.boot);
    const finishedElsewhere = owned.tracker.restore(offset, committed?.completed ?? []);
    for (const pending of this.held.drop(owned, finishedElsewhere)) this.finishElsewhere(pending);
    // A commit that outlived an assignment may have moved the group back.
    if (owned.tracker.isBehind) this.#commits.touch(owned);
    const { completedAhead } = owned.tracker;
    if (!isKnown && completedAhead > 0) {
      this.#emit({ type: 'restored-partition', partition: { topic, partition }, completedAhead });
    }
    return { owned, finishedElsewhere, lastAloneAt };
  }

  /** Takes a delivered record. After a reset it is to be begun again, in the partition that was made anew. */
  begin(record: KafkaRecord, defect: RecordDefect | null, now: number): Begun {
    const owned = this.assignment.get(record);
    if (owned === null) return NO_JOBS;
    switch (owned.tracker.begin(record.offset, record.timestamp)) {
      case 'in-flight':
      case 'done':
        this.#took(record, 'redelivered');
        if (owned.tracker.isBehind) this.#commits.touch(owned);
        return NO_JOBS;
      case 'reset': {
        const { topic, partition } = owned;
        this.#emit({ type: 'offsets-reset', partition: { topic, partition }, to: record.offset });
        this.assignment.renew(owned);
        return { kind: 'reset', lost: owned };
      }
      case 'new':
        return this.#open(record, owned, defect, now);
    }
  }

  /** Takes another allow-list. What was accepted under the former one stays so; returns what has waited for a name on this one. */
  allow(tenants: ReadonlySet<string>, now: number): Begun[] {
    this.#plans.allow(tenants);
    const begun: Begun[] = [];
    for (const [tenant, waiting] of this.held.release(this.#plans.lets)) {
      this.#emit({ type: 'tenant-released', tenant, records: waiting.length });
      for (const pending of waiting) {
        const plan = this.#plans.of(released(pending.original));
        if (plan.kind === 'poison') this.#reject(pending, plan, now);
        if (plan.kind === 'jobs') begun.push(beginWork(pending, plan.jobs));
      }
    }
    return begun;
  }

  /** Has a copy stand for what it was to wait for. */
  takeOver(copy: PendingRecord, now: number): Begun {
    return this.#work(released(copy.record), copy, this.#plans.of(released(copy.original)), now);
  }

  /** A copy of the record is acknowledged; returns that copy where it is to stand for the record from now on. */
  movedAway(pending: PendingRecord): PendingRecord | null {
    this.#pass(pending);
    return this.copies?.movedAway(pending) ?? null;
  }

  /** The group gives partitions to others perhaps, and they read what is committed now. */
  beforeRebalance(): void {
    for (const owned of this.assignment.values()) if (owned.attempts.doubtAlone()) this.#commits.touch(owned);
  }

  /** Whatever ends the service from now on, it is no file that runs. */
  beforeDrain(): void {
    for (const owned of this.assignment.values()) if (owned.attempts.forgetStarts()) this.#commits.touch(owned);
  }

  /** How this run ends, or that it goes on after all, is to be committed. */
  touchAll(): void {
    for (const owned of this.assignment.values()) this.#commits.touch(owned);
  }

  /** Another member finished the record. */
  finishElsewhere(pending: PendingRecord): void {
    pending.finishedElsewhere = true;
    pending.owned.attempts.forget(pending.record.offset);
    pending.owned.heldBytes -= heldBy(pending.record);
  }

  /** One job of the record has its final verdict. */
  settle({ pending, failure }: Settlement): void {
    if (failure !== null) pending.failures = [...pending.failures, failure];
    pending.unsettled -= 1;
    if (pending.unsettled > 0) return;
    if (pending.failures.length === 0) this.#complete(pending);
    else this.#sendLetter(pending);
  }

  letterAcknowledged(letterId: number): void {
    const pending = this.deadLetters.acknowledged(letterId);
    if (pending !== null) this.#complete(pending);
  }

  /** When `sendDueLetters` has something to send next, or null. */
  nextLetterAt(): number | null {
    return earliest(this.deadLetters.nextAt(), this.held.nextAt());
  }

  /** Sends the letters of what has waited too long, and again those that were refused. */
  sendDueLetters(now: number): void {
    for (const { pending, refusal, since } of this.held.expired(now)) {
      const reason = `${refusal.reason}, nor was it ${Math.round((now - since) / 1000)} s later`;
      this.#reject(pending, { ...refusal, reason }, since);
    }
    if (this.deadLetters.size === 0) return;
    for (const { id, ...rest } of this.deadLetters.due(now)) this.#emit({ type: 'dead-letter', letterId: id, ...rest });
  }

  /** When the next commit is due, or null when there is nothing to commit, or not yet. */
  nextCommitAt(): number | null {
    const at = this.#commits.nextAt();
    return at !== null && this.assignment.isRestored ? at : null;
  }

  /**
   * Commits what is due, but nothing before the committed positions are known: others may have come further while the group
   * held us for dead, and a commit of our own would take theirs back.
   *
   * @param urgent commit at once rather than when the interval is over
   * @param clean whether this run comes to an orderly end
   */
  commit(now: number, urgent: boolean, clean = false): void {
    if (this.nextCommitAt() === null) return;
    const offsets = this.#commits.next(now, urgent, clean);
    if (offsets === null) return;
    for (const { topic, partition, offset, metadata } of offsets) {
      const owned = this.assignment.get({ topic, partition });
      if (owned !== null) owned.lastCommit = { offset, metadata };
      if (metadata === '' && owned?.metadataNearlyFull === true)
        this.#emit({ type: 'metadata-problem', partition: { topic, partition }, problem: 'too-long' });
    }
    this.#emit({ type: 'commit', offsets });
  }

  /**
   * Each partition's last commit without what this run added to it for the jobs that it started, and as the commit of an
   * orderly end. It names no other offset, so it is true whatever state this run is in.
   */
  commitsWithoutStarts(): CommitOffset[] {
    const commits: CommitOffset[] = [];
    for (const { topic, partition, restored, lastCommit, attempts } of this.assignment.values()) {
      if (lastCommit === null || !restored) continue;
      const { offset } = lastCommit;
      const completed = decodeMetadata(offset, lastCommit.metadata)?.completed ?? [];
      const metadata = encodeMetadata(offset, { completed, attempts: attempts.withoutStarts(), clean: true });
      if (metadata !== lastCommit.metadata && metadata.length <= MAX_METADATA_CHARACTERS) {
        commits.push({ topic, partition, offset, metadata });
      }
    }
    return commits;
  }

  committed(offsets: readonly CommitOffset[]): void {
    for (const position of offsets) {
      const owned = this.assignment.get(position);
      if (owned === null) continue;
      owned.tracker.confirm(position.offset);
      owned.committedMetadata = position.metadata;
      owned.completedUnacknowledged = 0;
      // A commit that outlived an assignment may have moved the group back.
      if (owned.tracker.isBehind) this.#commits.touch(owned);
    }
    this.#commits.succeeded();
  }

  commitFailed({ offsets, error, isMetadataTooLarge }: CommitFailure, now: number): void {
    this.#commits.failed(now, error, this.assignment.values());
    const refused = isMetadataTooLarge ? this.#commits.metadataRefused(now, offsets) : null;
    if (refused === null) return;
    const { topic, partition } = refused;
    this.#emit({ type: 'metadata-problem', partition: { topic, partition }, problem: 'refused' });
  }

  /** Completed records that no acknowledged commit contains. */
  get uncommitted(): number {
    let records = 0;
    for (const owned of this.assignment.values()) records += owned.completedUnsent + owned.completedUnacknowledged;
    return records;
  }

  #open(record: KafkaRecord, owned: PartitionState, defect: RecordDefect | null, now: number): Begun {
    const original = originalOf(record, this.#rules.waiting);
    const pending = newPendingRecord(record, owned, original);
    owned.heldBytes += heldBy(pending.record);
    const met = this.copies?.meet(pending) ?? 'first';
    if (met === 'first') {
      const plan = defect === null ? this.#plans.of(original) : this.#plans.defective(record, defect);
      return this.#work(record, pending, plan, now);
    }
    this.#took(record, 'redelivered');
    if (met === 'done') this.#pass(pending);
    return NO_JOBS;
  }

  #work(record: KafkaRecord, pending: PendingRecord, plan: Plan, now: number): Begun {
    switch (plan.kind) {
      case 'tombstone':
        this.#took(record, 'tombstone');
        this.#complete(pending);
        return NO_JOBS;
      case 'poison':
        this.#refuse(record, pending, plan, now);
        return NO_JOBS;
      case 'jobs':
        this.#took(record, 'accepted');
        this.#unknownLanes.note(record, this.#emit);
        return beginWork(pending, plan.jobs);
    }
  }

  #refuse(record: KafkaRecord, pending: PendingRecord, refusal: Poison, now: number): void {
    const { holdUnknownMs } = this.#rules;
    const { unknownTenant } = refusal;
    if (unknownTenant === undefined || holdUnknownMs === 0) {
      this.#took(record, 'rejected');
      return this.#reject(pending, refusal, now);
    }
    this.#took(record, 'held');
    if (this.held.add(pending, unknownTenant, refusal, now, holdUnknownMs))
      this.#emit({ type: 'tenant-held', tenant: unknownTenant, until: now + holdUnknownMs });
  }

  #reject(pending: PendingRecord, { disposition, reason }: Poison, firstFailedAt: number): void {
    pending.failures = [{ file: '', disposition, reason, attempts: 0, outcome: null, firstFailedAt }];
    this.#sendLetter(pending);
  }

  #sendLetter(pending: PendingRecord): void {
    const letter = composeLetter(pending);
    this.#emit({ type: 'dead-letter', letterId: this.deadLetters.add(pending, letter), letter });
  }

  /** It is loaded, given up or nothing, and so are its copies. */
  #complete(pending: PendingRecord): void {
    if (isNoLongerOurs(pending)) return;
    this.#pass(pending);
    for (const copy of this.copies?.finished(pending) ?? []) this.#pass(copy);
  }

  #pass(pending: PendingRecord): void {
    const { record, owned } = pending;
    owned.attempts.forget(record.offset);
    owned.markersLeft = Math.max(0, owned.markersLeft - 1);
    owned.heldBytes -= heldBy(record);
    owned.completedUnsent += 1;
    owned.tracker.complete(record.offset);
    this.#commits.touch(owned);
  }

  #took(record: KafkaRecord, result: RecordResult): void {
    this.#emit({ type: 'record-taken', record, result });
  }
}
