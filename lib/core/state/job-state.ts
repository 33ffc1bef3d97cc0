/** What the engine keeps of a job between its record's arrival and its final verdict. */
import type { FileSeen, Job } from '../../types.js';
import type { ChargedAttempts } from '../offsets/commit-metadata.js';
import type { Schedulable } from '../rules/turns/seat.js';
import type { PendingRecord } from './pending-record.js';

/** A job with its history; `pending` changes when the record is delivered again while the job runs. */
export interface JobState extends Schedulable<JobState> {
  readonly job: Job;
  pending: PendingRecord;
  readonly arrivedAt: number;
  startedAt: number;
  /** When it was started with nothing else running; null where it was not. */
  aloneSince: number | null;
  /** Starts in all, for the child's environment and the logs. */
  starts: number;
  charged: ChargedAttempts;
  /** Repetitions in a row that did not count. */
  unchargedInRow: number;
  /** How often its loader's words said that ClickHouse is unavailable although another job was loaded meanwhile. */
  contradictions: number;
  /** Jobs that had been loaded when it was started first, or was last found to find ClickHouse unavailable. */
  loadedBefore: number;
  firstFailedAt: number | null;
  /** What the last look found of a file that may still be written to, and when the first such look was. */
  seen: FileSeen | null;
  unsettledSince: number | null;
}

export function newJobState(job: Job, pending: PendingRecord, now: number): JobState {
  return {
    job,
    pending,
    tenant: job.tenant,
    lane: job.lane,
    bytes: job.bytes,
    behind: null,
    arrivedAt: now,
    startedAt: now,
    starts: 0,
    aloneSince: null,
    charged: pending.owned.attempts.of(pending.record.offset),
    unchargedInRow: 0,
    contradictions: 0,
    loadedBefore: 0,
    firstFailedAt: null,
    seen: null,
    unsettledSince: null,
  };
}
