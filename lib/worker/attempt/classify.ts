/**
 * How an attempt ended -> Outcome. The exit code is believed first: a child that ends with 0 has loaded its file, even
 * if we had just asked it to stop. The exception is a loader that is known to end with 0 when it failed, and whose output
 * says that it did. After that comes our own reason for ending it, and only then the child's words.
 *
 * Loaders quote names and values of the file, so their words may mean anything. They count only where the exit code does
 * not say what happened.
 */
import { ExitCode } from '../../errors.js';
import type { FileSeen, LoadTraces, Outcome, OutcomeResult, WorkerSettings } from '../../types.js';
import { lastLine, shorten, stripControl, tailOf } from '../../util/safe-text.js';
import type { FailurePatterns } from '../output/failure-watch.js';

/** How it ended, as far as the system reports it. */
export type Ending =
  | {
      readonly kind: 'exited';
      readonly code: number | null;
      readonly signal: string | null;
      /** What of the loader has changed since the child's modules were read; null or nothing as a rule. */
      readonly outdated?: string | null;
      readonly cpuMs?: number | null;
      readonly peakBytes?: number | null;
    }
  /** No child: `code` is the errno's name, or one of Node's own codes. */
  | { readonly kind: 'spawn-failed'; readonly code: string | null; readonly message: string }
  /** No child: the file to load was looked at first. */
  | {
      readonly kind: 'refused';
      readonly result: 'file-missing' | 'path-denied' | 'machine-fault' | 'timed-out' | 'file-unsettled';
      readonly reason: string;
      readonly seen?: FileSeen;
    }
  /** The launcher died; its child, if it had begun with one, was killed, and nobody knows how that would have ended. */
  | { readonly kind: 'lost'; readonly begun: boolean; readonly reason: string }
  /** No child: we were asked to stop before there was one. */
  | { readonly kind: 'not-started' };

/** Why we ended the child, if it was us; of several reasons the first. */
export type Cause = 'deadline' | 'stop' | null;

export interface AttemptEvidence {
  readonly ending: Ending;
  readonly cause: Cause;
  readonly timeoutMs: number;
  readonly signalsSent: Outcome['signalsSent'];
  readonly launchMs: number;
  readonly durationMs: number;
  /** What was kept of the output. */
  readonly stdout: string;
  readonly stderr: string;
  /** What the loader said on stdout from a line on that reports a failure; null when it reports none there. */
  readonly failureText: string | null;
  readonly droppedOutputBytes: number;
  /** The file's size before the start; null where no child was started. */
  readonly fileBytes: number | null;
  /** Of the file then, in milliseconds since the epoch; left out where no child was started. */
  readonly modifiedAt?: number | null;
}

export interface SinkRules {
  readonly exitCodes: ReadonlySet<number>;
  readonly patterns: readonly RegExp[];
  /** With these the patterns count. */
  readonly vagueExitCodes: ReadonlySet<number>;
  /** Whether the loader reports whose failure it is. */
  readonly reportsScope: boolean;
}

/** What a program without exit codes of its own ends with, whether it succeeds or fails. */
export const VAGUE_EXIT_CODES: readonly number[] = [0, 1];

const STDERR_TAIL_BYTES = 2048;
const REASON_LINE_LENGTH = 200;
/** For a failure of several lines. */
const REASON_TEXT_LENGTH = 1000;

/** Want of a resource, or an executable that is just being replaced (ETXTBSY): it passes without anyone's doing. */
const MACHINE_FAULTS: ReadonlySet<string> = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY']);
/** An argument vector that is too long or contains a NUL comes from the message, not from the configuration. */
const ARGUMENT_FAULTS: ReadonlySet<string> = new Set(['E2BIG', 'ERR_INVALID_ARG_VALUE']);

/** @throws SyntaxError when a pattern is not a regular expression */
export function compileSinkRules(settings: WorkerSettings['sinkUnavailable']): SinkRules {
  return {
    exitCodes: new Set(settings.exitCodes),
    patterns: settings.patterns.map((pattern) => new RegExp(pattern, 'i')),
    vagueExitCodes: new Set(settings.vagueExitCodes ?? VAGUE_EXIT_CODES),
    reportsScope: settings.reportsScope === true,
  };
}

/** @throws SyntaxError when a pattern is not a regular expression */
export function compileStdoutFailures(settings: WorkerSettings['stdoutFailures']): FailurePatterns | null {
  if (settings === null || settings === undefined) return null;
  return {
    failure: settings.failurePatterns.map((pattern) => new RegExp(pattern)),
    success: new RegExp(settings.successPattern, 'i'),
  };
}

export function classify(attempt: AttemptEvidence, sink: SinkRules): Outcome {
  const { ending } = attempt;
  const { result, reason } = judge(attempt, sink);
  const report = readReport(attempt.stdout);
  return {
    result,
    reason,
    exitCode: ending.kind === 'exited' ? ending.code : null,
    signal: ending.kind === 'exited' ? ending.signal : null,
    signalsSent: attempt.signalsSent,
    launchMs: attempt.launchMs,
    durationMs: attempt.durationMs,
    stderrTail: tailOf(attempt.stderr, STDERR_TAIL_BYTES),
    droppedOutputBytes: attempt.droppedOutputBytes,
    rows: report.rows,
    bytes: report.bytes ?? (result === 'succeeded' ? attempt.fileBytes : null),
    ...(ending.kind === 'refused' && ending.seen !== undefined ? { seen: ending.seen } : {}),
    traces: ending.kind === 'exited' ? tracesOf(attempt, ending, report) : null,
  };
}

function tracesOf(
  { fileBytes, modifiedAt = null }: AttemptEvidence,
  { cpuMs = null, peakBytes = null }: Extract<Ending, { kind: 'exited' }>,
  { queryId }: Report,
): LoadTraces {
  return { fileBytes, modifiedAt, cpuMs, peakBytes, queryId };
}

/** The outcome of an attempt whose thread died: nobody knows how its child would have ended. */
export function threadLost(error: string, pid: number | null, launchMs: number, durationMs: number): Outcome {
  const child = pid === null ? 'no child was known' : `its child ${pid} was killed`;
  return {
    result: 'thread-lost',
    reason: `worker thread lost: ${shorten(stripControl(error), REASON_LINE_LENGTH)}; ${child}`,
    exitCode: null,
    signal: null,
    signalsSent: pid === null ? [] : ['SIGKILL'],
    launchMs,
    durationMs,
    stderrTail: '',
    droppedOutputBytes: 0,
    rows: null,
    bytes: null,
    traces: null,
  };
}

interface Judgement {
  readonly result: OutcomeResult;
  readonly reason: string;
}

function judge(attempt: AttemptEvidence, sink: SinkRules): Judgement {
  const { ending } = attempt;
  switch (ending.kind) {
    case 'refused':
      return { result: ending.result, reason: stripControl(ending.reason) };
    case 'not-started':
      return { result: 'stopped', reason: 'stopped before it was started' };
    case 'spawn-failed':
      return judgeSpawnError(ending.code, ending.message);
    case 'lost':
      // Once it has begun, the file is as likely a cause as anything else, and must not end launchers for ever.
      return (
        judgeCause(attempt) ?? {
          result: ending.begun ? 'thread-lost' : 'machine-fault',
          reason: stripControl(ending.reason),
        }
      );
    case 'exited':
      if (ending.code === 0 && attempt.failureText === null) return { result: 'succeeded', reason: 'exit code 0' };
      return (
        judgeCause(attempt) ?? judgeOutdated(judgeFailure(ending.code, ending.signal, attempt, sink), ending.outdated)
      );
  }
}

/** Null when it was not us who ended the child. */
function judgeCause({ cause, signalsSent, timeoutMs }: AttemptEvidence): Judgement | null {
  const withSignals = signalsSent.length === 0 ? '' : ` with ${signalsSent.join(', then ')}`;
  if (cause === 'deadline') {
    const ended = withSignals === '' ? '' : `; ended${withSignals}`;
    return { result: 'timed-out', reason: `no end after ${timeoutMs / 1000} s${ended}` };
  }
  return cause === 'stop' ? { result: 'stopped', reason: `stopped${withSignals}` } : null;
}

/** A child that ran with modules of before an upgrade may have failed for that: the file is not charged with it. */
function judgeOutdated(failure: Judgement, outdated: string | null | undefined): Judgement {
  if (outdated === null || outdated === undefined || failure.result === 'sink-unavailable') return failure;
  const reason = `${failure.reason}; the loader was exchanged meanwhile (${stripControl(outdated)})`;
  return { result: 'machine-fault', reason };
}

function judgeSpawnError(code: string | null, message: string): Judgement {
  const reason = `cannot start the child: ${stripControl(message)}`;
  if (code !== null && MACHINE_FAULTS.has(code)) return { result: 'machine-fault', reason };
  if (code !== null && ARGUMENT_FAULTS.has(code)) return { result: 'failed', reason };
  return { result: 'service-fault', reason };
}

function judgeFailure(
  code: number | null,
  signal: string | null,
  attempt: AttemptEvidence,
  sink: SinkRules,
): Judgement {
  const said = code === 0 ? '' : lastLine(attempt.stderr) || lastLine(attempt.stdout);
  const colon = said === '' ? '' : `: ${shorten(said, REASON_LINE_LENGTH)}`;
  if (code === null) {
    const hint = signal === 'SIGKILL' ? ' (not by this service; out of memory?)' : '';
    return { result: 'failed', reason: `killed by ${signal ?? 'an unknown signal'}${hint}${colon}` };
  }
  const result = isUnavailable(code, attempt, sink) ? 'sink-unavailable' : failureByScope(code, attempt, sink);
  if (code !== 0) return { result, reason: `exit code ${code}${colon}` };
  return { result, reason: `exit code 0, but it printed: ${oneLine(attempt.failureText ?? '')}` };
}

function isUnavailable(code: number, { stderr, failureText }: AttemptEvidence, sink: SinkRules): boolean {
  if (sink.exitCodes.has(code)) return true;
  if (!sink.vagueExitCodes.has(code)) return false;
  // What a loader that ends with 0 writes to stderr is a log of what went well, too.
  const said = `${code === 0 ? '' : stderr}\n${failureText ?? ''}`;
  return sink.patterns.some((pattern) => pattern.test(said));
}

/** Whose failure it is, as the loader reports it. */
function failureByScope(code: number, { stdout }: AttemptEvidence, { reportsScope }: SinkRules): OutcomeResult {
  const scope = reportsScope ? lastReport(stdout)['scope'] : null;
  if (scope === 'connection') return code === ExitCode.usage ? 'service-fault' : 'sink-refused';
  return scope === 'table' ? 'table-refused' : 'failed';
}

function oneLine(text: string): string {
  return shorten(text.trimEnd().split('\n').map(stripControl).join(' | '), REASON_TEXT_LENGTH);
}

type Report = Pick<Outcome, 'rows' | 'bytes'> & Pick<LoadTraces, 'queryId'>;

function readReport(stdout: string): Report {
  const { rows, bytes, queryId } = lastReport(stdout);
  return { rows: count(rows), bytes: count(bytes), queryId: queryIdIn(queryId) };
}

/** ClickHouse makes a UUID; what another program reports under the name may be anything. */
function queryIdIn(value: unknown): string | null {
  return typeof value === 'string' && /^[\w.:-]{1,100}$/.test(value) ? value : null;
}

/** What the loader reports with `ATD_OUTPUT=json`: a JSON object as its last line; else an empty one. */
function lastReport(stdout: string): Readonly<Record<string, unknown>> {
  const line = lastLine(stdout);
  if (!line.startsWith('{')) return {};
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    // The line of another program that happens to begin with a brace.
    return {};
  }
}

function count(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}
