/**
 * Reads Linux's process table, /proc. Where there is none every list is empty and every process unknown: callers then
 * rely on process groups alone. Reads are synchronous: /proc is memory, and one process costs about 15 µs.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface ProcessStat {
  /** `exiting`: it runs no more of its program, but has not ended yet. `zombie`: only its exit code is left. */
  readonly state: 'living' | 'exiting' | 'zombie';
  readonly parent: number;
  readonly group: number;
  /** Clock ticks between boot and start: with the pid it names a process for good, as pids are given out again. */
  readonly startedAt: string;
  readonly isKernelThread: boolean;
}

/** From the kernel's sched.h: set as soon as a process begins to end, by itself or by a signal. */
const PF_EXITING = 0x4;
const PF_KTHREAD = 0x200000;
/** Of the kernel; on some machines for ARM it is larger, and a process then seems smaller than it is. */
const PAGE_BYTES = 4_096;
/** What the kernel counts CPU time in for programs, on every machine that Node runs on. */
const TICK_MS = 10;

export function listPids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/**
 * The processes that were started after `pid` was. All of them, if pids began from the lowest again in between or if that
 * cannot be told.
 */
export function listPidsSince(pid: number): number[] {
  const pids = listPids();
  const newest = newestPid();
  return newest === null || newest < pid ? pids : pids.filter((other) => other > pid);
}

/** The processes that descend from `pid` and have not ended. */
export function listDescendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const each of listPids()) {
    const stat = readStat(each);
    if (stat === null || stat.state === 'zombie') continue;
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [each]);
    else siblings.push(each);
  }
  const descendants = [...(children.get(pid) ?? [])];
  // Grows while it is walked.
  for (const each of descendants) descendants.push(...(children.get(each) ?? []));
  return descendants;
}

/** Null when there is no such process, or none that we may see. */
export function readStat(pid: number): ProcessStat | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name, in parentheses, may itself contain parentheses and spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Their numbers are those of proc_pid_stat(5) less three.
  const [letter, parent, group, , , , flags] = fields;
  const startedAt = fields[19];
  if (letter === undefined || letter === 'X' || startedAt === undefined) return null;
  const isExiting = (Number(flags) & PF_EXITING) !== 0;
  const state = letter === 'Z' ? 'zombie' : isExiting ? 'exiting' : 'living';
  const isKernelThread = (Number(flags) & PF_KTHREAD) !== 0;
  return { state, parent: Number(parent), group: Number(group), startedAt, isKernelThread };
}

/** What of the process stands in memory; 0 where nobody can tell. */
export function residentBytes(pid: number): number {
  const pages = read(`/proc/${pid}/statm`)?.split(' ')[1];
  return pages === undefined ? 0 : Number(pages) * PAGE_BYTES;
}

/** Of all its threads since its start; null where nobody can tell. */
export function cpuMsOf(pid: number): number | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * TICK_MS : null;
}

/** Whether a signal or a debugger has stopped the process. */
export function isStopped(pid: number): boolean {
  const stat = read(`/proc/${pid}/stat`);
  return stat !== null && /^[Tt]$/.test(stat.charAt(stat.lastIndexOf(')') + 2));
}

/**
 * The value of a variable in the environment that `pid` was started with; null without it, or if we may not look.
 * Undefined where there is no environment at all: while a process executes another program it has none for a moment.
 */
export function readVariable(pid: number, name: string): string | null | undefined {
  const environment = read(`/proc/${pid}/environ`);
  if (environment === null) return null;
  if (environment === '') return mayGetEnvironment(pid) ? undefined : null;
  const prefix = `${name}=`;
  const entry = environment.split('\0').find((line) => line.startsWith(prefix));
  return entry === undefined ? null : entry.slice(prefix.length);
}

function mayGetEnvironment(pid: number): boolean {
  const stat = readStat(pid);
  return stat?.state === 'living' && !stat.isKernelThread;
}

/** Which set of pids this process lives in: the same number means another process in another container. */
export function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '0';
  }
}

/** The pid that was given out last: the fifth field of /proc/loadavg. */
function newestPid(): number | null {
  const newest = Number(read('/proc/loadavg')?.trim().split(' ')[4]);
  return Number.isInteger(newest) ? newest : null;
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
