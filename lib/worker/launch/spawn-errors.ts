/**
 * Where no descriptor is left for its pipes, Node reports a process that it could not create by an `error` event alone,
 * and execa fails with an error of its own before it listens for that. Nobody would take the event, and it would end the
 * thread; and what execa says does not name the cause.
 */
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';

let latest: ChildProcess | null = null;

subscribe('child_process', (message) => {
  latest = (message as { readonly process: ChildProcess }).process;
  latest.on('error', () => undefined);
});

/**
 * The system's error behind the one that the start of a process has just thrown, or that one if there is none. The event
 * comes with the next tick, so this is to be called before anything else runs.
 */
export function spawnErrorBehind(error: unknown): Promise<unknown> {
  return new Promise((resolve) => {
    latest?.once('error', resolve);
    setImmediate(() => resolve(error));
  });
}
