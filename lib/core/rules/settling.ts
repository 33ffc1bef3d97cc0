/**
 * Whether a file is still being written, as far as looks at it can tell. It has settled when it was not written to for a
 * while: by its time of modification, or because two looks so far apart found the same. A disk's clock may be ahead, so what
 * does not change is believed before the clock.
 */
import type { FileSeen, Settling } from '../../types.js';

/** So many waits a file that does not settle is given. Then it is loaded as it is. */
export const MAX_WAITS = 10;

/** What a look at the file is to find out before its load; null when the file may be loaded as it is. */
export function settlingOf(
  ms: number,
  seen: FileSeen | null,
  unsettledSince: number | null,
  now: number,
): Settling | null {
  if (ms === 0 || (unsettledSince !== null && now - unsettledSince >= ms * MAX_WAITS)) return null;
  return { ms, seen };
}

/** Why the file may still be written to; null when it has settled. */
export function judgeSettling(now: FileSeen, { ms, seen }: Settling): string | null {
  const isChanged = seen !== null && (seen.bytes !== now.bytes || seen.modifiedAt !== now.modifiedAt);
  if (isChanged) return `it was written to within ${seconds(now.at - (seen?.at ?? now.at))} s`;
  if (seen !== null && now.at - seen.at >= ms) return null;
  const age = now.at - now.modifiedAt;
  return age >= ms ? null : `it was written to ${seconds(Math.max(0, age))} s ago, and is to rest for ${seconds(ms)} s`;
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
