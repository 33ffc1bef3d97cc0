/**
 * Signals and last words. The first SIGTERM or SIGINT begins the drain, a second forces the stop, a third ends the process
 * at once. SIGHUP is a reload, from the moment on that there is a service. Other signals that people, logrotate or a closed
 * terminal send change nothing; SIGQUIT, SIGABRT and faults keep their default, which ends the process at once. Threads never
 * see signals, so this is the only place that handles them. A defect that nobody caught ends the process: its state is unknown
 * then, and its supervisor starts it again from the last commit.
 */
import { writeSync } from 'node:fs';
import { ExitCode } from '../errors.js';
import { journalPrefix } from '../telemetry/journal.js';

export interface ShutdownHandlers {
  drain(signal: string): void;
  forceStop(signal: string): void;
  /** Last act before an abrupt end: synchronous, children must not survive it. */
  killAllNow(): void;
}

/**
 * Signals that would end the process by default, or open a debugger (SIGUSR1), and that nobody means as a stop. Node itself
 * ignores SIGPIPE, which a log line to a reader that is gone would cause.
 */
const HARMLESS: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGVTALRM', 'SIGIO', 'SIGPWR'];

/** Takes the signals that must not end the service. To be called before anything else, as they may come at any time. */
export function ignoreSignals(onSignal: (signal: NodeJS.Signals) => void): void {
  for (const signal of HARMLESS) process.on(signal, onSignal);
}

/**
 * @returns what to call when the service has ended: no signal or defect that comes later, as an answer to a client that is
 *   closed, changes the exit code that stands by then
 */
export function installShutdown(handlers: ShutdownHandlers): () => void {
  let [signals, isOver] = [0, false];
  const onSignal = (signal: NodeJS.Signals) => {
    if (isOver) return;
    signals += 1;
    if (signals === 1) handlers.drain(signal);
    else if (signals === 2) handlers.forceStop(signal);
    else end(handlers, ExitCode.crash);
  };
  const onDefect = (error: unknown) => {
    if (isOver) return;
    const priority = journalPrefix(process.stderr);
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // Written synchronously: the logger's streams may never be flushed again.
    try {
      writeSync(
        2,
        `${priority('error')}${JSON.stringify({ level: 'error', message: 'service.defect', error: text })}\n`,
      );
    } catch {
      // The console is gone or full.
    }
    end(handlers, ExitCode.internal);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', onDefect);
  process.on('unhandledRejection', onDefect);
  return () => {
    isOver = true;
  };
}

function end(handlers: ShutdownHandlers, code: ExitCode): never {
  handlers.killAllNow();
  process.exit(code);
}
