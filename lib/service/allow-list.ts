/** The tenants that are let in: those of the configuration and those of a file that may change at any time. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/load.js';
import { parseTenantList } from '../config/tenant-list.js';
import { AtdError } from '../errors.js';
import type { LogLine } from '../telemetry/log-lines.js';
import { configuredTenants } from './settings.js';
import { WatchedFile } from './watched-file.js';

export interface AllowListEvents {
  readonly allowed: (tenants: ReadonlySet<string>) => void;
  readonly log: (line: LogLine) => void;
}

export interface AllowListStatus {
  readonly file: string;
  /** How many tenants are let in. */
  readonly tenants: number;
  /** Since when, in milliseconds since the epoch. */
  readonly since: number;
  /** Why the file is of no use now; null where the list is that of the file. */
  readonly error: string | null;
}

export class AllowList {
  readonly #configured: readonly string[];
  readonly #file: string | null;
  readonly #watched: WatchedFile | null;
  readonly #events: AllowListEvents;
  #tenants: ReadonlySet<string>;
  #since = Date.now();
  #error: string | null = null;

  /** @throws AtdError ATD_CONFIG_INVALID where the file is of no use from the start */
  constructor(config: Config, events: AllowListEvents) {
    const file = config.tenants.allowed_file;
    this.#configured = configuredTenants(config);
    this.#file = file;
    this.#events = events;
    this.#tenants = new Set(this.#configured);
    this.#watched = file === null ? null : this.#watch(file);
  }

  get tenants(): ReadonlySet<string> {
    return this.#tenants;
  }

  /** Null where there is no file. */
  status(): AllowListStatus | null {
    if (this.#file === null) return null;
    return { file: this.#file, tenants: this.#tenants.size, since: this.#since, error: this.#error };
  }

  start(): void {
    this.#watched?.start();
  }

  close(): void {
    this.#watched?.close();
  }

  #watch(file: string): WatchedFile {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
      this.#tenants = this.#listOf(text);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new AtdError('ATD_CONFIG_INVALID', `tenants.allowed_file ${file} cannot be used: ${why}`, { cause });
    }
    return new WatchedFile(file, text, {
      changed: (changed) => this.#take(changed),
      unreadable: (reason) => this.#complain(reason),
    });
  }

  #listOf(text: string): ReadonlySet<string> {
    return new Set([...this.#configured, ...parseTenantList(text)]);
  }

  #take(text: string): void {
    let tenants: ReadonlySet<string>;
    try {
      tenants = this.#listOf(text);
    } catch (error) {
      return this.#complain((error as Error).message);
    }
    if (this.#error !== null) this.#log('info', 'tenants.readable', {});
    this.#error = null;
    this.#tenants = tenants;
    this.#since = Date.now();
    this.#events.allowed(tenants);
  }

  #complain(reason: string): void {
    this.#error = reason;
    this.#log('error', 'tenants.unreadable', { reason, consequence: 'the list from before holds' });
  }

  #log(level: LogLine['level'], event: string, fields: LogLine['fields']): void {
    this.#events.log({ level, event, fields: { file: this.#file, ...fields } });
  }
}
