/** How much was loaded lately: sums of some seconds each, for an hour. */
import type { Effect } from '../core/events.js';

const SLICE_MS = 10_000;
const SLICES = 360;

export interface Sums {
  /** Files that are loaded. */
  readonly loaded: number;
  /** Files that were given up. */
  readonly failed: number;
  readonly rows: number;
  readonly bytes: number;
}

type Slice = { -readonly [Name in keyof Sums]: number } & { number: number };

export class Rates {
  readonly #slices: Slice[] = [];
  readonly #startedAt: number;
  #lastLoadedAt: number | null = null;

  /** @param now as of all its methods, in milliseconds on a clock that never goes back */
  constructor(now: number) {
    this.#startedAt = now;
  }

  observe(effects: readonly Effect[], now: number): void {
    for (const effect of effects) {
      if (effect.type === 'job-failed') this.#slice(now).failed += 1;
      if (effect.type !== 'job-ended' || effect.outcome.result !== 'succeeded') continue;
      const slice = this.#slice(now);
      slice.loaded += 1;
      slice.rows += effect.outcome.rows ?? 0;
      slice.bytes += effect.outcome.bytes ?? 0;
      this.#lastLoadedAt = now;
    }
  }

  /** When a file was loaded last; null where none was in this run. */
  get lastLoadedAt(): number | null {
    return this.#lastLoadedAt;
  }

  /** What there was in each ten seconds in which there was anything. @param ms at most an hour */
  slices(now: number, ms: number): readonly ({ readonly at: number } & Sums)[] {
    const first = Math.floor((now - ms) / SLICE_MS) + 1;
    const slices = this.#slices.filter(({ number }) => number >= first);
    return slices.map(({ number, ...sums }) => ({ at: number * SLICE_MS, ...sums }));
  }

  /** @param ms at most an hour */
  sums(now: number, ms: number): Sums {
    const sums = { loaded: 0, failed: 0, rows: 0, bytes: 0 };
    for (const slice of this.slices(now, ms)) {
      sums.loaded += slice.loaded;
      sums.failed += slice.failed;
      sums.rows += slice.rows;
      sums.bytes += slice.bytes;
    }
    return sums;
  }

  /** The same for each second; of a run that is younger, for its age. */
  perSecond(now: number, ms: number): Sums {
    const seconds = Math.max(SLICE_MS, Math.min(ms, now - this.#startedAt)) / 1_000;
    const { loaded, failed, rows, bytes } = this.sums(now, ms);
    return { loaded: loaded / seconds, failed: failed / seconds, rows: rows / seconds, bytes: bytes / seconds };
  }

  #slice(now: number): Slice {
    const number = Math.floor(now / SLICE_MS);
    const last = this.#slices.at(-1);
    if (last?.number === number) return last;
    const slice = { number, loaded: 0, failed: 0, rows: 0, bytes: 0 };
    this.#slices.push(slice);
    if (this.#slices.length > SLICES) this.#slices.shift();
    return slice;
  }
}
