/**
 * The engine's events for those who watch over HTTP: what became of each load, as it ends, and how the service is, once a second
 * while something happens. Nobody who watches costs more than remembering the last loads. Each gets the same bytes as the others;
 * who does not read them misses loads, and is told how many.
 */
import type { Effect, EngineEvent } from '../core/events.js';
import { History, STEP_MS } from './history.js';
import { type LoadEntry, loadEntries } from './load-entries.js';

/** How often loads are sent: several in one piece, so that 200 a second are four pieces. */
const EVERY_MS = 250;
const STATUS_MS = 1_000;
/** Where nothing happens: also a sign of life, well within the 30 s after which a connection is closed. */
const IDLE_STATUS_MS = 5_000;
/** A status takes at most the hundredth part of the time, unless that were no sign of life any more. */
const STATUS_PAUSES = 100;
/** Loads that are remembered, and of these at most so many in one piece. */
const REMEMBERED = 500;
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
  /** The number of the last load that it was sent. */
  seen: number;
  wantsHistory: boolean;
  wantsStatus: boolean;
}

export class Feed {
  readonly #sources: FeedSources;
  readonly #history = new History();
  /** Tells the loads of this run from those of another. */
  readonly #run: string;
  readonly #loads: LoadEntry[] = [];
  readonly #watchers = new Set<Watcher>();
  #letters = 0;
  /** The number of the last load, counted from 1. */
  #last = 0;
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

  observe(event: EngineEvent, effects: readonly Effect[], now: number): void {
    this.#hasChanged = true;
    if (event.type === 'dead-lettered') this.#letters += 1;
    for (const entry of loadEntries(effects, now)) {
      this.#loads.push(entry);
      this.#last += 1;
      if (entry.fate === 'loaded') this.#history.loaded(entry);
    }
    if (this.#loads.length > REMEMBERED) this.#loads.splice(0, this.#loads.length - REMEMBERED);
  }

  /**
   * Sends pieces of `text/event-stream` from now on, at first what is known.
   *
   * @param lastEventId of the last piece that the same client got before; null where it got none
   * @returns ends it
   */
  watch(take: Take, lastEventId: string | null): () => void {
    const watcher = { take, seen: this.#seenBefore(lastEventId), wantsHistory: true, wantsStatus: true };
    this.#watchers.add(watcher);
    this.#ticks ??= setInterval(() => this.#tick(), EVERY_MS).unref();
    this.#tick();
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0 || this.#ticks === null) return;
      clearInterval(this.#ticks);
      this.#ticks = null;
    };
  }

  /** A client of this run goes on where it was; any other gets the last loads that are remembered. */
  #seenBefore(lastEventId: string | null): number {
    const [run, number = ''] = lastEventId?.split('.') ?? [];
    const seen = run === this.#run && /^\d{1,15}$/.test(number) ? Number(number) : 0;
    if (seen > 0 && seen <= this.#last) return seen;
    return Math.max(0, this.#last - Math.min(this.#loads.length, MOST_AT_ONCE));
  }

  #sample(): void {
    this.#history.sample(this.#sources.now(), this.#sources.lag());
    for (const watcher of this.#watchers) watcher.wantsHistory = true;
  }

  #tick(): void {
    const pieces = new Map<number, () => Buffer>();
    const [status, history] = [this.#statusPiece(), lazily(() => this.#historyPiece())];
    for (const watcher of this.#watchers) {
      if (watcher.wantsStatus) watcher.wantsStatus = !watcher.take(status);
      if (watcher.wantsHistory) watcher.wantsHistory = !watcher.take(history);
      const { seen } = watcher;
      if (seen === this.#last) continue;
      const loads = pieces.get(seen) ?? lazily(() => this.#loadsPiece(seen));
      pieces.set(seen, loads);
      if (watcher.take(loads)) watcher.seen = this.#last;
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

  #loadsPiece(seen: number): Buffer {
    const missing = this.#last - seen;
    const loads = this.#loads.slice(-Math.min(missing, MOST_AT_ONCE));
    const data = { run: this.#run, first: this.#last - loads.length + 1, skipped: missing - loads.length, loads };
    return piece('loads', data, `${this.#run}.${this.#last}`);
  }
}

/** How long after a status, which took so long to make, there is another one. */
export function statusWait(hasChanged: boolean, costMs: number): number {
  return hasChanged ? Math.min(Math.max(STATUS_MS, costMs * STATUS_PAUSES), IDLE_STATUS_MS) : IDLE_STATUS_MS;
}

function piece(event: string, data: object, id?: string): Buffer {
  return Buffer.from(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
}

/** Made once, for all who want it, and not where nobody does. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
