/** Tenants that people have paused: their jobs wait in turn, and those of the others go on. A pause may end by itself. */
import type { TenantPause } from '../events.js';

export interface PauseChange {
  readonly pause: TenantPause;
  readonly isPaused: boolean;
}

export class Pauses {
  #isKnown: boolean;
  #all: readonly TenantPause[] = [];
  #active: readonly TenantPause[] = [];

  /** @param isKnown whether nobody will say which tenants are paused */
  constructor(isKnown: boolean) {
    this.#isKnown = isKnown;
  }

  /** Whether it was said which tenants are paused; nothing starts before. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Those that hold now. */
  get active(): readonly TenantPause[] {
    return this.#active;
  }

  /** Takes all pauses that there are. */
  replace(pauses: readonly TenantPause[]): void {
    this.#isKnown = true;
    this.#all = pauses;
  }

  /** Notes which hold now. Returns those that have begun or ended since it was asked last, or null where none has. */
  advance(now: number): PauseChange[] | null {
    const before = this.#active;
    const after = this.#all.filter(({ until }) => until === null || until > now);
    if (after.length === 0 && before.length === 0) return null;
    const begun = after.filter((pause) => !before.some(({ tenant }) => tenant === pause.tenant));
    const ended = before.filter((pause) => !after.some(({ tenant }) => tenant === pause.tenant));
    this.#active = after;
    if (begun.length + ended.length === 0) return null;
    const changes = (pauses: readonly TenantPause[], isPaused: boolean) => pauses.map((pause) => ({ pause, isPaused }));
    return [...changes(begun, true), ...changes(ended, false)];
  }

  /** When the next of them ends by itself, or null. */
  nextAt(): number | null {
    const ends = this.#active.map(({ until }) => until).filter((until) => until !== null);
    return ends.length === 0 ? null : Math.min(...ends);
  }
}
