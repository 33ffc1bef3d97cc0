/** What the parts tell of, as the engine's events, as lines of the log, or as what ends the service. */
import type { EngineEvent } from '../core/events.js';
import { ExitCode } from '../errors.js';
import { Unread } from '../kafka/shapes.js';
import { preforkLine } from '../telemetry/prefork-lines.js';
import type { KafkaRecord, LogLevel } from '../types.js';
import type { AdapterEvents } from './adapters.js';

/** Who is told. */
export interface EventSink {
  handle(event: EngineEvent): void;
  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void;
  /** Ends the service. */
  fail(event: string, error: unknown, code: ExitCode): void;
  isEnding(): boolean;
  passwordRefused(): void;
  takeStartsBack(): void;
}

export function adapterEvents(sink: EventSink): AdapterEvents {
  return {
    consumer: {
      assigned: (epoch, partitions) => sink.handle({ type: 'assigned', epoch, partitions }),
      restored: (epoch, positions) => sink.handle({ type: 'restored', epoch, positions }),
      record: (record, defect) => sink.handle(recordEvent(record, defect)),
      rebalancing: () => sink.handle({ type: 'rebalancing' }),
      restarting: (error) => sink.handle({ type: 'consumer-restarting', error: error.message }),
      waiting: (reason) => sink.log('warn', 'kafka.waiting', { reason }),
      off: (refusal) => sink.handle({ type: 'set-aside-failed', batchId: 0, ...refusal }),
      outOfRange: () => sink.handle({ type: 'out-of-range' }),
      failed: (error) => sink.fail('kafka.failed', error, ExitCode.crash),
    },
    pool: {
      onStarted: (jobId, pid, launchMs) => sink.handle({ type: 'started', jobId, pid, launchMs }),
      onSignalled: (jobId, signal) => sink.handle({ type: 'signalled', jobId, signal }),
      onLine: (jobId, stream, text) => sink.log('debug', 'child.line', { job: jobId, stream, text }),
      onLauncher: (launcher) => sink.log('info', 'pool.launcher', { launcher }),
      onPrefork: (news) => {
        const { level, event, fields } = preforkLine(news);
        sink.log(level, event, fields);
      },
      onBroken: (error) => sink.fail('pool.failed', error, ExitCode.internal),
    },
    control: {
      controlled: (pauses) => sink.handle({ type: 'controlled', pauses }),
      unreadable: (reason) => sink.log('warn', 'control.unreadable', { reason }),
    },
    machine: (load) => sink.handle({ type: 'machine', load }),
    ledger: { log: (...line) => sink.log(...line), onRefused: () => sink.passwordRefused() },
    kafka: {
      mayRestart: () => !sink.isEnding(),
      onCrashing: () => sink.takeStartsBack(),
      onOutOfRange: () => sink.handle({ type: 'out-of-range' }),
      onLog: (level, message, details) => sink.log(level, 'kafka.client', { ...details, text: message }),
    },
  };
}

/** A delivered record, or what is known of one that could not be read. */
function recordEvent(record: KafkaRecord, defect: Error | null): EngineEvent {
  if (defect === null) return { type: 'record', record };
  return { type: 'record', record, defect: defect instanceof Unread ? { unread: defect.message } : stackOf(defect) };
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
