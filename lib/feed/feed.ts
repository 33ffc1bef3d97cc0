/**
 * The engine's events for those who watch over HTTP: what became of each load, as it ends, and how the service is, once a second
 * while something happens. Loads from before it does not have: /api/v1/loads has. While nobody watches no load is remembered. Each
 * gets the same bytes as the others; who does not read them misses loads, and is told how many.
 */
import type { Effect, EngineEvent } from '../core/events.js';
import type { Load } from '../ledger/load.js';
import { History, STEP_MS } from './history.js';

/** How often loads are sent: several in one piece, so that 200 a second are four pieces. */
const EVERY_MS = 250;
const STATUS_MS = 1_000;
/** Where nothing happens: also a sign of life, well within the 30 s after which a connection is closed. */
const IDLE_STATUS_MS = 5_000;
/** A status takes at most the hundredth part of the time, unless that were no sign of life any more. */
const STATUS_PAUSES = 100;
/** Loads in one piece; of more the last ones. */
const MOST_AT_ONCE = 200;

/** Has a piece made and takes it, or leaves it unmade because those before it are not read yet. */
export type Take = (make: () => Buffer) => boolean;

export interface FeedSources {
  readonly status: () => object;
  /** Of the last hour, by the slice. */
  readonly speeds: () => readonly object[];
  readonly lag: () => number | null;
  /** Milliseconds since the epoch, on a clock that never goes back. */
  readonly now: () => number;
}

interface Watcher {
  readonly take: Take;
  /** Loads that it was not sent. */
  owed: number;
  wantsHistory: boolean;
  wantsStatus: boolean;
}

export class Feed {
  readonly #sources: FeedSources;
  readonly #history = new History();
  /** Tells this run from others. */
  readonly #run: string;
  readonly #watchers = new Set<Watcher>();
  #letters = 0;
  /** Since the last tick: how many loads, and the last of them. */
  #fresh: { count: number; readonly loads: Load[] } = { count: 0, loads: [] };
  #hasChanged = true;
  #statusAt = Number.NEGATIVE_INFINITY;
  #statusCost = 0;
  #ticks: NodeJS.Timeout | null = null;

  /** Looks from now on, until the process ends, how far behind the service is. */
  constructor(sources: FeedSources) {
    this.#sources = sources;
    this.#run = Math.round(sources.now()).toString(36);
    setInterval(() => this.#sample(), STEP_MS).unref();
  }

  observe(event: EngineEvent, _effects: readonly Effect[], _now: number): void {
    this.#hasChanged = true;
    if (event.type === 'dead-lettered') this.#letters += 1;
  }

  /** What became of files, as it is known. */
  take(rows: readonly Load[]): void {
    for (const row of rows) this.#history.loaded(row);
    if (this.#watchers.size === 0) return;
    const { loads } = this.#fresh;
    this.#fresh.count += rows.length;
    loads.push(...rows);
    if (loads.length > MOST_AT_ONCE) loads.splice(0, loads.length - MOST_AT_ONCE);
  }

  /**
   * Sends pieces of `text/event-stream` from now on, at first what is known of the service.
   *
   * @returns ends it
   */
  watch(take: Take): () => void {
    const watcher = { take, owed: 0, wantsHistory: true, wantsStatus: true };
    this.#watchers.add(watcher);
    this.#ticks ??= setInterval(() => this.#tick(), EVERY_MS).unref();
    this.#tick();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0 || this.#ticks === null) return;
      clearInterval(this.#ticks);
      this.#ticks = null;
      this.#fresh = { count: 0, loads: [] };
    };
  }

  #sample(): void {
    this.#history.sample(this.#sources.now(), this.#sources.lag());
    for (const watcher of this.#watchers) watcher.wantsHistory = true;
  }

  #tick(): void {
    const { count, loads } = this.#fresh;
    this.#fresh = { count: 0, loads: [] };
    /** By how many loads are left out before them. */
    const pieces = new Map<number, () => Buffer>();
    const [status, history] = [this.#statusPiece(), lazily(() => this.#historyPiece())];
    for (const watcher of this.#watchers) {
      if (watcher.wantsStatus) watcher.wantsStatus = !watcher.take(status);
      if (watcher.wantsHistory) watcher.wantsHistory = !watcher.take(history);
      watcher.owed += count;
      if (watcher.owed === 0) continue;
      const skipped = watcher.owed - loads.length;
      const made = pieces.get(skipped) ?? lazily(() => piece('loads', { skipped, loads }));
      pieces.set(skipped, made);
      if (watcher.take(made)) watcher.owed = 0;
    }
  }

  /** Makes the watchers want one when it is time; gives what makes it. */
  #statusPiece(): () => Buffer {
    const { now, status } = this.#sources;
    const at = now();
    if (at - this.#statusAt >= statusWait(this.#hasChanged, this.#statusCost)) {
      for (const watcher of this.#watchers) watcher.wantsStatus = true;
      this.#statusAt = at;
      this.#hasChanged = false;
    }
    return lazily(() => {
      const began = performance.now();
      const made = piece('status', { run: this.#run, deadLetters: this.#letters, ...status() });
      this.#statusCost = performance.now() - began;
      return made;
    });
  }

  #historyPiece(): Buffer {
    const { speeds, now } = this.#sources;
    const data = { at: Math.round(now()), stepMs: STEP_MS, speeds: speeds(), lags: this.#history.lags };
    return piece('history', { ...data, visible: this.#history.visible() });
  }
}

/** How long after a status, which took so long to make, there is another one. */
export function statusWait(hasChanged: boolean, costMs: number): number {
  return hasChanged ? Math.min(Math.max(STATUS_MS, costMs * STATUS_PAUSES), IDLE_STATUS_MS) : IDLE_STATUS_MS;
}

function piece(event: string, data: object): Buffer {
  return Buffer.from(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Made once, for all who want it, and not where nobody does. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
