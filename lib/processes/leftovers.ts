/**
 * Finds and kills what outlived its job. Signals to a process group miss a grandchild that made a group of its own (a
 * daemon), and a primary that was killed cannot signal at all. But the environment is inherited, so every descendant
 * carries the markers that its child was started with, unless it cleared its environment; that one only a container or
 * a control group can end. KILL is not waited for: once it is sent, no instruction of the program runs any more.
 */
import { listDescendants, listPids, listPidsSince, pidNamespace, readStat, readVariable } from './process-table.js';

/** The primary that started the process, as `supervisorId` names it. */
export const SUPERVISOR_VARIABLE = 'ATD_SUPERVISOR';
export const JOB_VARIABLE = 'ATD_JOB_ID';

/** This process among all that ever run on this machine since its boot. */
export function supervisorId(): string {
  return `${pidNamespace()}-${process.pid}-${readStat(process.pid)?.startedAt ?? '0'}`;
}

/** A child's environment with the variable that names its primary; not by spreading, which is many times dearer. */
export function markedBy(supervisor: string, environment: Readonly<Record<string, string>>): Record<string, string> {
  const marked: Record<string, string> = {};
  for (const name in environment) marked[name] = environment[name] as string;
  marked[SUPERVISOR_VARIABLE] = supervisor;
  return marked;
}

/** Both variables, as far as a child's environment has them. */
export interface Marker {
  readonly jobId?: string | undefined;
  readonly supervisor?: string | undefined;
}

export function markerOf(environment: Readonly<Record<string, string>>): Marker {
  return { jobId: environment[JOB_VARIABLE], supervisor: environment[SUPERVISOR_VARIABLE] };
}

/**
 * Sends KILL to all processes that carry the marker. An empty marker matches none.
 *
 * @param sincePid looks only at processes that were started after this one, which is cheaper
 * @returns the pids that were found
 */
export function killMarked(marker: Marker, sincePid?: number): number[] {
  const { jobId, supervisor } = marker;
  if (jobId === undefined && supervisor === undefined) return [];
  return killAll(
    () => (sincePid === undefined ? listPids() : listPidsSince(sincePid)),
    (pid) => {
      const has = (name: string, value: string | undefined): Match => {
        if (value === undefined) return 'yes';
        const found = readVariable(pid, name);
        return found === undefined ? 'unknown' : found === value ? 'yes' : 'no';
      };
      const ofJob = has(JOB_VARIABLE, jobId);
      return ofJob === 'yes' ? has(SUPERVISOR_VARIABLE, supervisor) : ofJob;
    },
  );
}

/**
 * Sends KILL to the processes that a dead primary left behind, on this machine and in this container. Children of
 * other primaries that are alive are left alone.
 *
 * @returns the pids that were found
 */
export function killLeftoversOfTheDead(): number[] {
  const judged = new Map<string, boolean>();
  const isDead = (supervisor: string): boolean => {
    const known = judged.get(supervisor);
    if (known !== undefined) return known;
    const [namespace, pid, startedAt] = supervisor.split('-');
    const stat = readStat(Number(pid));
    const dead = namespace === pidNamespace() && !(stat?.state === 'living' && stat.startedAt === startedAt);
    judged.set(supervisor, dead);
    return dead;
  };
  return killAll(listPids, (pid) => {
    const supervisor = readVariable(pid, SUPERVISOR_VARIABLE);
    if (supervisor === undefined) return 'unknown';
    return supervisor !== null && isDead(supervisor) ? 'yes' : 'no';
  });
}

/**
 * Sends KILL to all that descends from a process, and not to the process itself.
 *
 * @returns the pids that were found
 */
export function killDescendants(pid: number): number[] {
  return killAll(
    () => listDescendants(pid),
    () => 'yes',
  );
}

/** Sends KILL to the group that `pid` leads; false when nothing could be signalled. */
export function killGroup(pid: number): boolean {
  return kill(-pid);
}

/** Whether a process of the group runs; without a process table, whether there is one at all. */
export function isGroupLiving(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const pids = listPids();
  if (pids.length === 0) return true;
  return pids.some((pid) => {
    const stat = readStat(pid);
    return stat?.state === 'living' && stat.group === group;
  });
}

/** Whether a process is meant; unknown while it executes another program. */
type Match = 'yes' | 'no' | 'unknown';

/** How often the unknown ones are looked at again, and the wait before: one without any environment stays unknown. */
const MORE_LOOKS = 10;
const MORE_LOOKS_EVERY_MS = 1;

/** Repeats until a pass finds nothing new: a process may have forked since the list was read. */
function killAll(list: () => number[], judge: (pid: number) => Match): number[] {
  const found = new Set<number>();
  for (let looks = 0; ; ) {
    const others = list().filter((pid) => pid !== process.pid && !found.has(pid));
    const matches = others.map((pid) => [pid, judge(pid)] as const);
    const fresh = matches.filter(([, match]) => match === 'yes');
    for (const [pid] of fresh) {
      found.add(pid);
      kill(pid);
    }
    if (fresh.length > 0) continue;
    if (looks >= MORE_LOOKS || !matches.some(([, match]) => match === 'unknown')) return [...found];
    looks += 1;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MORE_LOOKS_EVERY_MS);
  }
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: it has just ended. EPERM: it changed its user, and is beyond our reach.
    return false;
  }
}
