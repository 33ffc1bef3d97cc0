/** What an operator asks the engine: one snapshot, plain data, for `/api/status` and for the gauges of `/metrics`. */
import type { Job } from '../types.js';
import type { BreakerState } from './events.js';
import type { Fault } from './rules/circuit-breaker.js';
import type { Commits } from './state/commits.js';
import type { Jobs } from './state/jobs.js';
import type { Records } from './state/records.js';

/** The numbers are exported as a metric and stay as they are. */
export const RUN_STATES = { starting: 0, running: 1, paused: 2, draining: 3, stopped: 4 } as const;

export type RunState = keyof typeof RUN_STATES;

export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly paused: boolean;
  /** Records delivered and not passed by an acknowledged commit. */
  readonly uncommitted: number;
  readonly incomplete: number;
  readonly completedAhead: number;
}

export interface EngineStatus {
  readonly state: RunState;
  readonly slots: number;
  readonly running: readonly { readonly job: Job; readonly attempt: number; readonly startedAt: number }[];
  readonly queue: {
    readonly jobs: number;
    readonly delayed: number;
    readonly fileBytes: number;
    readonly messageBytes: number;
  };
  readonly breaker: {
    readonly state: BreakerState;
    readonly cause: Fault | null;
    readonly reason: string | null;
    /** Milliseconds since the epoch. */
    readonly since: number | null;
  };
  readonly commits: {
    /** When the first commit was sent that is not acknowledged, in milliseconds since the epoch; null where there is none. */
    readonly unacknowledgedSince: number | null;
    readonly reason: string | null;
    /** Whether no load is started for that. */
    readonly startsHeld: boolean;
  };
  readonly deadLettersPending: number;
  readonly partitions: readonly PartitionStatus[];
}

export function statusOf(engine: {
  readonly lifecycle: Exclude<RunState, 'paused'>;
  readonly pausedAll: boolean;
  readonly slots: number;
  readonly jobs: Jobs;
  readonly records: Records;
  readonly commits: Commits;
  readonly startsHeld: boolean;
}): EngineStatus {
  const { lifecycle, jobs, records, commits, startsHeld } = engine;
  const { scheduler, breaker, running } = jobs;
  return {
    state: lifecycle === 'running' && engine.pausedAll ? 'paused' : lifecycle,
    slots: engine.slots,
    running: running.states().map(({ job, starts, startedAt }) => ({ job, attempt: starts, startedAt })),
    queue: {
      jobs: scheduler.jobs,
      delayed: scheduler.delayed,
      fileBytes: scheduler.bytes,
      messageBytes: records.heldBytes,
    },
    breaker: {
      state: breaker.state,
      cause: breaker.trouble?.cause ?? null,
      reason: breaker.trouble?.reason ?? null,
      since: breaker.trouble?.since ?? null,
    },
    commits: { unacknowledgedSince: commits.unacknowledgedSince, reason: commits.lastError, startsHeld },
    deadLettersPending: records.deadLetters.size,
    partitions: [...records.assignment.values()].map(({ topic, partition, paused, tracker }) => ({
      topic,
      partition,
      paused: paused === true,
      uncommitted: tracker.unconfirmed + tracker.span,
      incomplete: tracker.incomplete,
      completedAhead: tracker.completedAhead,
    })),
  };
}
