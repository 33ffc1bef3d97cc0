/** What the tests ask about processes, and the one way in which they wait: for a condition, with a deadline. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 10;

/**
 * A deadline says how long something takes at most on an idle machine, and is there for what hangs. How busy the machine
 * is must not decide about a test: so it is given four times as long, and never less than a minute.
 */
export function patience(deadlineMs: number): number {
  return Math.max(4 * deadlineMs, 60_000);
}

/**
 * Waits until `condition` holds; throws, naming `what`, when it does not although `deadlineMs` and all patience are over. A
 * question that a busy broker or service did not answer is asked again.
 *
 * @param inVain why the condition cannot come to hold any more; it is looked at once more after that
 */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  deadlineMs: number,
  what: string,
  inVain: () => string | null = () => null,
): Promise<void> {
  const waitMs = patience(deadlineMs);
  const deadline = performance.now() + waitMs;
  while (true) {
    const why = inVain();
    let unanswered = '';
    try {
      if (await condition()) return;
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      unanswered = `; the last question was not answered: ${(error as Error).message}`;
    }
    if (why !== null) throw new Error(`${why}, so this cannot come any more: ${what}${unanswered}`);
    if (performance.now() > deadline) throw new Error(`not within ${waitMs} ms: ${what}${unanswered}`);
    await delay(POLL_MS);
  }
}

/** Of Kafka's client, or of `fetch`, whose error says no more. */
function isUnanswered(error: unknown): boolean {
  const { name, message } = error as Error;
  return name.startsWith('KafkaJS') || (name === 'TypeError' && message === 'fetch failed');
}

/** Pids of the living processes whose environment has `entry` (`NAME=value`). */
export function processesWithMarker(entry: string): number[] {
  return pids().filter((pid) => pid !== process.pid && read(`/proc/${pid}/environ`).split('\0').includes(entry));
}

/** Waits until none of them lives: to be sent KILL is not yet to be gone, on a busy machine. */
export async function markedAreGone(entry: string): Promise<void> {
  await waitUntil(() => processesWithMarker(entry).length === 0, 60_000, `every process with ${entry} is gone`);
}

export function isAlive(pid: number): boolean {
  const state = stateOf(pid);
  return state !== null && state !== 'Z' && state !== 'X';
}

/** Zombies whose parent is this process. */
export function ownZombies(): number[] {
  return pids().filter((pid) => {
    const [state, parent] = statFields(pid);
    return state === 'Z' && Number(parent) === process.pid;
  });
}

/** The state letter of proc_pid_stat(5); null without such a process. */
export function stateOf(pid: number): string | null {
  return statFields(pid)[0] ?? null;
}

/** Resident memory of this process in bytes, and the most that it has been. */
export function residentMemory(): { readonly now: number; readonly peak: number } {
  const status = read('/proc/self/status');
  const bytes = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

function statFields(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
