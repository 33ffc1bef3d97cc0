/** What `/api/status` says: the engine's books, and what the parts around it know. */
import type { Effect, EngineEvent } from '../core/events.js';
import type { EngineStatus } from '../core/status.js';
import { type Lag, lagOf } from '../telemetry/lag.js';
import { Rates } from '../telemetry/rates.js';
import { TenantTotals } from '../telemetry/tenant-totals.js';
import type { Adapters } from './adapters.js';
import type { AllowList } from './allow-list.js';
import type { Health } from './health.js';
import type { Observer } from './observers.js';
import type { Reloads } from './reload/reloads.js';

const FIVE_MINUTES_MS = 5 * 60_000;
const HOUR_MS = 60 * 60_000;

export interface OverviewSources {
  readonly version: string;
  readonly adapters: Pick<Adapters, 'pool' | 'consumer' | 'ends'>;
  readonly allowList: AllowList;
  readonly health: Health;
  readonly reloads: Reloads;
  /** Milliseconds since the epoch, on a clock that never goes back. */
  readonly now: () => number;
}

export class Overview implements Observer {
  readonly #sources: OverviewSources;
  readonly #totals = new TenantTotals();
  readonly #rates: Rates;
  readonly #startedAt: number;

  constructor(sources: OverviewSources) {
    this.#sources = sources;
    this.#startedAt = sources.now();
    this.#rates = new Rates(this.#startedAt);
  }

  observe(_event: EngineEvent, effects: readonly Effect[], now: number): void {
    this.#totals.observe(effects);
    this.#rates.observe(effects, now);
  }

  lag(status: EngineStatus): Lag {
    const { now, adapters } = this.#sources;
    const [hour, perSecond] = [this.#rates.sums(now(), HOUR_MS), this.#rates.perSecond(now(), FIVE_MINUTES_MS)];
    return lagOf(status, (partition) => adapters.ends.of(partition), hour, perSecond);
  }

  /** When a file was loaded last, in milliseconds since the epoch; null where none was in this run. */
  get lastLoadedAt(): number | null {
    return this.#rates.lastLoadedAt;
  }

  /** What was loaded in each slice of the last hour in which anything was. */
  speeds() {
    return this.#rates.slices(this.#sources.now(), HOUR_MS);
  }

  of(status: EngineStatus) {
    const { version, adapters, allowList, health, reloads, now } = this.#sources;
    const { partitions: lags, ...lag } = this.lag(status);
    return {
      version,
      at: Math.round(now()),
      startedAt: Math.round(this.#startedAt),
      launcher: adapters.pool.launcher(),
      prefork: adapters.pool.prefork(),
      kafka: { obstacle: adapters.consumer.health().obstacle },
      live: health.live(status),
      ready: health.ready(status),
      lag,
      perSecond: this.#rates.perSecond(now(), FIVE_MINUTES_MS),
      lastHour: this.#rates.sums(now(), HOUR_MS),
      lastLoadedAt: this.lastLoadedAt === null ? null : Math.round(this.lastLoadedAt),
      settings: reloads.status,
      /** After which a load is ended, and whether anything can be changed over HTTP. */
      loadTimeoutMs: reloads.config.as_cli.timeout * 1_000,
      permitsChanges: reloads.config.http.token_file !== null,
      allowList: allowList.status(),
      ...status,
      running: withLines(status.running, adapters.pool.lastLines()),
      partitions: status.partitions.map((partition, index) => ({ ...partition, lag: lags[index] ?? null })),
      totals: this.#totals.all(),
    };
  }
}

/** With what its loader has said last, where that is known. */
function withLines<Load extends EngineStatus['running'][number]>(
  running: readonly Load[],
  lines: ReadonlyMap<string, string>,
): readonly (Load & { readonly lastLine?: string })[] {
  return running.map((each) => ({ ...each, lastLine: lines.get(each.job.id) ?? '' }));
}
