/** What the page draws and what a status of one moment cannot say: how far behind the service was, and how soon rows were there. */
import type { Load } from '../ledger/load.js';

export const STEP_MS = 10_000;
const STEPS = 360;
/** Loads whose times are remembered: of all tenants together, and of each. */
const TIMES = 1_000;
const TENANT_TIMES = 64;
/** Where there is no allow-list, strangers can invent tenants. */
const MAX_TENANTS = 1_000;

type HeldLoad = Pick<Load, 'tenant' | 'status' | 'announcedAt' | 'finishedAt'>;

export interface Latency {
  readonly p50: number;
  readonly p95: number;
  /** Over so many loads. */
  readonly loads: number;
}

export class History {
  readonly #lags: (readonly [at: number, messages: number | null])[] = [];
  readonly #all: number[] = [];
  /** The tenant that was loaded for last stands last. */
  readonly #tenants = new Map<string | null, number[]>();

  /** @param messages how far behind the service is; null where that is not known */
  sample(now: number, messages: number | null): void {
    this.#lags.push([Math.round(now), messages]);
    if (this.#lags.length > STEPS) this.#lags.shift();
  }

  loaded({ tenant, status, announcedAt, finishedAt }: HeldLoad): void {
    if (status !== 'loaded' || announcedAt === null) return;
    const visibleMs = Math.max(0, finishedAt - announcedAt);
    keep(this.#all, visibleMs, TIMES);
    const times = this.#tenants.get(tenant) ?? [];
    this.#tenants.delete(tenant);
    this.#tenants.set(tenant, times);
    keep(times, visibleMs, TENANT_TIMES);
    const [oldest] = this.#tenants.keys();
    if (this.#tenants.size > MAX_TENANTS && oldest !== undefined) this.#tenants.delete(oldest);
  }

  get lags(): readonly (readonly [at: number, messages: number | null])[] {
    return this.#lags;
  }

  /** From a file's announcement until its rows are there, of the last loads. */
  visible(): {
    readonly all: Latency | null;
    readonly tenants: readonly ({ readonly tenant: string | null } & Latency)[];
  } {
    const tenants = [...this.#tenants].flatMap(([tenant, times]) => {
      const latency = latencyOf(times);
      return latency === null ? [] : [{ tenant, ...latency }];
    });
    return { all: latencyOf(this.#all), tenants };
  }
}

function keep(times: number[], time: number, most: number): void {
  times.push(time);
  if (times.length > most) times.shift();
}

function latencyOf(times: readonly number[]): Latency | null {
  if (times.length === 0) return null;
  const sorted = Float64Array.from(times).sort();
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), loads: sorted.length };
}

/** The least value that so large a share of all does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] as number;
}
