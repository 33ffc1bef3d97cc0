/**
 * What people have ordered, as messages of a compacted topic: one key for each tenant that was ever paused, with the pause as
 * JSON while it holds and no value when it was ended.
 */
import type { TenantPause } from '../core/events.js';

const PAUSE = 'pause/';

export interface Order {
  readonly key: string;
  /** Null takes the order back. */
  readonly value: string | null;
}

export function pauseOrder(pause: TenantPause): Order {
  const { tenant, ...value } = pause;
  return { key: PAUSE + (tenant ?? ''), value: JSON.stringify(value) };
}

export function resumeOrder(tenant: string | null): Order {
  return { key: PAUSE + (tenant ?? ''), value: null };
}

/** The orders that hold, as read from the topic's beginning. */
export class Orders {
  readonly #pauses = new Map<string, TenantPause>();

  get pauses(): TenantPause[] {
    return [...this.#pauses.values()];
  }

  /** Takes one message of the topic; what is no order of ours changes nothing. Returns whether anything changed. */
  take(key: string | null, value: string | null): boolean {
    if (key === null || !key.startsWith(PAUSE)) return false;
    if (value === null) return this.#pauses.delete(key);
    const pause = readPause(key.slice(PAUSE.length), value);
    if (pause === null) return false;
    this.#pauses.set(key, pause);
    return true;
  }
}

function readPause(tenant: string, text: string): TenantPause | null {
  try {
    const { since, until = null, by, reason } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const isTime = (value: unknown): value is number => Number.isSafeInteger(value);
    if (!isTime(since) || (until !== null && !isTime(until))) return null;
    return { tenant: tenant === '' ? null : tenant, since, until, by: String(by ?? ''), reason: String(reason ?? '') };
  } catch {
    return null;
  }
}
