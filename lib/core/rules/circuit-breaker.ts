/**
 * Stops the service from running into a wall.
 *
 * - `closed`: jobs run. Faults of the sink (or of the executable) in a row, without a success between them, open it; and
 *   so do several tables that had to be held back, without a success between them.
 * - `open`: nothing is started until `until`; what runs may finish.
 * - `half-open`: one job, the canary, is started. Its success closes the breaker. Another fault opens it for twice as long,
 *   up to a cap. A canary that fails by itself, with an exit code, closes it as well, because ClickHouse has answered. A
 *   canary that ends without an answer (a timeout, a missing file, a lost thread) changes nothing: the next job is the
 *   canary. After several tables that were held back only a success closes the breaker.
 */
import type { OutcomeResult } from '../../types.js';
import type { BreakerState } from '../events.js';
import { OUTCOMES, type OutcomeRule } from './outcomes.js';

export interface BreakerRules {
  /** Faults in a row that open the breaker. */
  readonly threshold: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** Outcomes that are not the file's fault and will befall every other file too. */
export type Fault = 'sink-unavailable' | 'sink-refused' | 'service-fault' | 'held-tables';

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

/** Tables that are too many to be the fault of each. */
const SEVERAL = 3;

const CLOSED: State = { kind: 'closed', faults: 0 };

export class CircuitBreaker {
  readonly #rules: () => BreakerRules;
  #state: State = CLOSED;
  /** Tables that were held back since the last success. */
  readonly #heldTables = new Set<string>();

  /** @param rules those that hold at the moment; a wait that has begun keeps its length */
  constructor(rules: () => BreakerRules) {
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

  /** The job was not started after all. */
  withdrawn(jobId: string): void {
    if (this.#state.kind === 'half-open' && this.#state.canary === jobId)
      this.#state = { ...this.#state, canary: null };
  }

  /** Takes the end of a job into account, whether it was started before or after the breaker opened. */
  ended(jobId: string, result: OutcomeResult, reason: string, now: number, rule: OutcomeRule = OUTCOMES[result]): void {
    const state = this.#state;
    const isCanary = state.kind === 'half-open' && state.canary === jobId;
    switch (rule.breaker) {
      case 'fault': {
        const cause = result as Fault;
        if (state.kind === 'closed') this.#fault(state.faults + 1, { cause, reason, since: now }, now);
        else if (isCanary) this.#open({ cause, reason, since: state.since, openMs: state.openMs * 2 }, now);
        return;
      }
      case 'success':
        this.#heldTables.clear();
        // The end of a job that started before the fault says little about now; only the canary's does.
        if (state.kind === 'closed' || isCanary) this.#state = CLOSED;
        return;
      case 'answer':
        if (isCanary && state.cause === 'held-tables') this.#reopen(state, reason, now);
        else if (state.kind === 'closed' || isCanary) this.#state = CLOSED;
        return;
      case 'failure':
        if (isCanary && state.cause === 'held-tables') this.#reopen(state, reason, now);
        else if (isCanary) this.#state = { ...state, canary: null };
        return;
      case 'nothing':
        if (isCanary) this.#state = { ...state, canary: null };
        return;
    }
  }

  /** A table was held back. One is its tenant's trouble; several, with nothing loaded between them, are everybody's. */
  tableHeld(table: string, reason: string, now: number): void {
    this.#heldTables.add(table);
    if (this.#heldTables.size < SEVERAL || this.#state.kind !== 'closed') return;
    const why = `${this.#heldTables.size} tables had to be held back and nothing was loaded, the last ${table}: ${reason}`;
    this.#open({ cause: 'held-tables', reason: why, since: now, openMs: this.#rules().openMs }, now);
  }

  #reopen({ cause, since, openMs }: Trouble, reason: string, now: number): void {
    this.#open({ cause, reason, since, openMs: openMs * 2 }, now);
  }

  #fault(faults: number, trouble: Omit<Trouble, 'openMs'>, now: number): void {
    if (faults < this.#rules().threshold) this.#state = { kind: 'closed', faults };
    else this.#open({ ...trouble, openMs: this.#rules().openMs }, now);
  }

  #open(trouble: Trouble, now: number): void {
    const openMs = Math.min(trouble.openMs, this.#rules().maxOpenMs);
    this.#state = { ...trouble, kind: 'open', openMs, until: now + openMs };
  }
}
