/** What was loaded of each tenant since the start. Metrics name the first tenants alone; here stand nearly all. */
import type { Effect } from '../core/events.js';

export interface Totals {
  /** Ended attempts, whatever their outcome. */
  attempts: number;
  /** Files that are loaded. */
  loaded: number;
  /** Files that were given up. */
  failed: number;
  rows: number;
  bytes: number;
}

export interface TotalsOfTenants {
  readonly tenants: readonly ({ readonly tenant: string | null } & Readonly<Totals>)[];
  /** Those of all further tenants together; null where there are none. */
  readonly others: Readonly<Totals> | null;
}

/** Where there is no allow-list, strangers can invent tenants. */
const MAX_TENANTS = 10_000;

export class TenantTotals {
  readonly #tenants = new Map<string | null, Totals>();
  readonly #limit: number;
  #others: Totals | null = null;

  constructor(limit = MAX_TENANTS) {
    this.#limit = limit;
  }

  observe(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === 'job-failed') this.#of(effect.job.tenant).failed += 1;
      if (effect.type !== 'job-ended') continue;
      const totals = this.#of(effect.job.tenant);
      totals.attempts += 1;
      if (effect.outcome.result !== 'succeeded') continue;
      totals.loaded += 1;
      totals.rows += effect.outcome.rows ?? 0;
      totals.bytes += effect.outcome.bytes ?? 0;
    }
  }

  all(): TotalsOfTenants {
    const tenants = [...this.#tenants].map(([tenant, totals]) => ({ tenant, ...totals }));
    return { tenants, others: this.#others };
  }

  #of(tenant: string | null): Totals {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const none = { attempts: 0, loaded: 0, failed: 0, rows: 0, bytes: 0 };
    if (this.#tenants.size >= this.#limit) {
      this.#others ??= none;
      return this.#others;
    }
    this.#tenants.set(tenant, none);
    return none;
  }
}
