/** A failure at ClickHouse as the one line that ends a command. */
import type { Connection } from './connection-options.js';
import { explain, LoadError, type Stage } from './failures.js';

/** `what` could not be done: `cannot read table default.atd_acme`. */
export function serverFailure(error: unknown, stage: Stage, what: string, { host, port }: Connection): LoadError {
  if (error instanceof LoadError) return error;
  const { exitCode, why, remedy } = explain(error, stage);
  return new LoadError(exitCode, `${what} on ${host}:${port}: ${why}; ${remedy}`, { cause: error });
}
