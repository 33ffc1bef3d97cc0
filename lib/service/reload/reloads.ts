/**
 * Settings that change while the service runs. All are read and checked as at the start; what is wrong refuses them as a whole.
 * One reload after the other: who asks while one is under way gets the next one, together with all others that do.
 */
import type { Config, LoadedConfig } from '../../config/load.js';
import { planReload, planScale } from '../../config/reload.js';
import { LOG_LEVELS, type LogLevel } from '../../types.js';
import { Deferred } from '../../util/deferred.js';
import { DistantFile } from '../../util/distant-file.js';
import { secretIn } from '../../util/file-text.js';

export type ReloadResult =
  | { readonly kind: 'taken'; readonly changed: readonly string[]; readonly needRestart: readonly string[] }
  | { readonly kind: 'refused'; readonly error: string }
  /** The service stops. */
  | { readonly kind: 'ignored' };

export type ScaleResult =
  | { readonly kind: 'taken'; readonly before: number; readonly configured: number }
  | Exclude<ReloadResult, { readonly kind: 'taken' }>;

/** That people want another number of slots than `thread_pool_size` says. */
export interface ScaleOrder {
  readonly slots: number;
  readonly by: string;
  readonly reason: string;
}

/** What the parts of the service have ready for other settings. */
export interface PreparedParts {
  takeOver(): void;
  discard(): void;
}

type Origins = LoadedConfig['origins'];

export interface ReloadParts {
  /** What the service is started with. */
  readonly config: Config;
  readonly origins: Origins;
  /** Reads all settings anew. @throws AtdError as the start does */
  readonly read: () => LoadedConfig;
  /** @throws AtdError where a part cannot work with these settings; then nothing has changed */
  readonly prepare: (config: Config) => Promise<PreparedParts>;
  readonly isStopping: () => boolean;
  /** A reload begins or has ended. */
  readonly onChange: () => void;
  /** What nobody expected, with new settings perhaps taken over in part. */
  readonly onDefect: (error: unknown) => void;
  readonly onResult: (result: 'succeeded' | 'refused') => void;
  readonly log: (level: LogLevel, event: string, fields: Record<string, unknown>) => void;
}

export interface SettingsStatus {
  /** When the settings that hold were read, in milliseconds since the epoch. */
  readonly since: number;
  /** Settings that read otherwise, and stay what they are until the next start. */
  readonly needRestart: readonly string[];
  /** Null before the first. */
  readonly lastReload: {
    readonly at: number;
    readonly by: string;
    /** Why nothing was taken over; null where it was. */
    readonly error: string | null;
    /** The names of the settings that it changed. */
    readonly changed: readonly string[];
  } | null;
  /** The order of somebody for another number of slots, until the next start, or a reload that changes `thread_pool_size`. */
  readonly scaled: (ScaleOrder & { readonly at: number; readonly configured: number }) | null;
}

export class Reloads {
  readonly #parts: ReloadParts;
  readonly #begun = new Deferred();
  /** What holds, and the same without what people have scaled. */
  #config: Config;
  #origins: Origins;
  #read: Config;
  #isUnderWay = false;
  /** The file of ClickHouse's password, once it was asked for. */
  #secret: { readonly file: string; readonly disk: DistantFile } | null = null;
  /** The one that has not read anything yet. */
  #next: Promise<ReloadResult> | null = null;
  #last: Promise<unknown> = this.#begun.promise;
  #status: SettingsStatus = { since: Date.now(), needRestart: [], lastReload: null, scaled: null };

  constructor(parts: ReloadParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.#origins = parts.origins;
    this.#read = parts.config;
  }

  /** What holds at the moment. */
  get config(): Config {
    return this.#config;
  }

  /** Where each of its settings came from. */
  get origins(): Origins {
    const { scaled } = this.#status;
    if (scaled === null) return this.#origins;
    return new Map([...this.#origins, ['thread_pool_size', { kind: 'order', name: `scale by ${scaled.by}` }]]);
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  get status(): SettingsStatus {
    return this.#status;
  }

  get metrics(): { readonly since: number; readonly isLastTaken: boolean } {
    const { since, lastReload } = this.#status;
    return { since, isLastTaken: (lastReload?.error ?? null) === null };
  }

  /** The service is up: what was asked for before is done now. */
  begin(): void {
    this.#begun.resolve();
  }

  /** @param by who asks, for the log */
  request(by: string): Promise<ReloadResult> {
    if (this.#next === null) {
      this.#next = this.#last.then(() => {
        this.#next = null;
        return this.#run(by);
      });
      this.#follow(this.#next);
    }
    return this.#next;
  }

  /** Behind what is under way. */
  scale(order: ScaleOrder): Promise<ScaleResult> {
    const step = this.#last.then(() => this.#scale(order));
    this.#follow(step);
    return step;
  }

  /**
   * ClickHouse lets nobody in: where the file of its password has another one by now, that holds from now on. Nothing else is
   * read, for somebody may be changing the rest.
   */
  passwordRefused(): void {
    this.#follow(this.#last.then(() => this.#rereadPassword()));
  }

  #follow(step: Promise<unknown>): void {
    this.#last = step;
    step.catch(this.#parts.onDefect);
  }

  async #rereadPassword(): Promise<void> {
    const { clickhouse } = this.#config;
    const password = clickhouse.password_file === null ? '' : await this.#readSecret(clickhouse.password_file);
    if (password === '' || password === clickhouse.password) return;
    const config = { ...this.#config, clickhouse: { ...clickhouse, password } };
    const prepared = await this.#parts.prepare(config);
    if (this.#parts.isStopping()) return prepared.discard();
    this.#config = config;
    this.#read = { ...this.#read, clickhouse: config.clickhouse };
    prepared.takeOver();
    const changed = ['clickhouse.password: changed'];
    this.#parts.log('info', 'config.reloaded', { by: 'a refused password', changed, needRestart: [] });
  }

  /** Empty while the file is being replaced, or its disk hangs: the next refusal asks again. */
  #readSecret(file: string): Promise<string> {
    if (this.#secret?.file !== file) this.#secret = { file, disk: new DistantFile(file) };
    return this.#secret.disk.read().then(secretIn, () => '');
  }

  async #scale(order: ScaleOrder): Promise<ScaleResult> {
    const { thread_pool_size: before } = this.#config;
    let config: Config;
    let prepared: PreparedParts;
    try {
      config = planScale(this.#read, order.slots);
      prepared = await this.#parts.prepare(config);
    } catch (error) {
      return { kind: 'refused', error: (error as Error).message };
    }
    if (this.#parts.isStopping()) {
      prepared.discard();
      return { kind: 'ignored' };
    }
    const configured = Number(this.#read.thread_pool_size);
    this.#config = config;
    this.#status = {
      ...this.#status,
      scaled: order.slots === configured ? null : { ...order, at: Date.now(), configured },
    };
    prepared.takeOver();
    return { kind: 'taken', before: Number(before), configured };
  }

  async #run(by: string): Promise<ReloadResult> {
    if (this.#parts.isStopping()) return this.#ignore(by);
    this.#isUnderWay = true;
    this.#parts.onChange();
    try {
      return await this.#reload(by);
    } finally {
      this.#isUnderWay = false;
      this.#parts.onChange();
    }
  }

  async #reload(by: string): Promise<ReloadResult> {
    let prepared: PreparedParts;
    let config: Config;
    let origins: Origins;
    let planned: Config;
    let scaled: SettingsStatus['scaled'];
    let result: Extract<ReloadResult, { kind: 'taken' }>;
    try {
      const { config: read, warnings, origins: found } = this.#parts.read();
      for (const warning of warnings) this.#parts.log('warn', 'config.warning', { warning });
      const plan = planReload(this.#read, read);
      const { changed, needRestart } = plan;
      planned = plan.config;
      scaled = planned.thread_pool_size === this.#read.thread_pool_size ? this.#status.scaled : null;
      config = scaled === null ? planned : planScale(planned, scaled.slots);
      // What stays as it is came from where it came from.
      origins = new Map(
        [...found].map(([key, from]) => [key, (needRestart.includes(key) && this.#origins.get(key)) || from]),
      );
      result = { kind: 'taken', changed, needRestart };
      prepared = await this.#parts.prepare(config);
    } catch (error) {
      // Whatever it is: nothing has changed, so the service goes on.
      return this.#refuse(by, (error as Error).message);
    }
    if (this.#parts.isStopping()) {
      prepared.discard();
      return this.#ignore(by);
    }
    const isQuieter = LOG_LEVELS.indexOf(config.log_level) < LOG_LEVELS.indexOf(this.#config.log_level);
    this.#config = config;
    this.#origins = origins;
    this.#read = planned;
    this.#status = { ...this.#status, scaled };
    // So that the line is seen by whichever of two levels shows more.
    if (isQuieter) this.#report(by, result);
    prepared.takeOver();
    if (!isQuieter) this.#report(by, result);
    return result;
  }

  #report(by: string, { changed, needRestart }: Extract<ReloadResult, { kind: 'taken' }>): void {
    const at = Date.now();
    const names = changed.map((text) => text.replace(/:.*/s, ''));
    this.#status = { ...this.#status, since: at, needRestart, lastReload: { at, by, error: null, changed: names } };
    this.#parts.log(needRestart.length === 0 ? 'info' : 'warn', 'config.reloaded', { by, changed, needRestart });
    this.#parts.onResult('succeeded');
  }

  #refuse(by: string, error: string): ReloadResult {
    this.#status = { ...this.#status, lastReload: { at: Date.now(), by, error, changed: [] } };
    this.#parts.log('error', 'config.refused', { by, error, consequence: 'the settings from before hold' });
    this.#parts.onResult('refused');
    return { kind: 'refused', error };
  }

  #ignore(by: string): ReloadResult {
    this.#parts.log('warn', 'config.ignored', { by, note: 'the service is stopping' });
    return { kind: 'ignored' };
  }
}
