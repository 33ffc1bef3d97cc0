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
