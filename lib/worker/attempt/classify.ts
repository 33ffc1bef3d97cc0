/**
 * How an attempt ended -> Outcome. The exit code is believed first: a child that ends with 0 has loaded its file, even
 * if we had just asked it to stop. After that our own reason for ending it counts, and only then the child's words.
 */
import type { Outcome, OutcomeResult, WorkerSettings } from '../../types.js';
import { lastLine, shorten, stripControl, tailOf } from '../../util/safe-text.js';

/** How it ended, as far as the system reports it. */
export type Ending =
  | { readonly kind: 'exited'; readonly code: number | null; readonly signal: string | null }
  /** No child: `code` is the errno's name, or one of Node's own codes. */
  | { readonly kind: 'spawn-failed'; readonly code: string | null; readonly message: string }
  /** No child: the file to load was looked at first. */
  | {
      readonly kind: 'refused';
      readonly result: 'file-missing' | 'path-denied' | 'machine-fault';
      readonly reason: string;
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
  readonly droppedOutputBytes: number;
  /** The file's size before the start; null where no child was started. */
  readonly fileBytes: number | null;
}

export interface SinkRules {
  readonly exitCodes: ReadonlySet<number>;
  readonly patterns: readonly RegExp[];
}

const STDERR_TAIL_BYTES = 2048;
const REASON_LINE_LENGTH = 200;

/** Want of a resource, or an executable that is just being replaced (ETXTBSY): it passes without anyone's doing. */
const MACHINE_FAULTS: ReadonlySet<string> = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY']);
/** An argument vector that is too long or contains a NUL comes from the message, not from the configuration. */
const ARGUMENT_FAULTS: ReadonlySet<string> = new Set(['E2BIG', 'ERR_INVALID_ARG_VALUE']);

/** @throws SyntaxError when a pattern is not a regular expression */
export function compileSinkRules(settings: WorkerSettings['sinkUnavailable']): SinkRules {
  return {
    exitCodes: new Set(settings.exitCodes),
    patterns: settings.patterns.map((pattern) => new RegExp(pattern, 'i')),
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
  };
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
      if (ending.code === 0) return { result: 'succeeded', reason: 'exit code 0' };
      return judgeCause(attempt) ?? judgeFailure(ending.code, ending.signal, attempt, sink);
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
  const said = lastLine(attempt.stderr) || lastLine(attempt.stdout);
  const colon = said === '' ? '' : `: ${shorten(said, REASON_LINE_LENGTH)}`;
  if (code === null) {
    const hint = signal === 'SIGKILL' ? ' (not by this service; out of memory?)' : '';
    return { result: 'failed', reason: `killed by ${signal ?? 'an unknown signal'}${hint}${colon}` };
  }
  const unavailable = sink.exitCodes.has(code) || sink.patterns.some((pattern) => pattern.test(attempt.stderr));
  return { result: unavailable ? 'sink-unavailable' : 'failed', reason: `exit code ${code}${colon}` };
}

/** What the loader reports with `ATD_OUTPUT=json`: a JSON object as its last line, with the numbers `rows` and `bytes`. */
function readReport(stdout: string): Pick<Outcome, 'rows' | 'bytes'> {
  const line = lastLine(stdout);
  if (!line.startsWith('{')) return { rows: null, bytes: null };
  try {
    const report = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return { rows: count(report['rows']), bytes: count(report['bytes']) };
  } catch {
    // The line of another program that happens to begin with a brace.
    return { rows: null, bytes: null };
  }
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}
