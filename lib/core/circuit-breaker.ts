/**
 * Stops the service from running into a wall.
 *
 * - `closed`: jobs run. Faults of the sink (or of the executable) in a row, without a success between them, open it.
 * - `open`: nothing is started until `until`; what runs may finish.
 * - `half-open`: one job, the canary, is started. Its success closes the breaker; another fault opens it for twice as
 *   long, up to a cap. An ending that says nothing about the sink (the file's own failure) closes it as well: the sink
 *   answered.
 */
import type { OutcomeResult } from '../types.js';
import type { BreakerState } from './events.js';

export interface BreakerRules {
  /** Faults in a row that open the breaker. */
  readonly threshold: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** Outcomes that are not the file's fault and will befall every other file too. */
export type Fault = 'sink-unavailable' | 'service-fault';

interface Trouble {
  readonly cause: Fault;
  readonly reason: string;
  /** When the breaker opened first, on the caller's clock. */
  readonly since: number;
  readonly openMs: number;
}

type State =
  | { readonly kind: 'closed'; readonly faults: number }
  | (Trouble & { readonly kind: 'open'; readonly until: number })
  | (Trouble & { readonly kind: 'half-open'; readonly canary: string | null });

export class CircuitBreaker {
  readonly #rules: BreakerRules;
  #state: State = { kind: 'closed', faults: 0 };

  constructor(rules: BreakerRules) {
    this.#rules = rules;
  }

  get state(): BreakerState {
    return this.#state.kind;
  }

  /** Why and since when jobs are held back; null while closed. */
  get trouble(): Readonly<Trouble> | null {
    return this.#state.kind === 'closed' ? null : this.#state;
  }

  /** When an open breaker lets its canary through; null otherwise. */
  nextChangeAt(): number | null {
    return this.#state.kind === 'open' ? this.#state.until : null;
  }

  /** Whether only the end of the canary can change anything. */
  get canaryIsOut(): boolean {
    return this.#state.kind === 'half-open' && this.#state.canary !== null;
  }

  /** Whether a job may start now. Turns an open breaker whose time is over half-open. */
  permits(now: number): boolean {
    if (this.#state.kind === 'open' && now >= this.#state.until) {
      const { cause, reason, since, openMs } = this.#state;
      this.#state = { kind: 'half-open', cause, reason, since, openMs, canary: null };
    }
    return this.#state.kind === 'closed' || (this.#state.kind === 'half-open' && this.#state.canary === null);
  }

  started(jobId: string): void {
    if (this.#state.kind === 'half-open' && this.#state.canary === null) {
      this.#state = { ...this.#state, canary: jobId };
    }
  }

  /** Takes the end of a job into account, whether it was started before or after the breaker opened. */
  ended(jobId: string, result: OutcomeResult, reason: string, now: number): void {
    const state = this.#state;
    const isCanary = state.kind === 'half-open' && state.canary === jobId;
    switch (result) {
      case 'sink-unavailable':
      case 'service-fault':
        if (state.kind === 'closed') this.#fault(state.faults + 1, { cause: result, reason, since: now }, now);
        else if (isCanary) this.#open({ cause: result, reason, since: state.since, openMs: state.openMs * 2 }, now);
        return;
      case 'succeeded':
      case 'failed':
        // The end of a job that started before the fault says little about now; only the canary's does.
        if (state.kind === 'closed' || isCanary) this.#state = { kind: 'closed', faults: 0 };
        return;
      default:
        // The canary told nothing: the next job is the canary.
        if (isCanary) this.#state = { ...state, canary: null };
    }
  }

  #fault(faults: number, trouble: Omit<Trouble, 'openMs'>, now: number): void {
    if (faults < this.#rules.threshold) this.#state = { kind: 'closed', faults };
    else this.#open({ ...trouble, openMs: this.#rules.openMs }, now);
  }

  #open(trouble: Trouble, now: number): void {
    const openMs = Math.min(trouble.openMs, this.#rules.maxOpenMs);
    this.#state = { ...trouble, kind: 'open', openMs, until: now + openMs };
  }
}
