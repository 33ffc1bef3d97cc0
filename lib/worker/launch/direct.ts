/**
 * Starts the child from this process. Execa only starts it. Its own bounds are not used, because its promise waits for
 * the pipes, which a grandchild may hold open for ever, and its timeout signals the child alone and not its group.
 */
import { statSync } from 'node:fs';
import { execa } from 'execa';
import type { Command } from '../../types.js';
import type { ChildListener, Exit, Launch, Launcher } from './launcher.js';
import { spawnErrorBehind } from './spawn-errors.js';

export const DIRECT: Launcher = { name: 'direct', pid: null, launch: launchDirectly, close: async () => {} };

async function launchDirectly(command: Command, listener: ChildListener): Promise<Launch> {
  // It would be run as a script, which succeeds.
  if (isEmpty(command.file)) {
    return { kind: 'failed', code: 'ENOEXEC', message: `spawn ${command.file} ENOEXEC: it is empty` };
  }
  let child: ReturnType<typeof start>;
  try {
    child = start(command);
  } catch (error) {
    return failed(await spawnErrorBehind(error));
  }
  if (child.pid === undefined) {
    const result = await child;
    return failed(result.cause ?? result);
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ kind: 'exited', code, signal, alone: false }));
  });
  // After the start, 'error' says no more than that a signal could not be sent or a pipe broke; 'exit' comes anyway.
  child.on('error', ignore);
  child.catch(ignore);
  listener.started(child.pid);
  const outputs = [child.stdout, child.stderr];
  child.stdout.on('data', listener.stdout);
  child.stderr.on('data', listener.stderr);
  const outputEnded = Promise.all(
    outputs.map((stream) => {
      stream.on('error', ignore);
      return new Promise<void>((resolve) => {
        stream.once('end', resolve);
        stream.once('close', resolve);
      });
    }),
  ).then(ignore);
  const release = (): void => {
    for (const stream of outputs) stream.destroy();
  };
  return { kind: 'running', child: { pid: child.pid, exited, outputEnded, release } };
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

function isEmpty(file: string): boolean {
  try {
    // A name without a directory is looked up by the system.
    return file.includes('/') && statSync(file).size === 0;
  } catch {
    // The start says why.
    return false;
  }
}

/** Why a child could not be started, by execa's error. */
export function failed(error: unknown): Launch {
  const { code, message } = error as NodeJS.ErrnoException;
  // Execa refuses a NUL in an argument by itself, with a TypeError that has no code.
  const codeless = error instanceof TypeError ? 'ERR_INVALID_ARG_VALUE' : null;
  return { kind: 'failed', code: code ?? codeless, message };
}

function ignore(): void {}
