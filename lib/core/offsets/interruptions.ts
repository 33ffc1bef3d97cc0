/**
 * The number that a commit's metadata has for the ends of the service during a record's load. Versions before this one read
 * a plain count there, and give a record up at `service.retry.max_interruptions`. So what is added to it stands above every
 * count that the setting allows: when the record was loaded with nothing else running, in minutes since the epoch; or, as a
 * small number, how often such a load may have gone on elsewhere when its partition had moved.
 */
import type { AttemptCounts } from './commit-metadata.js';

/** Above the highest count that `max_interruptions` may be. */
const ALONE_UNIT = 1_024;
const MINUTE_MS = 60_000;
/** Minutes since the epoch are more. */
const MAX_DOUBTS = 999;
/** Stands for the time of a load that runs alone, while nobody knows whether the next reader comes after its end. */
export const DOUBTED = 0;

/** Which machine a run is on, and since which of its boots; both are hashes of 32 bits. */
export interface Boot {
  readonly machine: number;
  readonly boot: number;
}

/**
 * The place of the boot among the records' counts: an offset that no record has. Versions before this one take it for a
 * record that is never delivered. `interrupted` then says how many of the entries after it are of loads that were running.
 */
export const BOOT_OFFSET = Number.MAX_SAFE_INTEGER;

export function bootEntry({ machine, boot }: Boot, running: number): AttemptCounts {
  return { failed: machine, timedOut: boot, interrupted: running };
}

/**
 * How many of the entries, in their order, belong to loads that ended with the machine and not with the service: it was
 * the same machine and has been booted since, as after a power failure. On another machine nobody knows.
 */
export function endedByBoot(entry: AttemptCounts | undefined, now: Boot | null): number {
  if (entry === undefined || now === null) return 0;
  return entry.failed === now.machine && entry.timedOut !== now.boot ? entry.interrupted : 0;
}

/** How often the service ended during the load. */
export function countOf(interrupted: number): number {
  return interrupted % ALONE_UNIT;
}

/** When the load was begun alone that the service did not survive; null where there was none. */
export function aloneAt(interrupted: number): number | null {
  const minutes = Math.floor(interrupted / ALONE_UNIT);
  return minutes <= MAX_DOUBTS ? null : minutes * MINUTE_MS;
}

/** How often the partition moved while the record was being loaded alone, so that perhaps nothing had ended. */
export function doubtsOf(interrupted: number): number {
  const doubts = Math.floor(interrupted / ALONE_UNIT);
  return doubts <= MAX_DOUBTS ? doubts : 0;
}

/**
 * What is to be committed for a load that runs, in case the service ends now.
 *
 * @param aloneSince when it was begun with nothing else running, or DOUBTED; null where others may run beside it
 */
export function interruptedOnceMore(interrupted: number, aloneSince: number | null): number {
  const count = Math.min(countOf(interrupted) + 1, ALONE_UNIT - 1);
  if (aloneSince === null) return count;
  const above =
    aloneSince === DOUBTED
      ? Math.min(doubtsOf(interrupted) + 1, MAX_DOUBTS)
      : Math.max(MAX_DOUBTS + 1, Math.floor(aloneSince / MINUTE_MS));
  return count + ALONE_UNIT * above;
}

/** The same number without the load that was running. */
export function interruptedOnceLess(interrupted: number): number {
  return Math.max(0, countOf(interrupted) - 1);
}
