/**
 * One attempt from the request to the outcome. The bound on time is ours: the attempt settles on the child's exit, not on
 * the end of its output, which a grandchild may hold open for ever. What writes on gets a moment to finish; then the
 * group, and whatever left the group but carries the job's marker, is killed.
 */

import { killMarked, markerOf } from '../../processes/leftovers.js';
import { endLostChild } from '../../processes/lost-child.js';
import type { Command, Outcome, WorkerControl } from '../../types.js';
import { withinTime } from '../../util/deadline.js';
import { Deferred } from '../../util/deferred.js';
import type { LaunchedChild, Launcher, Looker } from '../launch/launcher.js';
import { Capture } from '../output/capture.js';
import { type FailurePatterns, FailureWatch } from '../output/failure-watch.js';
import { LastLine } from '../output/last-line.js';
import { maskFor } from '../output/secrets.js';
import { type AttemptEvidence, classify, type Ending, type SinkRules } from './classify.js';
import { checkInput } from './input.js';
import { Termination } from './termination.js';

/** What one attempt is connected to. */
export interface Control {
  readonly launcher: Launcher;
  /** What looks at the file; without it, this thread does. */
  readonly looker?: Looker | null;
  readonly sink: SinkRules;
  /** How the loader says on stdout that it failed; nothing for one whose exit code always says so. */
  readonly stdoutFailures?: FailurePatterns | null;
  readonly onStarted: (pid: number, launchMs: number) => void;
  readonly onSignalled: (signal: Outcome['signalsSent'][number]) => void;
  /** Null when nobody wants the child's lines. */
  readonly onLine: ((stream: 'stdout' | 'stderr', text: string) => void) | null;
  /** Is given what says the last line of the child so far, when there may be one. */
  readonly onOutput?: (lastLine: () => string) => void;
  /** Is given who acts on requests; those that came earlier are to be passed on at once. */
  readonly onRequest: (listener: (request: WorkerControl) => void) => void;
}

/** How long output may still come after the child's end. */
const DRAIN_MS = 500;
/**
 * After a shorter attempt only processes younger than the child are searched for its marker. A look at one process costs
 * about 15 µs: a look at all is dear beside an attempt of some milliseconds, and nothing beside one of a second.
 */
const FULL_SEARCH_FROM_MS = 1_000;

/** Never rejects for anything that the child, its file or the machine does. */
export async function supervise(command: Command, control: Control): Promise<Outcome> {
  const termination = new Termination(command.graceMs, control.onSignalled);
  const stopped = new Deferred();
  control.onRequest((request) => {
    if (request === 'stop') termination.stop();
    else termination.kill();
    stopped.resolve();
  });
  const settle = (ending: Ending, rest: Partial<AttemptEvidence> = {}): Outcome =>
    classify(
      {
        ending,
        cause: termination.cause,
        timeoutMs: command.timeoutMs,
        signalsSent: termination.signalsSent,
        launchMs: 0,
        durationMs: 0,
        stdout: '',
        stderr: '',
        failureText: null,
        droppedOutputBytes: 0,
        fileBytes: null,
        ...rest,
      },
      control.sink,
    );

  if (termination.cause !== null) return settle({ kind: 'not-started' });
  const input = await checkInput(command, control.looker ?? null, stopped.promise);
  if (input.kind !== 'admitted') return settle(input);
  if (termination.cause !== null) return settle({ kind: 'not-started' });
  const { onLine } = control;
  const mask = maskFor(command);
  const stdout = new Capture(onLine && ((text) => onLine('stdout', mask(text))));
  const stderr = new Capture(onLine && ((text) => onLine('stderr', mask(text))));
  const last = new LastLine(mask);
  control.onOutput?.(() => last.text());
  const watch = control.stdoutFailures ? new FailureWatch(control.stdoutFailures) : null;
  const requestedAt = performance.now();
  let startedAt = requestedAt;
  const launched = await control.launcher.launch(command, {
    started: (pid) => {
      startedAt = performance.now();
      control.onStarted(pid, startedAt - requestedAt);
      termination.begin(pid, command.timeoutMs);
    },
    stdout: (chunk) => {
      stdout.push(chunk);
      last.wrote(stdout);
      watch?.push(chunk);
    },
    stderr: (chunk) => {
      stderr.push(chunk);
      last.wrote(stderr);
    },
  });
  if (launched.kind === 'failed') {
    return settle({ kind: 'spawn-failed', code: launched.code, message: launched.message });
  }
  if (launched.kind === 'lost') {
    await endLostChild(null, command.env);
    return settle(launched);
  }

  const { child } = launched;
  const exit = await child.exited;
  const durationMs = performance.now() - startedAt;
  termination.end();
  if (exit.kind === 'lost') await endLostChild(child.pid, command.env);
  else if (!exit.alone || termination.signalsSent.length > 0) await clearUp(child, command, termination, durationMs);
  stdout.end();
  stderr.end();
  watch?.end();
  const failureText = watch?.text() ?? null;
  return settle(exit, {
    launchMs: startedAt - requestedAt,
    durationMs,
    stdout: mask(stdout.text()),
    stderr: mask(stderr.text()),
    failureText: failureText === null ? null : mask(failureText),
    droppedOutputBytes: stdout.droppedBytes + stderr.droppedBytes,
    fileBytes: input.bytes,
    modifiedAt: input.modifiedAt,
  });
}

async function clearUp(
  child: LaunchedChild,
  command: Command,
  termination: Termination,
  durationMs: number,
): Promise<void> {
  await withinTime(child.outputEnded, DRAIN_MS);
  termination.clearUp();
  killMarked(markerOf(command.env), durationMs < FULL_SEARCH_FROM_MS ? child.pid : undefined);
  child.release();
}
