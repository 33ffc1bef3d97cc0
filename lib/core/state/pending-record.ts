/** What the engine keeps of a record between its arrival and the completion of its offset. */
import type { Job, KafkaRecord, Outcome } from '../../types.js';
import type { DeadLetter, Disposition } from '../events.js';
import { atFirstPlace } from '../rules/replays.js';
import { type KeptRecord, keep, released } from './intake/kept-record.js';
import type { PartitionState } from './partition-state.js';

/** A record with a job that is not settled, or with a dead letter that is not acknowledged. */
export interface PendingRecord {
  /** As it was delivered. */
  readonly record: KeptRecord;
  /** As it was announced; another one where this is a copy that was set aside. */
  readonly original: KeptRecord;
  readonly owned: PartitionState;
  /** Another member finished it while we had lost the partition. */
  finishedElsewhere: boolean;
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
  /** Milliseconds since the epoch. */
  readonly firstFailedAt: number;
}

/** A job's final verdict, on its way from the jobs to the records; no failure means that the file is loaded. */
export interface Settlement {
  readonly pending: PendingRecord;
  readonly failure: Failure | null;
}

/** What became of a delivered record. */
export type Begun =
  | { readonly kind: 'jobs'; readonly pending: PendingRecord; readonly jobs: readonly Job[] }
  /** There is nothing to run for it: known already, without a file, or on its way to the dead-letter topic. */
  | { readonly kind: 'no-jobs' }
  /** The partition's offsets began anew. Nothing was begun yet; what was kept of the partition is lost. */
  | { readonly kind: 'reset'; readonly lost: PartitionState };

/** Most records have none, and many are held at a time. */
const NO_FAILURES: readonly Failure[] = [];

/** @param original as it was announced; the same object where it is the record itself */
export function newPendingRecord(delivered: KafkaRecord, owned: PartitionState, original = delivered): PendingRecord {
  const record = keep(delivered);
  return {
    record,
    original: original === delivered ? record : keep(original),
    owned,
    finishedElsewhere: false,
    unsettled: 0,
    failures: NO_FAILURES,
  };
}

/** Has these jobs decide what becomes of the record. */
export function beginWork(pending: PendingRecord, jobs: readonly Job[]): Begun {
  pending.unsettled = jobs.length;
  return { kind: 'jobs', pending, jobs };
}

/** Whether another member is responsible for the record by now. */
export function isNoLongerOurs({ owned, finishedElsewhere }: PendingRecord): boolean {
  return owned.lost || finishedElsewhere;
}

/** One letter per record, however many of its files failed; the first failure gives its disposition. */
export function composeLetter({ original, failures }: PendingRecord): DeadLetter {
  const first = failures[0] as Failure;
  return {
    record: atFirstPlace(released(original)),
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
