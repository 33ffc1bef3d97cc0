/**
 * The guard process: owns a temporary directory and the commands that run in it, and outlives its parent just long
 * enough to end them. Every command gets a process group of its own, out of reach of the terminal's Ctrl-C. When the
 * guard's stdin ends, because the parent closed it or died of whatever cause, the groups get TERM, then KILL, the
 * directory goes, and so does the guard.
 *
 * stdin: one command per line as JSON (`GuardedCommand`). stdout: one event per line as JSON (`GuardEvent`).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

export interface GuardedCommand {
  readonly id: number;
  readonly file: string;
  readonly args: readonly string[];
  /** Added to the guard's own environment. */
  readonly env: Readonly<Record<string, string>>;
}

export type GuardEvent =
  | { readonly type: 'directory'; readonly path: string }
  /** What the command wrote, to either stream. */
  | { readonly type: 'output'; readonly id: number; readonly text: string }
  /** All of its output was reported before. */
  | { readonly type: 'ended'; readonly id: number; readonly reason: string; readonly ok: boolean };

const GRACE_MS = 3_000;
/** A killed process may stay in the table for ever where nobody reaps orphans; waiting for that has an end. */
const REAP_MS = 2_000;
const POLL_MS = 20;
/** A command's descendants may hold its output open after its end; else that ends soon, and later on a busy machine. */
const LAST_OUTPUT_MS = 2_000;

const directory = mkdtempSync(join(tmpdir(), process.argv[2] ?? 'atd-sandbox-'));
const groups = new Set<number>();
let ending = false;

function report(event: GuardEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

function run(command: GuardedCommand): void {
  const child = spawn(command.file, command.args, {
    cwd: directory,
    detached: true,
    env: { ...process.env, ...command.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid !== undefined) groups.add(child.pid);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => report({ type: 'output', id: command.id, text }));
  }
  child.on('error', (error) => report({ type: 'ended', id: command.id, reason: error.message, ok: false }));
  child.on('exit', async (code, signal) => {
    const reason = signal === null ? `exit code ${code}` : `signal ${signal}`;
    await Promise.race([once(child, 'close'), delay(LAST_OUTPUT_MS)]);
    report({ type: 'ended', id: command.id, reason, ok: code === 0 });
  });
}

function alive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function signalAll(signal: NodeJS.Signals): void {
  for (const group of groups) if (alive(group)) process.kill(-group, signal);
}

async function allGone(withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while ([...groups].some(alive)) {
    if (performance.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  signalAll('SIGTERM');
  if (!(await allGone(GRACE_MS))) {
    signalAll('SIGKILL');
    await allGone(REAP_MS);
  }
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

// Nobody may be left to read what is written here.
process.stdout.on('error', () => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (!ending) run(JSON.parse(line) as GuardedCommand);
  })
  .on('close', () => void end());
report({ type: 'directory', path: directory });
