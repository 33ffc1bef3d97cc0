/** What the log says of events and effects: pure, so that every line the service can write is written down here. */

import type { DeadLetter, Effect, EngineEvent, LoaderVerdict } from '../core/events.js';
import { type Job, LANES, type LogLevel, type Outcome } from '../types.js';

export interface LogLine {
  readonly level: LogLevel;
  /** The event's name, `noun.verb`: what dashboards and alerts match. */
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Fields = LogLine['fields'];

const MAX_NAMES = 20;

/** The line for an event from outside, or null where the lines of its effects are enough. */
export function describeEvent(event: EngineEvent): LogLine | null {
  switch (event.type) {
    case 'assigned':
      return info('partitions.assigned', { epoch: event.epoch, partitions: event.partitions.map((p) => p.partition) });
    case 'restored':
      return debug('partitions.restored', {
        epoch: event.epoch,
        positions: event.positions.map(({ partition, offset }) => `${partition}:${offset ?? 'none'}`),
      });
    case 'started':
      return debug('child.started', { job: event.jobId, pid: event.pid, launchMs: Math.round(event.launchMs) });
    case 'signalled':
      return warn('child.signalled', { job: event.jobId, signal: event.signal });
    case 'dead-letter-failed':
      return error('letter.refused', { letter: event.letterId, error: event.error });
    case 'commit-failed':
      return warn('commit.failed', { offsets: event.offsets.map(position), error: event.error });
    case 'committed':
      return debug('commit.done', { offsets: event.offsets.map(position) });
    case 'out-of-range':
      return error('offsets.missing', {});
    case 'consumer-restarting':
      return warn('kafka.restarting', { error: event.error });
    case 'rebalancing':
      return info('group.rebalancing', {});
    case 'drain':
      return info('drain.begun', { childrenStopAt: new Date(event.stopAt).toISOString() });
    case 'force-stop':
      return warn('drain.hastened', {});
    case 'drain-ordered':
      return info('instance.draining', { by: event.order.by, reason: event.order.reason });
    case 'left-group':
      return info('instance.drained', { until: 'somebody resumes it, or a restart' });
    case 'drain-ended':
      return info('instance.resumed', { by: event.by });
    case 'dead-lettered':
      return event.leftOut === undefined || event.leftOut.length === 0
        ? null
        : warn('letter.cut', { letter: event.letterId, without: event.leftOut });
    case 'set-aside-failed':
      return warn('aside.refused', { batch: event.batchId, error: event.error });
    case 'set-aside-done':
    case 'loader-changed':
    case 'probed':
    case 'controlled':
    case 'machine':
    case 'allowed':
    case 'record':
    case 'finished':
    case 'tick':
      return null;
  }
}

/** The line for what the engine decided, or null where it is of no interest. */
export function describeEffect(effect: Effect): LogLine | null {
  switch (effect.type) {
    case 'record-taken':
      return debug('record.taken', { record: where(effect.record), result: effect.result });
    case 'record-defect':
      return error('record.defect', { record: where(effect.record), error: effect.error });
    case 'run':
      return info('job.started', { ...describeJob(effect.job), attempt: effect.attempt });
    case 'job-ended':
      return describeEnd(effect.job, effect.attempt, effect.outcome, effect.queuedMs);
    case 'job-retry':
      return (effect.reason === 'file-unsettled' ? info : warn)('job.retry', {
        job: effect.job.id,
        at: new Date(effect.at).toISOString(),
        charged: effect.charged,
        why: effect.why,
      });
    case 'job-failed':
      return error('job.failed', {
        ...describeJob(effect.job),
        disposition: effect.disposition,
        reason: effect.reason,
      });
    case 'job-suspected':
      return warn('job.suspected', {
        ...describeJob(effect.job),
        interruptions: effect.interruptions,
        aloneFrom: new Date(effect.at).toISOString(),
      });
    case 'runs-alone':
      return warn('job.alone', { ...describeJob(effect.job) });
    case 'dead-letter':
      return warn('letter.sent', { letter: effect.letterId, ...describeLetter(effect.letter) });
    case 'reattached':
      return info('job.reattached', { job: effect.job.id });
    case 'jobs-dropped':
      return info('partition.lost', { partition: effect.partition.partition, jobs: effect.jobs });
    case 'breaker-changed':
      return effect.state === 'closed'
        ? info('breaker.closed', { reason: effect.reason })
        : warn(`breaker.${effect.state}`, { reason: effect.reason });
    case 'pause-changed': {
      const { tenant, by, reason, until } = effect.pause;
      if (!effect.isPaused) return info('tenant.resumed', { tenant });
      return info('tenant.paused', {
        tenant,
        by,
        reason,
        until: until === null ? null : new Date(until).toISOString(),
      });
    }
    case 'table-changed':
      return effect.held
        ? warn('table.held', { table: effect.table, reason: effect.reason })
        : info('table.released', { table: effect.table, reason: effect.reason });
    case 'tenant-held':
      return warn('record.held', {
        tenant: effect.tenant,
        until: new Date(effect.until).toISOString(),
        consequence:
          'its messages wait until then, and are dead letters unless it comes into tenants.allowed_file, or, by a reload, into ' +
          'tenants.allowed',
      });
    case 'slots-changed': {
      const { slots, before, reason } = effect;
      return (slots > before ? debug : info)('pool.slots', { slots, before, reason });
    }
    case 'tenant-released':
      return info('record.released', { tenant: effect.tenant, records: effect.records });
    case 'tenants-allowed':
      return info('tenants.changed', {
        tenants: effect.count,
        added: some(effect.added),
        removed: some(effect.removed),
      });
    case 'records-set-aside':
      return info('aside.moved', { ...effect.partition, records: effect.records });
    case 'set-aside-off':
      return warn('aside.off', {
        reason: effect.reason,
        consequence: 'what must wait stays in its partition, which is not read while its window is full',
      });
    case 'lane-unknown':
      return warn('lane.unknown', {
        record: where(effect.record),
        lane: effect.lane,
        consequence: `it goes with those that name none; lanes are ${LANES.join(', ')}`,
      });
    case 'loader-judged':
      return describeLoader(effect.verdict);
    case 'restored-partition':
      return info('partition.restored', {
        partition: effect.partition.partition,
        completedAhead: effect.completedAhead,
      });
    case 'metadata-problem':
      return warn('commit.metadata', { partition: effect.partition.partition, problem: effect.problem });
    case 'offsets-reset':
      return error('offsets.reset', { partition: effect.partition.partition, to: effect.to });
    case 'pause':
    case 'resume':
      return debug(`partitions.${effect.type}d`, { partitions: effect.partitions.map((p) => p.partition) });
    case 'stop':
      return info('child.stopping', { job: effect.jobId });
    case 'starts-held':
      return effect.held
        ? error('commit.overdue', {
            reason: effect.reason,
            consequence: 'no load is started until one is acknowledged',
          })
        : info('commit.recovered', { reason: effect.reason });
    case 'drained':
      return effect.uncommitted === 0 ? info('drain.done', {}) : uncommitted(effect.uncommitted);
    case 'leave-group':
      return effect.uncommitted === 0 ? null : uncommitted(effect.uncommitted);
    case 'commit':
    case 'set-aside':
    case 'probe':
    case 'join-group':
      return null;
  }
}

function uncommitted(records: number): LogLine {
  return error('drain.uncommitted', {
    records,
    consequence: 'they are finished, and are loaded again by the next reader',
  });
}

function describeLoader(verdict: LoaderVerdict): LogLine {
  if (verdict.kind === 'accused') return error('loader.accused', { reason: verdict.reason });
  return verdict.warning === null ? info('loader.works', {}) : warn('loader.doubtful', { reason: verdict.warning });
}

function describeEnd(job: Job, attempt: number, outcome: Outcome, queuedMs: number): LogLine {
  const fields = {
    ...describeJob(job),
    attempt,
    result: outcome.result,
    seconds: Math.round(outcome.durationMs) / 1000,
    queuedSeconds: Math.round(queuedMs) / 1000,
    ...(outcome.rows === null ? {} : { rows: outcome.rows }),
  };
  // A loader that succeeded and complains all the same has something to say.
  const complaint = outcome.stderrTail === '' ? {} : { stderr: outcome.stderrTail };
  if (outcome.result === 'succeeded') return info('job.loaded', { ...fields, ...complaint });
  return (outcome.result === 'file-unsettled' ? info : warn)('job.ended', {
    ...fields,
    reason: outcome.reason,
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    stderr: outcome.stderrTail,
    droppedOutputBytes: outcome.droppedOutputBytes,
  });
}

function describeJob(job: Job): Fields {
  return { job: job.id, file: job.file, tenant: job.tenant, table: job.table };
}

function describeLetter({ record, disposition, reason, attempts }: DeadLetter): Fields {
  return { record: where(record), disposition, reason, attempts };
}

function where({ topic, partition, offset }: { topic: string; partition: number; offset: number }): string {
  return `${topic}/${partition}/${offset}`;
}

/** A list of any length as a line has room for it. */
function some(names: readonly string[]): readonly string[] {
  const more = names.length - MAX_NAMES;
  return more > 0 ? [...names.slice(0, MAX_NAMES), `and ${more} more`] : names;
}

function position({ partition, offset }: { partition: number; offset: number }): string {
  return `${partition}:${offset}`;
}

function error(event: string, fields: Fields): LogLine {
  return { level: 'error', event, fields };
}

function warn(event: string, fields: Fields): LogLine {
  return { level: 'warn', event, fields };
}

function info(event: string, fields: Fields): LogLine {
  return { level: 'info', event, fields };
}

function debug(event: string, fields: Fields): LogLine {
  return { level: 'debug', event, fields };
}
