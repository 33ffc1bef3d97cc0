/** Who gives an order: for the log, the status, and what is kept of it. */
import { hostname, userInfo } from 'node:os';

/** A user without an entry has a number alone. */
export function whoAsks(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `${process.getuid?.() ?? ''}@${hostname()}`;
  }
}

/** Whether no process of this machine has that number. */
export function isProcessGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
