/**
 * Starts the child: the seam behind which other ways of starting one can be put. Execa only starts it. Its own bounds
 * are not used, because its promise waits for the pipes, which a grandchild may hold open for ever, and its timeout
 * signals the child alone and not its group.
 */
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import type { Command } from '../types.js';

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A child that runs. It leads a process group of its own, whose number is its pid. */
export interface LaunchedChild {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Settles when the child has ended and was reaped, whoever still holds its pipes. Never rejects. */
  readonly exited: Promise<ExitStatus>;
}

export type Launch =
  | { readonly kind: 'running'; readonly child: LaunchedChild }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string };

/** Never rejects: a child that cannot be started is a value. */
export async function launch(command: Command): Promise<Launch> {
  let child: ReturnType<typeof start>;
  try {
    child = start(command);
  } catch (error) {
    return failed(error);
  }
  if (child.pid === undefined) {
    const result = await child;
    return failed(result.cause ?? result);
  }
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // After the start, 'error' says no more than that a signal could not be sent or a pipe broke; 'exit' comes anyway.
  child.on('error', ignore);
  child.stdout.on('error', ignore);
  child.stderr.on('error', ignore);
  child.catch(ignore);
  return { kind: 'running', child: { pid: child.pid, stdout: child.stdout, stderr: child.stderr, exited } };
}

function start(command: Command) {
  return execa(command.file, [...command.args], {
    env: { ...command.env },
    extendEnv: false,
    preferLocal: false,
    detached: true,
    cleanup: false,
    stdin: 'ignore',
    buffer: false,
    encoding: 'buffer',
    reject: false,
  });
}

function failed(error: unknown): Launch {
  const { code, message } = error as NodeJS.ErrnoException;
  // Execa refuses a NUL in an argument by itself, with a TypeError that has no code.
  const codeless = error instanceof TypeError ? 'ERR_INVALID_ARG_VALUE' : null;
  return { kind: 'failed', code: code ?? codeless, message };
}

function ignore(): void {}
