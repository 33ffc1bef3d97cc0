/**
 * The vocabulary of the service, to be read first. Everything that happens comes to the engine as an `EngineEvent`;
 * everything that is to be done leaves it as an `Action`; what is worth a log line or a metric, as a `Notice`. `service.ts`
 * performs the actions, and logs and metrics are derived from events, actions and notices alone.
 */
import type { Command, Job, KafkaRecord, Outcome, OutcomeResult, ProbeResult, TopicPartition } from '../types.js';

/** Why a record ends in the dead-letter topic. */
export const DISPOSITIONS = [
  'invalid-message',
  'tenant-denied',
  'path-denied',
  'file-missing',
  'permanent-failure',
  'attempts-exhausted',
  'timeouts-exhausted',
] as const;

export type Disposition = (typeof DISPOSITIONS)[number];

/** A committable position: the offset of the next record to be read after a restart. */
export interface CommitOffset extends TopicPartition {
  readonly offset: number;
  /** What is known beyond the offset, as `offset-map.ts` writes it. */
  readonly metadata: string;
}

/** What the broker has of a partition; a null offset means that the group never committed one. */
export interface CommittedPosition extends TopicPartition {
  readonly offset: number | null;
  readonly metadata: string;
}

/** A tenant whose files nobody is to load for a while. */
export interface TenantPause {
  /** Null for the messages without a tenant. */
  readonly tenant: string | null;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** When it ends by itself, in milliseconds since the epoch; null for when somebody ends it. */
  readonly until: number | null;
  /** Who wants it, and why, in their own words. */
  readonly by: string;
  readonly reason: string;
}

/** That this instance is to read nothing, until somebody ends that. */
export interface DrainOrder {
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Who wants it, and why, in their own words. */
  readonly by: string;
  readonly reason: string;
}

export interface MachineLoad {
  /** Programs that run or wait for a processor, for each processor. */
  readonly perProcessor: number;
  /** The share of memory that is to be had. */
  readonly freeMemory: number;
}

/** Why as many jobs may run as do, where their number adapts. */
export type SlotReason = 'started' | 'useful' | 'slower' | 'not-slower' | 'refused' | 'machine';

export interface SlotChange {
  readonly slots: number;
  readonly before: number;
  readonly reason: SlotReason;
}

/** What goes into the headers of a dead letter beside the original record. */
export interface DeadLetter {
  readonly record: KafkaRecord;
  readonly disposition: Disposition;
  readonly reason: string;
  /** The files of the record that were not loaded; empty when the record could not be read at all. */
  readonly files: readonly string[];
  /** Attempts that were started, over the file with most of them. */
  readonly attempts: number;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
  /** Milliseconds since the epoch. */
  readonly firstFailedAt: number;
}

/** Why a record could not be read: the stack of an error, or the reason for which it was left unread. */
export type RecordDefect = string | { readonly unread: string };

export type EngineEvent =
  /** The group gave us these partitions, all that we own; `epoch` counts such assignments. */
  | { readonly type: 'assigned'; readonly epoch: number; readonly partitions: readonly TopicPartition[] }
  /** What was committed for the partitions of that assignment; none of them is read before. */
  | { readonly type: 'restored'; readonly epoch: number; readonly positions: readonly CommittedPosition[] }
  /** A record was delivered. With a `defect` nothing is known of it but where it stands. */
  | { readonly type: 'record'; readonly record: KafkaRecord; readonly defect?: RecordDefect }
  | { readonly type: 'started'; readonly jobId: string; readonly pid: number; readonly launchMs: number }
  | { readonly type: 'signalled'; readonly jobId: string; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly type: 'finished'; readonly jobId: string; readonly outcome: Outcome }
  /** The broker has the letter; `leftOut` names what it was sent without, because the topic did not take it whole. */
  | { readonly type: 'dead-lettered'; readonly letterId: number; readonly leftOut?: readonly string[] }
  | {
      readonly type: 'dead-letter-failed';
      readonly letterId: number;
      readonly error: string;
      /** Whether the refusal may be the letter's own fault as well as its topic's. */
      readonly isUnclear?: boolean;
    }
  | { readonly type: 'committed'; readonly offsets: readonly CommitOffset[] }
  | {
      readonly type: 'commit-failed';
      readonly offsets: readonly CommitOffset[];
      readonly error: string;
      /** Whether the broker takes no metadata of that length, and never will. */
      readonly isMetadataTooLarge: boolean;
    }
  /** A committed offset does not exist on the broker: records may have expired unread. */
  | { readonly type: 'out-of-range' }
  /** The client's consumer broke down and is about to start anew: a network that is away, or a batch it cannot read. */
  | { readonly type: 'consumer-restarting'; readonly error: string }
  /** The group is about to be rebalanced: completed offsets should be committed now. */
  | { readonly type: 'rebalancing' }
  /** The moment that `nextWakeAt()` named has come. */
  | { readonly type: 'tick' }
  /** Stop taking work; children that still run at `stopAt` are stopped. */
  | { readonly type: 'drain'; readonly stopAt: number }
  /** A second request to stop: do not wait for the children. */
  | { readonly type: 'force-stop' }
  /** People have this instance finish what runs, commit, leave the group and stay up. */
  | { readonly type: 'drain-ordered'; readonly order: DrainOrder }
  /** What `leave-group` asked for is done. */
  | { readonly type: 'left-group' }
  /** They have it go on. */
  | { readonly type: 'drain-ended'; readonly by: string }
  /** A loader that is not the bundled one is there for the first time, or its executable is another one than before. */
  | { readonly type: 'loader-changed' }
  /** The probe that was asked for has ended. */
  | { readonly type: 'probed'; readonly probe: ProbeResult }
  /** The copies of that batch are acknowledged. */
  | { readonly type: 'set-aside-done'; readonly batchId: number }
  | {
      readonly type: 'set-aside-failed';
      readonly batchId: number;
      readonly error: string;
      /** Whether it will never be permitted. */
      readonly isForbidden: boolean;
      /** Whether the topic takes no message of that size. */
      readonly isTooLarge: boolean;
    }
  /** All tenants that are paused, whenever that changes, and once at the start. */
  | { readonly type: 'controlled'; readonly pauses: readonly TenantPause[] }
  /** How much the machine has to do, now and then where the number of slots adapts. */
  | { readonly type: 'machine'; readonly load: MachineLoad }
  /** The tenants that are let in from now on, all of them; none for everybody. */
  | { readonly type: 'allowed'; readonly tenants: ReadonlySet<string> };

export type Action =
  | { readonly type: 'run'; readonly job: Job; readonly attempt: number; readonly command: Command }
  | { readonly type: 'stop'; readonly jobId: string }
  | {
      readonly type: 'dead-letter';
      readonly letterId: number;
      readonly letter: DeadLetter;
      /** How many of its refusals were unclear; left out for none. */
      readonly unclear?: number;
    }
  | { readonly type: 'commit'; readonly offsets: readonly CommitOffset[] }
  /** Copies these records, as they were announced, into a partition of the topic of those that wait. */
  | {
      readonly type: 'set-aside';
      readonly batchId: number;
      readonly to: TopicPartition;
      readonly records: readonly KafkaRecord[];
    }
  | { readonly type: 'pause'; readonly partitions: readonly TopicPartition[] }
  | { readonly type: 'resume'; readonly partitions: readonly TopicPartition[] }
  /** Asks whether the loader works at all, without a file; the answer is to be `probed`. */
  | { readonly type: 'probe' }
  /** Nothing runs any more by the order of people, who may end it; `uncommitted` as of `drained`. */
  | { readonly type: 'leave-group'; readonly uncommitted: number }
  | { readonly type: 'join-group' }
  /** Nothing runs any more. `uncommitted` records are finished, and no acknowledged commit contains them. */
  | { readonly type: 'drained'; readonly uncommitted: number };

/** What a probe says of the loader. One that works may have ended in a way that should be known. */
export type LoaderVerdict =
  | { readonly kind: 'works'; readonly warning: string | null }
  | { readonly kind: 'accused'; readonly reason: string };

export type BreakerState = 'closed' | 'open' | 'half-open';

/** How one delivery of a record was taken. */
export const RECORD_RESULTS = ['accepted', 'held', 'redelivered', 'rejected', 'tombstone'] as const;

export type RecordResult = (typeof RECORD_RESULTS)[number];

export type Notice =
  | {
      readonly type: 'record-taken';
      readonly record: KafkaRecord;
      readonly result: RecordResult;
    }
  /** The first record of a tenant that is not on the allow-list waits for the list; those that follow do so silently. */
  | { readonly type: 'tenant-held'; readonly tenant: string; readonly until: number }
  /** The first record that names this lane, which nobody knows; it and those that follow are of the normal one. */
  | { readonly type: 'lane-unknown'; readonly record: KafkaRecord; readonly lane: string }
  /** Such a tenant has come onto the list, and so many records of it wait no more. */
  | { readonly type: 'tenant-released'; readonly tenant: string; readonly records: number }
  /** The allow-list is another one, of so many names. */
  | {
      readonly type: 'tenants-allowed';
      readonly added: readonly string[];
      readonly removed: readonly string[];
      readonly count: number;
    }
  /** An error while the record was taken in, with its stack: a defect of the service, whatever is odd about the record. */
  | { readonly type: 'record-defect'; readonly record: KafkaRecord; readonly error: string }
  /** An attempt ended and the verdict was given; `queuedMs` is the time from the record's arrival to this start. */
  | {
      readonly type: 'job-ended';
      readonly job: Job;
      readonly attempt: number;
      readonly outcome: Outcome;
      readonly queuedMs: number;
      /** Its partition is another instance's by now, and this end decides nothing; left out where it does. */
      readonly isSuperseded?: true;
    }
  | {
      readonly type: 'job-retry';
      readonly job: Job;
      readonly at: number;
      readonly charged: boolean;
      readonly reason: OutcomeResult;
      readonly why: string;
    }
  | { readonly type: 'job-failed'; readonly job: Job; readonly disposition: Disposition; readonly reason: string }
  /** The service ended so often while this was being loaded that it waits until nothing else runs, not before `at`. */
  | { readonly type: 'job-suspected'; readonly job: Job; readonly interruptions: number; readonly at: number }
  /** Such a job is about to be started, and nothing else is until it has ended. */
  | { readonly type: 'runs-alone'; readonly job: Job }
  /** A record was delivered anew while a child of its earlier delivery still runs: that child's end counts for it. */
  | { readonly type: 'reattached'; readonly job: Job }
  /** A partition was lost: what was queued for it was dropped, what runs for it will not be counted. */
  | { readonly type: 'jobs-dropped'; readonly jobs: number; readonly partition: TopicPartition }
  | { readonly type: 'breaker-changed'; readonly state: BreakerState; readonly reason: string }
  /** The jobs of a table wait, or do so no more, and the others do not: it refuses rows, or its files end in dead letters. */
  | { readonly type: 'table-changed'; readonly table: string; readonly held: boolean; readonly reason: string }
  /** The pause of a tenant has begun or ended. */
  | { readonly type: 'pause-changed'; readonly pause: TenantPause; readonly isPaused: boolean }
  /** So many records of a partition wait in the other topic from now on. */
  | { readonly type: 'records-set-aside'; readonly partition: TopicPartition; readonly records: number }
  /** Nothing is set aside any more in this run. */
  | { readonly type: 'set-aside-off'; readonly reason: string }
  /** A probe has said something new about the loader. */
  | { readonly type: 'loader-judged'; readonly verdict: LoaderVerdict }
  /** From now on more or fewer jobs may run. */
  | ({ readonly type: 'slots-changed' } & SlotChange)
  /** The records that a previous owner or run has finished are known. */
  | { readonly type: 'restored-partition'; readonly partition: TopicPartition; readonly completedAhead: number }
  /** No load is started, for no commit was acknowledged for a whole session; or loads are started again. */
  | { readonly type: 'starts-held'; readonly held: boolean; readonly reason: string }
  /** A commit's metadata could not be read (the records are loaded again), or had to be left out or cut. */
  | {
      readonly type: 'metadata-problem';
      readonly partition: TopicPartition;
      readonly problem: 'unreadable' | 'too-long' | 'refused';
    }
  | { readonly type: 'offsets-reset'; readonly partition: TopicPartition; readonly to: number };

export type Effect = Action | Notice;
