/** Waits that end in time, even if the awaited thing never comes. */
import { setTimeout as delay } from 'node:timers/promises';

/** A longer delay makes Node's timers fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

const POLL_MS = 10;

/** Resolves when `done` does, or after `ms`. */
export async function withinTime(done: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    // On a busy machine the loop may have stood still until then: what came meanwhile is looked at before.
    timer = setTimeout(() => setImmediate(resolve), ms);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}

/** Resolves after `ms`, early where it is aborted. */
export async function abortableDelay(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

/** Resolves when `condition` holds, or after `ms`: for conditions without an event, such as the end of another process's child. */
export async function untilHolds(condition: () => boolean, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline && !condition()) await delay(POLL_MS);
}
