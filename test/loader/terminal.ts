/** `as-cli` with a terminal of its own, which script(1) makes. */
import { join } from 'node:path';
import type { ClickHouseSandbox } from '../sandbox/sandbox.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { asCli, connectionVariables, type Ended, run } from './as-cli.js';

/** Any command, connected by the environment. */
export async function asCliWith(clickhouse: ClickHouseSandbox, args: readonly string[]): Promise<Ended> {
  return await asCli(args, connectionVariables(clickhouse));
}

export interface OnTerminal {
  readonly code: number | null;
  /** What both streams wrote, in the order in which the terminal got it, with its line ends as `\n`. */
  readonly text: string;
}

export async function asCliOnTerminal(
  clickhouse: ClickHouseSandbox,
  args: readonly string[],
  columns: number,
): Promise<OnTerminal> {
  const words = [process.execPath, join(PACKAGE_ROOT, 'bin', 'as-cli'), ...args].map((word) => `'${word}'`);
  const command = `stty cols ${columns}; exec ${words.join(' ')}`;
  const ended = await run('script', ['-qec', command, '/dev/null'], connectionVariables(clickhouse));
  return { code: ended.code, text: ended.stdout.replaceAll('\r\n', '\n') };
}
