/** What an operator asks the engine: one snapshot, plain data, for `/api/status` and for the gauges of `/metrics`. */
import type { Job } from '../types.js';
import type { BreakerState, DrainOrder, SlotReason, TenantPause } from './events.js';
import type { Fault } from './rules/circuit-breaker.js';
import type { LaneLoad, TenantLoad } from './rules/turns/scheduler.js';
import type { Commits } from './state/commits.js';
import type { Refusal } from './state/dead-letters.js';
import type { HeldTenant } from './state/held-records.js';
import type { Jobs } from './state/jobs.js';
import type { LoaderHealth } from './state/loader-health.js';
import type { Pauses } from './state/pauses.js';
import type { Records } from './state/records.js';
import type { SetAsides } from './state/set-asides.js';
import type { HeldTable } from './state/table-holds.js';

/** The numbers are exported as a metric and stay as they are. */
export const RUN_STATES = { starting: 0, running: 1, paused: 2, draining: 3, stopped: 4, drained: 5 } as const;

export type RunState = keyof typeof RUN_STATES;

export interface PartitionStatus {
  readonly topic: string;
  readonly partition: number;
  readonly paused: boolean;
  /** Milliseconds since the epoch; null while it is read. */
  readonly pausedSince: number | null;
  /** Of a paused partition, whose jobs of it are most, and how many; null where there are none. */
  readonly flood: { readonly tenant: string | null; readonly jobs: number } | null;
  /** The lowest offset that is not complete, whether it was delivered or not; null before anything is known. */
  readonly frontier: number | null;
  /** The time of the first record that is not completed, in milliseconds since the epoch; null where it has none. */
  readonly oldestAt: number | null;
  /** Records delivered and not passed by an acknowledged commit. */
  readonly uncommitted: number;
  readonly incomplete: number;
  readonly completedAhead: number;
}

export interface EngineStatus {
  readonly state: RunState;
  /** By whom this instance alone is drained, or is being drained; null where it is not, as in a stop. */
  readonly drain: DrainOrder | null;
  /** Jobs that may run at the same time now. */
  readonly slots: number;
  /** How there came to be so many; null where their number is fixed. */
  readonly adaptiveSlots: { readonly max: number; readonly reason: SlotReason; readonly since: number | null } | null;
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
    /** When the next load, or the next look at the loader, is tried; null where that waits for something else. */
    readonly until: number | null;
  };
  readonly commits: {
    /** When the first commit was sent that is not acknowledged, in milliseconds since the epoch; null where there is none. */
    readonly unacknowledgedSince: number | null;
    readonly reason: string | null;
    /** Whether no load is started for that. */
    readonly startsHeld: boolean;
  };
  /** Tenants with jobs that wait in turn or run; those that wait for a held table stand there. */
  readonly tenants: readonly TenantLoad[];
  /** The same jobs that wait by their lanes, the highest first. */
  readonly lanes: readonly LaneLoad[];
  /** Tenants that people have paused; their jobs are counted above. */
  readonly pauses: readonly TenantPause[];
  /** Tables that are held back, with the jobs that wait for them. */
  readonly heldTables: readonly HeldTable[];
  /** Jobs during whose load the service ended too often: they wait to be loaded alone, the next at `dueAt`; nothing else starts meanwhile. */
  readonly suspects: { readonly jobs: number; readonly dueAt: number | null; readonly isAlone: boolean };
  /** Tenants that are not on the allow-list and whose records wait for it. */
  readonly heldTenants: readonly HeldTenant[];
  /** What was set aside in this run, and why nothing is any more; null where that is not asked for. */
  readonly setAside: { readonly records: number; readonly offBecause: string | null } | null;
  readonly deadLettersPending: number;
  /** Of these, the letters that their topic refused: nothing is read meanwhile. Null where there are none. */
  readonly deadLettersRefused: Refusal | null;
  readonly partitions: readonly PartitionStatus[];
}

export function statusOf(engine: {
  readonly lifecycle: Exclude<RunState, 'paused'>;
  readonly drain: DrainOrder | null;
  readonly pausedAll: boolean;
  readonly jobs: Jobs;
  readonly records: Records;
  readonly commits: Commits;
  readonly startsHeld: boolean;
  readonly loader: LoaderHealth;
  readonly pauses: Pauses;
  readonly asides: SetAsides;
}): EngineStatus {
  const { lifecycle, jobs, records, commits, startsHeld, loader } = engine;
  const { scheduler, breaker, running, tables, suspects, slots } = jobs;
  return {
    state: lifecycle === 'running' && engine.pausedAll ? 'paused' : lifecycle,
    drain: engine.drain,
    slots: slots.limit,
    adaptiveSlots: slots.isAdaptive ? { max: slots.max, reason: slots.reason, since: slots.since } : null,
    running: [...running.values()].map(({ job, starts, startedAt }) => ({ job, attempt: starts, startedAt })),
    queue: {
      jobs: scheduler.jobs + tables.parked + suspects.size,
      delayed: scheduler.delayed + tables.parked + suspects.size,
      fileBytes: scheduler.bytes,
      messageBytes: records.heldBytes,
    },
    breaker:
      loader.trouble === null
        ? {
            state: breaker.state,
            cause: breaker.trouble?.cause ?? null,
            reason: breaker.trouble?.reason ?? null,
            since: breaker.trouble?.since ?? null,
            until: breaker.nextChangeAt(),
          }
        : { state: 'open', cause: 'service-fault', ...loader.trouble },
    tenants: scheduler.tenants(),
    lanes: scheduler.lanes(),
    pauses: engine.pauses.active,
    heldTables: tables.tables(),
    suspects: { jobs: suspects.size, dueAt: suspects.dueAt, isAlone: suspects.isBlocking },
    commits: { unacknowledgedSince: commits.unacknowledgedSince, reason: commits.lastError, startsHeld },
    heldTenants: records.held.tenants(),
    setAside: engine.asides.status,
    deadLettersPending: records.deadLetters.size,
    deadLettersRefused: records.deadLetters.refusal,
    partitions: [...records.assignment.values()].map(({ topic, partition, pausedSince, tracker }) => ({
      topic,
      partition,
      paused: pausedSince !== null,
      pausedSince,
      flood: pausedSince === null ? null : floodOf(jobs, partition),
      frontier: tracker.frontier,
      oldestAt: tracker.oldestAt,
      uncommitted: tracker.unconfirmed + tracker.span,
      incomplete: tracker.incomplete,
      completedAhead: tracker.completedAhead,
    })),
  };
}

/** Whose jobs of a partition are most. A service reads one topic, so its number tells the partition. */
function floodOf({ scheduler, tables }: Jobs, partition: number): PartitionStatus['flood'] {
  const counts = new Map<string | null, number>();
  for (const items of [scheduler.items(), tables.items()]) {
    for (const { job } of items)
      if (job.partition === partition) counts.set(job.tenant, (counts.get(job.tenant) ?? 0) + 1);
  }
  let flood: PartitionStatus['flood'] = null;
  for (const [tenant, number] of counts) if (number > (flood?.jobs ?? 0)) flood = { tenant, jobs: number };
  return flood;
}
