/**
 * Ends the child of a thread or of a launcher that died. A child that the thread itself forked can be reaped only by the
 * thread's own loop, so it stays a zombie of this process until this process ends (nodejs/node#46569).
 */
import type { Command } from '../types.js';
import { untilHolds } from '../util/deadline.js';
import { isGroupLiving, JOB_VARIABLE, killGroup, killMarked, type Marker, markerOf } from './leftovers.js';
import { readStat, readVariable } from './process-table.js';

/** A process in uninterruptible sleep may take longer to die; it is not waited for. */
const MAX_WAIT_MS = 5_000;
/** For a launcher to kill its child and end. */
const LAUNCHER_END_MS = 1_000;

/**
 * Kills the child's group and whatever carries the child's marker, and waits until all of it is dead.
 *
 * @param pid null when they died before they could report it; then the marker finds the child
 * @returns the zombies that nobody can reap
 */
export async function endLostChild(pid: number | null, environment: Command['env']): Promise<number[]> {
  const marker = markerOf(environment);
  // A child that had been reaped before its thread died may have passed its pid on to a stranger.
  if (pid !== null && mayBeOurs(pid, marker)) killGroup(pid);
  const pids = new Set([...(pid === null ? [] : [pid]), ...killMarked(marker)]);
  await untilHolds(() => [...pids].every((each) => hasEnded(each) && !isGroupLiving(each)), MAX_WAIT_MS);
  return [...pids].filter((each) => {
    const stat = readStat(each);
    return stat?.state === 'zombie' && stat.parent === process.pid;
  });
}

/**
 * Waits until the launcher process of a thread that died has ended, which it does when it finds its input closed and has
 * killed its child; one that cannot is killed.
 *
 * @returns whether it is now a zombie that nobody can reap
 */
export async function endLostLauncher(pid: number): Promise<boolean> {
  const isOurs = (): boolean => readStat(pid)?.parent === process.pid;
  await untilHolds(() => !isOurs() || hasEnded(pid), LAUNCHER_END_MS);
  if (isOurs() && !hasEnded(pid)) {
    killGroup(pid);
    await untilHolds(() => hasEnded(pid), MAX_WAIT_MS);
  }
  return isOurs() && hasEnded(pid);
}

function mayBeOurs(pid: number, { jobId }: Marker): boolean {
  const hasProcessTable = readStat(process.pid) !== null;
  if (!hasProcessTable || readStat(pid)?.parent === process.pid) return true;
  return jobId !== undefined && readVariable(pid, JOB_VARIABLE) === jobId;
}

function hasEnded(pid: number): boolean {
  const stat = readStat(pid);
  return stat === null || stat.state === 'zombie';
}
