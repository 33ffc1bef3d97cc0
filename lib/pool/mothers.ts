/**
 * Keeps one mother for all threads: the one of the loader as it is configured at the moment. One that ended for good has no
 * successor; after any other end there is a new one, but not at once where the loader has changed, for an upgrade takes its time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MotherPlace, MotherWanted } from '../types.js';
import { interpreterOf } from '../worker/launch/prefork/interpreter.js';
import { Mother, type MotherEnd } from './mother.js';

/** What became of preforking, for log, status and metric. */
export interface PreforkNews {
  readonly state: 'loaded' | 'renewed' | 'off';
  /** Why, by a name that does not change; null when modules are loaded. */
  readonly code: string | null;
  /** For people. */
  readonly reason: string;
}

export interface MotherLimits {
  /** From the end of a mother that was of no use any more to the next. */
  readonly quietMs: number;
  /** Lest anything grow. */
  readonly files: number;
  readonly seconds: number;
}

const LIMITS: MotherLimits = { quietMs: 10_000, files: 1_000, seconds: 3_600 };
/** Mothers in a row that ended before they had any modules. */
const MOST_FAILURES = 3;
const ORDERLY: ReadonlySet<string> = new Set(['ended', 'used-up']);

interface Kept {
  readonly key: string;
  readonly mother: Mother;
  readonly path: string;
}

export class Mothers {
  readonly #onNews: (news: PreforkNews) => void;
  readonly #limits: MotherLimits;
  readonly #hopeless = new Map<string, MotherPlace>();
  readonly #all = new Set<Mother>();
  #kept: Kept | null = null;
  #starting: { readonly key: string; readonly place: Promise<MotherPlace> } | null = null;
  #quietUntil = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #isClosed = false;

  constructor(onNews: (news: PreforkNews) => void, limits: MotherLimits = LIMITS) {
    this.#onNews = onNews;
    this.#limits = limits;
  }

  /** Of the mother that is kept. */
  get pid(): number | null {
    return this.#kept?.mother.pid ?? null;
  }

  /** Never rejects. */
  of(wanted: MotherWanted): Promise<MotherPlace> {
    const { key } = wanted;
    const hopeless = this.#hopeless.get(key);
    if (hopeless !== undefined) return Promise.resolve(hopeless);
    if (this.#kept?.key === key) return Promise.resolve({ kind: 'socket', path: this.#kept.path });
    if (this.#starting?.key === key) return this.#starting.place;
    if (performance.now() < this.#quietUntil || this.#isClosed) return Promise.resolve(none('not yet'));
    const place = this.#start(wanted)
      .catch((error: unknown) => this.#fail(key, { code: 'start', reason: String(error), forGood: false }))
      .finally(() => {
        this.#starting = null;
      });
    this.#starting = { key, place };
    return place;
  }

  /** No child runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#kept = null;
    await Promise.all([...this.#all].map((mother) => mother.close()));
  }

  async #start({ key, script, env }: MotherWanted): Promise<MotherPlace> {
    const interpreter = await interpreterOf(script);
    if ('reason' in interpreter) {
      return this.#fail(key, { code: 'no-python', reason: `${script}: ${interpreter.reason}`, forGood: true });
    }
    const directory = await mkdtemp(join(tmpdir(), 'atd-prefork-'));
    if (this.#isClosed) {
      // Its pool was exchanged meanwhile: nobody would end it.
      await rm(directory, { recursive: true, force: true });
      return none('its pool is closed');
    }
    const path = join(directory, 'socket');
    const onEnd = (end: MotherEnd): void => {
      if (this.#kept?.mother === mother) this.#kept = null;
      if (!ORDERLY.has(end.code)) this.#fail(key, end);
    };
    const onLoaded = (modules: number, cpuMs: number): void => {
      this.#failures = 0;
      this.#onNews({ state: 'loaded', code: null, reason: `${modules} modules, by ${cpuMs} ms of CPU` });
    };
    const { files, seconds } = this.#limits;
    const mother: Mother = new Mother({ interpreter, script, env, path, files, seconds, onEnd, onLoaded });
    this.#all.add(mother);
    void mother.gone.then(() => {
      this.#all.delete(mother);
      // It removes it itself where it can: this process may be gone before.
      return rm(directory, { recursive: true, force: true }).catch(() => undefined);
    });
    if (!(await mother.listening)) return this.#hopeless.get(key) ?? none('its mother ended');
    this.#kept?.mother.retire();
    this.#kept = { key, mother, path };
    return { kind: 'socket', path };
  }

  #fail(key: string, end: MotherEnd): MotherPlace {
    this.#failures += end.code === 'changed' ? 0 : 1;
    const forGood = end.forGood || this.#failures >= MOST_FAILURES;
    const place: MotherPlace = { kind: 'none', reason: end.reason, forGood };
    if (forGood) this.#hopeless.set(key, place);
    else this.#quietUntil = performance.now() + this.#limits.quietMs;
    this.#onNews({ state: forGood ? 'off' : 'renewed', code: end.code, reason: end.reason });
    return place;
  }
}

function none(reason: string): MotherPlace {
  return { kind: 'none', reason, forGood: false };
}
