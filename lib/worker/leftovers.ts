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
    (pid) =>
      (jobId === undefined || readVariable(pid, JOB_VARIABLE) === jobId) &&
      (supervisor === undefined || readVariable(pid, SUPERVISOR_VARIABLE) === supervisor),
  );
}

/**
 * Sends KILL to what a primary left behind that is no longer there, on this machine and in this container. Children of
 * other primaries that are alive are left alone.
 *
 * @returns the pids that were found
 */
export function killLeftoversOfTheDead(): number[] {
  const verdicts = new Map<string, boolean>();
  const isDead = (supervisor: string): boolean => {
    const known = verdicts.get(supervisor);
    if (known !== undefined) return known;
    const [namespace, pid, startedAt] = supervisor.split('-');
    const stat = readStat(Number(pid));
    const dead = namespace === pidNamespace() && !(stat?.state === 'living' && stat.startedAt === startedAt);
    verdicts.set(supervisor, dead);
    return dead;
  };
  return killAll(listPids, (pid) => {
    const supervisor = readVariable(pid, SUPERVISOR_VARIABLE);
    return supervisor !== null && isDead(supervisor);
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
    () => true,
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

/** Repeats until a pass finds nothing new: what is found may have forked since the list was read. */
function killAll(list: () => number[], matches: (pid: number) => boolean): number[] {
  const found = new Set<number>();
  for (;;) {
    const fresh = list().filter((pid) => pid !== process.pid && !found.has(pid) && matches(pid));
    if (fresh.length === 0) return [...found];
    for (const pid of fresh) {
      found.add(pid);
      kill(pid);
    }
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
