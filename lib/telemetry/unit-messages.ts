/** Which messages of sd_notify are due: decided from what the service is, what was sent, and the time. */

/** What the unit's state is made of, at the moment of asking. */
export interface UnitState {
  readonly phase: 'starting' | 'running' | 'reloading' | 'stopping';
  /** Whether a restart would not help: then the watchdog is fed. */
  readonly isLive: boolean;
  /** For people, on one line. */
  readonly status: string;
}

/** A quarter of the watchdog's time: one message that is late or lost is no reason for a restart. */
const FEEDS_PER_TIME = 4;
const MAX_STATUS_CHARACTERS = 300;

/** @returns milliseconds within which systemd wants to hear of this process; null where it does not watch it */
export function watchdogTime(
  { WATCHDOG_USEC: time, WATCHDOG_PID: pid }: Readonly<Record<string, string | undefined>>,
  ownPid: number,
): number | null {
  if (pid !== undefined && pid !== String(ownPid)) return null;
  return time !== undefined && /^[1-9]\d*$/.test(time) ? Number(time) / 1_000 : null;
}

export class UnitMessages {
  readonly #feedEveryMs: number | null;
  #wasReady = false;
  #isReloading = false;
  #isStopping = false;
  #status = '';
  #fedAt = Number.NEGATIVE_INFINITY;

  /** @param watchdogMs null where there is no watchdog */
  constructor(watchdogMs: number | null) {
    this.#feedEveryMs = watchdogMs === null ? null : watchdogMs / FEEDS_PER_TIME;
  }

  /** @param now milliseconds of the machine's monotonic clock, which systemd compares with its own */
  due({ phase, isLive, status }: UnitState, now: number): string[] {
    const messages: string[] = [];
    if (phase === 'reloading' && !this.#isReloading) {
      messages.push('RELOADING=1', `MONOTONIC_USEC=${Math.round(now * 1_000)}`);
      this.#isReloading = true;
    }
    if (phase === 'running' && (!this.#wasReady || this.#isReloading)) {
      messages.push('READY=1');
      this.#isReloading = false;
    }
    if (phase === 'stopping' && !this.#isStopping) messages.push('STOPPING=1');
    this.#wasReady ||= phase === 'running';
    this.#isStopping ||= phase === 'stopping';
    const line = status.replaceAll(/\s+/g, ' ').slice(0, MAX_STATUS_CHARACTERS);
    if (line !== this.#status) messages.push(`STATUS=${line}`);
    this.#status = line;
    if (this.#feedEveryMs !== null && isLive && now - this.#fedAt >= this.#feedEveryMs) {
      messages.push('WATCHDOG=1');
      this.#fedAt = now;
    }
    return messages;
  }

  /** What was due last did not arrive: all of it is due again. */
  lost(): void {
    this.#wasReady = false;
    this.#isReloading = false;
    this.#isStopping = false;
    this.#status = '';
    this.#fedAt = Number.NEGATIVE_INFINITY;
  }
}
