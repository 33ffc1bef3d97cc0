/** What the engine keeps of a record between its arrival and the completion of its offset. */
import type { Job, KafkaRecord, Outcome, TopicPartition } from '../types.js';
import type { DeadLetter, Disposition } from './events.js';
import { OffsetTracker } from './offset-tracker.js';
import type { Schedulable } from './scheduler.js';

/** A partition of our assignment. Once lost it stays lost: a partition that comes back is a new one. */
export interface OwnedPartition extends TopicPartition {
  readonly tracker: OffsetTracker;
  lost: boolean;
  /** What the client was last told; null when a rebalance may have changed it. */
  paused: boolean | null;
  /** Bytes of the messages that are held until their records complete. */
  heldBytes: number;
}

/** A record whose jobs are not all settled, or whose dead letter is not acknowledged. */
export interface OpenRecord {
  readonly record: KafkaRecord;
  readonly owned: OwnedPartition;
  /** Jobs without a final verdict. */
  unsettled: number;
  readonly failures: Failure[];
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
export interface Work extends Schedulable {
  readonly job: Job;
  open: OpenRecord;
  readonly arrivedAt: number;
  startedAt: number;
  /** Starts in all, for the child's environment and the logs. */
  starts: number;
  /** Attempts that count against the job's budget. */
  charged: number;
  /** Repetitions in a row that did not count. */
  uncharged: number;
  firstFailedAt: number | null;
}

export function ownPartition({ topic, partition }: TopicPartition): OwnedPartition {
  return { topic, partition, tracker: new OffsetTracker(), lost: false, paused: null, heldBytes: 0 };
}

export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

export function createWork(job: Job, open: OpenRecord, now: number): Work {
  return {
    job,
    open,
    tenant: job.tenant,
    bytes: job.bytes,
    arrivedAt: now,
    startedAt: now,
    starts: 0,
    charged: 0,
    uncharged: 0,
    firstFailedAt: null,
  };
}

/** One letter per record, however many of its files failed; the first failure gives its disposition. */
export function composeLetter({ record, failures }: OpenRecord): DeadLetter {
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
