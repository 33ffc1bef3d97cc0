/** What the engine keeps of a record between its arrival and the completion of its offset. */
import type { Job, KafkaRecord, Outcome, TopicPartition } from '../../types.js';
import type { DeadLetter, Disposition } from '../events.js';
import { AttemptLedger } from '../offsets/attempt-counts.js';
import type { ChargedAttempts } from '../offsets/commit-metadata.js';
import { OffsetTracker } from '../offsets/offset-tracker.js';
import type { Schedulable } from '../rules/scheduler.js';

/** A partition of our assignment. Once lost it stays lost: a partition that comes back is a new one. */
export interface PartitionState extends TopicPartition {
  readonly tracker: OffsetTracker;
  readonly attempts: AttemptLedger;
  lost: boolean;
  /** Whether what was committed for it is known; until then it is not read. */
  restored: boolean;
  /**
   * For how many more completions a start is committed before it happens. It is as many as a life may have started that
   * did not come to an orderly end, since the last commit that survived it: one of them may have ended it.
   */
  careful: number;
  /** What the broker acknowledged last beside the position. */
  metadata: string;
  /** Whether the metadata of the last commit came near to what a broker accepts. */
  metadataNearlyFull: boolean;
  /** What the client was last told; null when a rebalance may have changed it. */
  paused: boolean | null;
  /** Bytes of the messages that are held until their records complete. */
  heldBytes: number;
}

/** A record whose jobs are not all settled, or whose dead letter is not acknowledged. */
export interface PendingRecord {
  readonly record: KafkaRecord;
  readonly owned: PartitionState;
  /** Another member finished it while we had lost the partition. */
  passed: boolean;
  /** Jobs without a final verdict. */
  unsettled: number;
  failures: readonly Failure[];
}

export interface Failure {
  readonly file: string;
  readonly disposition: Disposition;
  readonly reason: string;
  readonly attempts: number;
  readonly outcome: Outcome | null;
  readonly firstFailedAt: number;
}

/** A job with its history; `open` changes when the record is delivered again while the job runs. */
export interface JobState extends Schedulable {
  readonly job: Job;
  open: PendingRecord;
  readonly arrivedAt: number;
  startedAt: number;
  /** The commit that is to tell of the start before it happens; null when none needs to. */
  heldFor: number | null;
  /** Starts in all, for the child's environment and the logs. */
  starts: number;
  spent: ChargedAttempts;
  /** Repetitions in a row that did not count. */
  uncharged: number;
  firstFailedAt: number | null;
}

/** Most records have none, and many are held at a time. */
const NO_FAILURES: readonly Failure[] = [];

export function newPartitionState({ topic, partition }: TopicPartition): PartitionState {
  return {
    topic,
    partition,
    tracker: new OffsetTracker(),
    attempts: new AttemptLedger(),
    lost: false,
    restored: false,
    careful: 0,
    metadata: '',
    metadataNearlyFull: false,
    paused: null,
    heldBytes: 0,
  };
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

export function pendingRecord(record: KafkaRecord, owned: PartitionState, jobs: number): PendingRecord {
  return { record, owned, passed: false, unsettled: jobs, failures: NO_FAILURES };
}

/** Whether what becomes of the record is no longer ours to say. */
export function isNoLongerOurs({ owned, passed }: PendingRecord): boolean {
  return owned.lost || passed;
}

export function newJobState(job: Job, open: PendingRecord, now: number): JobState {
  return {
    job,
    open,
    tenant: job.tenant,
    bytes: job.bytes,
    arrivedAt: now,
    startedAt: now,
    heldFor: null,
    starts: 0,
    spent: open.owned.attempts.of(job.offset),
    uncharged: 0,
    firstFailedAt: null,
  };
}

/** One letter per record, however many of its files failed; the first failure gives its disposition. */
export function composeLetter({ record, failures }: PendingRecord): DeadLetter {
  const first = failures[0] as Failure;
  return {
    record,
    disposition: first.disposition,
    reason: failures.length === 1 ? first.reason : `${first.reason} (and ${failures.length - 1} more files)`,
    files: failures.map(({ file }) => file).filter((file) => file !== ''),
    attempts: Math.max(...failures.map(({ attempts }) => attempts)),
    exitCode: first.outcome?.exitCode ?? null,
    signal: first.outcome?.signal ?? null,
    stderrTail: first.outcome?.stderrTail ?? '',
    firstFailedAt: Math.min(...failures.map(({ firstFailedAt }) => firstFailedAt)),
  };
}
