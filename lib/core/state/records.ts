/**
 * Records between their delivery and the commit that passes them. A record is begun when its offset enters the tracker,
 * settled when every file of it has a final verdict, and complete when it was loaded or its dead letter acknowledged;
 * only then may a commit pass it.
 */
import type { Job, KafkaRecord } from '../../types.js';
import type { CommitOffset, CommittedPosition, Effect, RecordResult } from '../events.js';
import { decodeMetadata, EMPTY_METADATA } from '../offsets/commit-metadata.js';
import { decode, type Poison } from '../rules/decode.js';
import { planJobs, type RoutingRules } from '../rules/routing.js';
import { Assignment } from './assignment.js';
import { Commits } from './commits.js';
import { DeadLetters } from './dead-letters.js';
import {
  composeLetter,
  type Failure,
  isNoLongerOurs,
  type PartitionState,
  type PendingRecord,
  pendingRecord,
} from './pending-record.js';

/** More than are started between two commits, unless they are so short that one of them ending us would show at once. */
const CAREFUL_COMPLETIONS = 100;

export interface RecordRules {
  readonly maxMessageBytes: number;
  readonly commitIntervalMs: number;
  readonly routing: RoutingRules;
}

export class Records {
  readonly assignment = new Assignment();
  readonly deadLetters = new DeadLetters();
  readonly commits: Commits;
  readonly #rules: RecordRules;
  readonly #emit: (effect: Effect) => void;

  constructor(rules: RecordRules, emit: (effect: Effect) => void) {
    this.#rules = rules;
    this.#emit = emit;
    this.commits = new Commits(rules.commitIntervalMs);
  }

  /** Bytes of the messages that are held until their records complete. */
  get heldBytes(): number {
    let bytes = 0;
    for (const owned of this.assignment.values()) bytes += owned.heldBytes;
    return bytes;
  }

  /**
   * Takes what was committed for a partition; returns the offsets that another member finished while we had them open.
   * What another version of the service wrote may be unreadable: then records are loaded again.
   */
  restore({
    topic,
    partition,
    offset,
    metadata,
  }: CommittedPosition): { owned: PartitionState; passed: number[] } | null {
    const owned = this.assignment.get({ topic, partition });
    if (owned === null || owned.restored) return null;
    owned.restored = true;
    const isKnown = owned.tracker.position !== null;
    const map = offset === null ? EMPTY_METADATA : decodeMetadata(offset, metadata);
    if (map === null) this.#emit({ type: 'metadata-problem', partition: { topic, partition }, problem: 'unreadable' });
    if (!isKnown && map?.clean !== true) owned.careful = offset === null ? 1 : CAREFUL_COMPLETIONS;
    if (offset === null) return { owned, passed: [] };
    owned.metadata = metadata;
    // This life has not come to its end: should it crash before it completes anything, the next one is to know.
    if (map?.clean === true) this.commits.touch(owned);
    owned.attempts.restore(map?.attempts ?? EMPTY_METADATA.attempts);
    const passed = owned.tracker.restore(offset, map?.completed ?? []);
    // The group may have been moved back by a commit that outlived an assignment.
    if (owned.tracker.isBehind) this.commits.touch(owned);
    const { completedAhead } = owned.tracker;
    if (!isKnown && completedAhead > 0)
      this.#emit({ type: 'restored-partition', partition: { topic, partition }, completedAhead });
    return { owned, passed };
  }

  /**
   * Takes a delivered record, whose partition is renewed if its offsets were reset; returns the jobs that it asks for, or
   * null when there is nothing to run for it.
   */
  begin(record: KafkaRecord, now: number): { readonly open: PendingRecord; readonly jobs: readonly Job[] } | null {
    let owned = this.assignment.get(record);
    if (owned === null) return null;
    const begun = owned.tracker.begin(record.offset);
    if (begun === 'in-flight' || begun === 'done') {
      this.#took(record, 'redelivered');
      if (owned.tracker.isBehind) this.commits.touch(owned);
      return null;
    }
    if (begun === 'reset') {
      const { topic, partition } = owned;
      this.#emit({ type: 'offsets-reset', partition: { topic, partition }, to: record.offset });
      owned = this.assignment.renew(owned);
      owned.tracker.begin(record.offset);
    }
    owned.heldBytes += heldBy(record);
    const decoded = decode(record.value, this.#rules.maxMessageBytes);
    if (decoded.kind === 'tombstone') {
      this.#took(record, 'tombstone');
      this.#complete(pendingRecord(record, owned, 0));
      return null;
    }
    const jobs = decoded.kind === 'poison' ? decoded : planJobs(record, decoded.request, this.#rules.routing);
    if (!Array.isArray(jobs)) {
      this.#took(record, 'rejected');
      this.#reject(record, owned, jobs as Poison, now);
      return null;
    }
    this.#took(record, 'accepted');
    return { open: pendingRecord(record, owned, jobs.length), jobs };
  }

  /** A job of the record is about to start. Returns the commit that is to tell of it first, or null; see `careful`. */
  started({ owned, record }: PendingRecord): number | null {
    owned.attempts.started(record.offset);
    if (owned.careful === 0) return null;
    this.commits.touch(owned);
    return this.commits.nextNumber;
  }

  /** Another member finished the record. */
  pass(open: PendingRecord): void {
    open.passed = true;
    open.owned.attempts.forget(open.record.offset);
    open.owned.heldBytes -= heldBy(open.record);
  }

  /** One job of the record has its final verdict. */
  settle(open: PendingRecord, failure: Failure | null): void {
    if (failure !== null) open.failures = [...open.failures, failure];
    open.unsettled -= 1;
    if (open.unsettled > 0) return;
    if (open.failures.length === 0) this.#complete(open);
    else this.#sendLetter(open);
  }

  letterAcknowledged(letterId: number): void {
    const open = this.deadLetters.acknowledged(letterId);
    if (open !== null) this.#complete(open);
  }

  resendLetters(now: number): void {
    if (this.deadLetters.size === 0) return;
    for (const { id, letter } of this.deadLetters.due(now)) this.#emit({ type: 'dead-letter', letterId: id, letter });
  }

  /** When the next commit is due, or null when there is nothing to commit, or not yet. */
  nextCommitAt(): number | null {
    const at = this.commits.nextAt();
    return at !== null && this.assignment.isRestored ? at : null;
  }

  /**
   * Nothing is committed before it is known what is committed: others may have come further while the group held us for
   * dead, and a commit of our own would take it back.
   *
   * @param urgent commit at once rather than when the interval is over
   */
  commit(now: number, urgent: boolean, clean = false): void {
    if (this.nextCommitAt() === null) return;
    const offsets = this.commits.next(now, urgent, clean);
    if (offsets === null) return;
    for (const { topic, partition, metadata } of offsets) {
      const isLeftOut = metadata === '' && this.assignment.get({ topic, partition })?.metadataNearlyFull === true;
      if (isLeftOut) this.#emit({ type: 'metadata-problem', partition: { topic, partition }, problem: 'too-long' });
    }
    this.#emit({ type: 'commit', offsets });
  }

  committed(offsets: readonly CommitOffset[]): void {
    for (const position of offsets) {
      const owned = this.assignment.get(position);
      if (owned === null) continue;
      owned.tracker.confirm(position.offset);
      owned.metadata = position.metadata;
      // One that outlived an assignment may have taken the group back.
      if (owned.tracker.isBehind) this.commits.touch(owned);
    }
    this.commits.succeeded();
  }

  #reject(record: KafkaRecord, owned: PartitionState, { disposition, reason }: Poison, now: number): void {
    const failure = { file: '', disposition, reason, attempts: 0, outcome: null, firstFailedAt: now };
    const open = pendingRecord(record, owned, 0);
    open.failures = [failure];
    this.#sendLetter(open);
  }

  #sendLetter(open: PendingRecord): void {
    const letter = composeLetter(open);
    this.#emit({ type: 'dead-letter', letterId: this.deadLetters.add(open, letter), letter });
  }

  #complete(open: PendingRecord): void {
    if (isNoLongerOurs(open)) return;
    const { record, owned } = open;
    owned.attempts.forget(record.offset);
    owned.careful = Math.max(0, owned.careful - 1);
    owned.heldBytes -= heldBy(record);
    owned.tracker.complete(record.offset);
    this.commits.touch(owned);
  }

  #took(record: KafkaRecord, result: RecordResult): void {
    this.#emit({ type: 'record-taken', record, result });
  }
}

function heldBy(record: KafkaRecord): number {
  return record.value?.byteLength ?? 0;
}
