/**
 * The executable of `as_cli.launch: warm`: one process that takes one job after another, as `as-cli` would with the same
 * arguments and environment, and keeps its connection. What a job could leave behind is in `run` alone, which keeps nothing.
 *
 * In comes a line of JSON per job, `{"args": […], "env": {…}}`. Out go lines of JSON: `["taken"]`, `["out", TEXT]` and
 * `["error", TEXT]` as often as it takes, `["end", EXIT CODE]`. Before a job it looks at the file for who gives the jobs:
 * `{"look": {"file": …, "roots": […]}}` is answered by `["looked", …]`, or never, where a disk hangs. It ends when its input does,
 * in the middle of a job too: whoever wanted the job is gone.
 */

import { type LookRequest, lookHere } from '../util/look.js';
import { cachingClient } from './clickhouse/caching-client.js';
import { type ClickHouse, connect } from './clickhouse/client.js';
import { type Output, run } from './main.js';
import type { Connection } from './options/connection-options.js';

interface Job {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Question {
  readonly look: LookRequest;
}

/** A longer text goes in pieces, so that no line is longer than its reader allows. */
const PIECE_LENGTH = 16 * 1024;

const output: Output = {
  out: (text) => reportText('out', text),
  error: (text) => reportText('error', text),
  outColumns: null,
  errorColumns: null,
};

/** The connection of the job before serves the next if that wants the same. */
let kept: { readonly key: string; readonly clickhouse: ClickHouse } | null = null;

function connectOrKeep(connection: Connection): ClickHouse {
  const key = JSON.stringify(connection);
  if (kept?.key !== key) {
    void kept?.clickhouse.close();
    kept = { key, clickhouse: cachingClient(connect(connection)) };
  }
  return { ...kept.clickhouse, close: async () => undefined };
}

async function perform(wanted: Job | Question): Promise<void> {
  if ('look' in wanted) return report(['looked', lookHere(wanted.look)]);
  const { args, env } = wanted;
  await report(['taken']);
  await report(['end', await run(args, env, output, connectOrKeep)]);
}

async function reportText(kind: 'out' | 'error', text: string): Promise<void> {
  for (let at = 0; at < text.length; at += PIECE_LENGTH) await report([kind, text.slice(at, at + PIECE_LENGTH)]);
}

function report(message: readonly unknown[]): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(`${JSON.stringify(message)}\n`, () => resolve());
  });
}

let pending = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (text: string) => {
  const lines = (pending + text).split('\n');
  pending = lines.pop() ?? '';
  for (const line of lines) void perform(JSON.parse(line) as Job | Question);
});
process.stdin.on('end', () => process.exit());
// Nobody reads the answers any more.
process.stdout.on('error', () => process.exit());
