/** prom-client: counters follow the stream of events and effects, gauges are read from the engine at each scrape. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Effect, EngineEvent } from '../core/events.js';
import { type EngineStatus, type PartitionStatus, RUN_STATES } from '../core/status.js';
import type { Lag } from './lag.js';
import { METRICS, type MetricDefinition, type MetricName } from './metric-definitions.js';
import { TenantLabels } from './tenant-labels.js';

export interface MetricsAdapter {
  /** @param now milliseconds since the epoch */
  observe(event: EngineEvent, effects: readonly Effect[], now: number): void;
  /** An error within the service that it survived. */
  observeDefect(): void;
  observeReload(result: 'succeeded' | 'refused'): void;
  observeNotice(result: 'sent' | 'lost'): void;
  render(): Promise<{ contentType: string; body: string }>;
}

export interface MetricsSources {
  readonly version: string;
  readonly status: () => EngineStatus;
  readonly unreaped: () => number;
  /** Why loaders are not forked although they were to be; null otherwise. */
  readonly preforkOff: () => string | null;
  readonly lag: (status: EngineStatus) => Lag;
  /** When a file was loaded last, in milliseconds since the epoch; null before the first. */
  readonly lastLoadedAt: () => number | null;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly logFile: () => { readonly failing: boolean; readonly lost: number };
  /** Null where there is none. */
  readonly ledger: () => {
    readonly isUp: boolean;
    readonly written: number;
    readonly lost: number;
    readonly waiting: number;
    readonly bytesOnDisk: number;
  } | null;
  /** When the settings that hold were read, in milliseconds since the epoch, and whether the last reload was taken over. */
  readonly settings: () => { readonly since: number; readonly isLastTaken: boolean };
}

const MAX_TENANT_LABELS = 200;
/** Of a histogram every tenant has a dozen series and more. */
const MAX_TIMED_TENANTS = 50;
const PARTITION_GAUGES = ['atd_completed_ahead', 'atd_uncommitted_records', 'atd_consumer_lag'] as const;
/** Without a value while it is not known, or there is no such thing. */
const UNSURE_GAUGES = [
  ...['atd_lag_bytes', 'atd_ledger_up', 'atd_ledger_waiting_rows', 'atd_ledger_disk_bytes'],
] as const satisfies readonly MetricName[];
const BREAKER_NUMBERS = { closed: 0, 'half-open': 1, open: 2 } as const;

/** prom-client's gauges that are named as counters are, which Prometheus' tools complain of; the same stand there by type. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export function createMetrics(sources: MetricsSources): MetricsAdapter {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of MISNAMED) registry.removeSingleMetric(name);
  const instruments = new Map<string, Counter | Gauge | Histogram>();
  for (const [name, definition] of Object.entries(METRICS)) instruments.set(name, create(name, definition, registry));
  const tenants = new TenantLabels(MAX_TENANT_LABELS);
  const timedTenants = new TenantLabels(MAX_TIMED_TENANTS);
  const count = (name: MetricName, labels: Record<string, string> = {}, by = 1) =>
    (instruments.get(name) as Counter).inc(labels, by);
  const time = (name: MetricName, ms: number, labels: Record<string, string> = {}) =>
    (instruments.get(name) as Histogram).observe(labels, ms / 1000);
  const set = (name: MetricName, value: number, labels: Record<string, string> = {}) =>
    (instruments.get(name) as Gauge).set(labels, value);
  /** Letters between their sending and its end, for the label that only the sending names; one that is sent again comes anew. */
  const dispositions = new Map<number, string>();
  let lostLines = 0;
  let ledgerRows = { written: 0, lost: 0 };

  const observeEvent = (event: EngineEvent) => {
    switch (event.type) {
      case 'assigned':
        return count('atd_rebalances_total');
      case 'started':
        return time('atd_launch_seconds', event.launchMs);
      case 'signalled':
        return count('atd_kills_total', { signal: event.signal });
      case 'committed':
        return count('atd_commits_total', { result: 'succeeded' });
      case 'commit-failed':
        return count('atd_commits_total', { result: 'failed' });
      case 'out-of-range':
        return count('atd_offsets_out_of_range_total');
      case 'consumer-restarting':
        return count('atd_consumer_restarts_total');
      case 'dead-letter-failed':
        dispositions.delete(event.letterId);
        return count('atd_dead_letter_failures_total');
      case 'dead-lettered':
        for (const part of event.leftOut ?? []) count('atd_dead_letters_cut_total', { part });
        count('atd_dead_letters_total', { disposition: dispositions.get(event.letterId) ?? 'unknown' });
        dispositions.delete(event.letterId);
    }
  };

  const observeEnd = ({ job, outcome, queuedMs, attempt }: Extract<Effect, { type: 'job-ended' }>, now: number) => {
    const tenant = tenants.labelOf(job.tenant);
    count('atd_jobs_total', { tenant, outcome: outcome.result });
    time('atd_job_duration_seconds', outcome.durationMs, { outcome: outcome.result });
    if (attempt === 1) time('atd_job_queue_seconds', queuedMs, { lane: job.lane });
    if (outcome.result !== 'succeeded') return;
    count('atd_bytes_loaded_total', { tenant }, outcome.bytes ?? 0);
    count('atd_rows_loaded_total', { tenant }, outcome.rows ?? 0);
    const timed = { tenant: timedTenants.labelOf(job.tenant) };
    time('atd_load_seconds', outcome.durationMs, timed);
    // A producer's clock may be ahead of this one.
    if (job.timestamp >= 0) time('atd_visible_seconds', Math.max(0, now - job.timestamp), timed);
  };

  const observeEffect = (effect: Effect, now: number) => {
    switch (effect.type) {
      case 'record-taken':
        if (effect.result === 'redelivered') return count('atd_redelivered_total');
        return count('atd_records_total', { result: effect.result });
      case 'job-ended':
        return observeEnd(effect, now);
      case 'job-retry':
        return count('atd_retries_total', { reason: effect.reason });
      case 'slots-changed':
        return count('atd_slot_changes_total', { reason: effect.reason });
      case 'records-set-aside':
        return count('atd_set_aside_total', {}, effect.records);
      case 'record-defect':
        return count('atd_defects_total');
      case 'offsets-reset':
        return count('atd_offsets_reset_total');
      case 'dead-letter':
        dispositions.set(effect.letterId, effect.letter.disposition);
    }
  };

  return {
    observe(event, effects, now) {
      observeEvent(event);
      for (const effect of effects) observeEffect(effect, now);
    },
    observeDefect() {
      count('atd_defects_total');
    },
    observeReload(result) {
      count('atd_reloads_total', { result });
    },
    observeNotice(result) {
      count('atd_notices_total', { result });
    },
    async render() {
      set('atd_build_info', 1, { version: sources.version });
      set('atd_unreaped_children', sources.unreaped());
      const off = sources.preforkOff();
      (instruments.get('atd_prefork_off') as Gauge).reset();
      if (off !== null) set('atd_prefork_off', 1, { reason: off });
      const { failing, lost } = sources.logFile();
      set('atd_log_file_failing', failing ? 1 : 0);
      count('atd_log_lines_lost_total', {}, lost - lostLines);
      lostLines = lost;
      const { since, isLastTaken } = sources.settings();
      set('atd_settings_timestamp_seconds', since / 1000);
      set('atd_last_reload_successful', isLastTaken ? 1 : 0);
      // Partitions that went to another member must not linger.
      for (const name of PARTITION_GAUGES) (instruments.get(name) as Gauge).reset();
      for (const name of UNSURE_GAUGES) (instruments.get(name) as Gauge).remove();
      const ledger = sources.ledger();
      if (ledger !== null) {
        count('atd_ledger_rows_total', { result: 'written' }, ledger.written - ledgerRows.written);
        count('atd_ledger_rows_total', { result: 'lost' }, ledger.lost - ledgerRows.lost);
        ledgerRows = ledger;
        set('atd_ledger_up', ledger.isUp ? 1 : 0);
        set('atd_ledger_waiting_rows', ledger.waiting);
        set('atd_ledger_disk_bytes', ledger.bytesOnDisk);
      }
      const status = sources.status();
      setGauges(status, set);
      setProgress(status, sources, set);
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

function setGauges(
  status: EngineStatus,
  set: (name: MetricName, value: number, labels?: Record<string, string>) => void,
): void {
  set('atd_run_state', RUN_STATES[status.state]);
  set('atd_breaker_state', BREAKER_NUMBERS[status.breaker.state]);
  set('atd_slots', status.slots);
  set('atd_children_running', status.running.length);
  set('atd_queue_jobs', status.queue.jobs);
  for (const { lane, waiting } of status.lanes) set('atd_lane_jobs', waiting, { lane });
  set('atd_queue_bytes', status.queue.fileBytes);
  set('atd_held_message_bytes', status.queue.messageBytes);
  set('atd_dead_letters_refused', status.deadLettersRefused?.letters ?? 0);
  set(
    'atd_held_records',
    status.heldTenants.reduce((sum, { records }) => sum + records, 0),
  );
  set('atd_paused_partitions', status.partitions.filter(({ paused }) => paused).length);
  for (const partition of status.partitions) {
    const label = partitionLabel(status, partition);
    set('atd_completed_ahead', partition.completedAhead, { partition: label });
    set('atd_uncommitted_records', partition.uncommitted, { partition: label });
  }
}

function setProgress(
  status: EngineStatus,
  { lag, lastLoadedAt, now }: MetricsSources,
  set: (name: MetricName, value: number, labels?: Record<string, string>) => void,
): void {
  const { partitions, fileBytes } = lag(status);
  for (const [index, partition] of status.partitions.entries()) {
    const messages = partitions[index] ?? null;
    if (messages !== null) set('atd_consumer_lag', messages, { partition: partitionLabel(status, partition) });
  }
  if (fileBytes !== null) set('atd_lag_bytes', fileBytes);
  const ages = status.partitions.map(({ oldestAt }) => (oldestAt === null ? 0 : now() - oldestAt));
  set('atd_oldest_unfinished_seconds', Math.max(0, ...ages) / 1_000);
  set('atd_last_success_timestamp_seconds', (lastLoadedAt() ?? 0) / 1_000);
}

/** Partitions of the topic of those that wait have the same numbers. */
function partitionLabel(status: EngineStatus, { topic, partition }: PartitionStatus): string {
  return topic === status.partitions[0]?.topic ? String(partition) : `waiting/${partition}`;
}

function create(name: string, definition: MetricDefinition, registry: Registry): Counter | Gauge | Histogram {
  const { help, labels, buckets } = definition;
  const options = { name, help, labelNames: [...labels], registers: [registry] };
  switch (definition.type) {
    case 'counter':
      return new Counter(options);
    case 'gauge':
      return new Gauge(options);
    case 'histogram':
      return new Histogram({ ...options, ...(buckets === undefined ? {} : { buckets: [...buckets] }) });
  }
}
