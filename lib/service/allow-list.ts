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

/** Where the list comes from. */
interface Source {
  readonly configured: readonly string[];
  readonly file: string | null;
  readonly watched: WatchedFile | null;
}

export class AllowList {
  readonly #events: AllowListEvents;
  #source: Source;
  #tenants: ReadonlySet<string>;
  #since = Date.now();
  #error: string | null = null;

  /** @throws AtdError ATD_CONFIG_INVALID where the file is of no use from the start */
  constructor(config: Config, events: AllowListEvents) {
    this.#events = events;
    const { source, tenants } = this.#open(config);
    this.#source = source;
    this.#tenants = tenants;
  }

  /**
   * Reads the list as other settings have it.
   *
   * @returns what has it hold
   * @throws AtdError ATD_CONFIG_INVALID where the file is of no use
   */
  prepare(config: Config): () => void {
    const { configured, file } = this.#source;
    const isSame = file === config.tenants.allowed_file && `${configured}` === `${configuredTenants(config)}`;
    if (isSame) return () => undefined;
    const { source, tenants } = this.#open(config);
    return () => {
      this.#source.watched?.close();
      this.#source = source;
      this.#error = null;
      this.#hold(tenants);
      source.watched?.start();
    };
  }

  get tenants(): ReadonlySet<string> {
    return this.#tenants;
  }

  /** Null where there is no file. */
  status(): AllowListStatus | null {
    if (this.#source.file === null) return null;
    return { file: this.#source.file, tenants: this.#tenants.size, since: this.#since, error: this.#error };
  }

  start(): void {
    this.#source.watched?.start();
  }

  close(): void {
    this.#source.watched?.close();
  }

  #open(config: Config): { readonly source: Source; readonly tenants: ReadonlySet<string> } {
    const configured = configuredTenants(config);
    const file = config.tenants.allowed_file;
    if (file === null) return { source: { configured, file, watched: null }, tenants: new Set(configured) };
    let text: string;
    let tenants: ReadonlySet<string>;
    try {
      text = readFileSync(file, 'utf8');
      tenants = listOf(configured, text);
    } catch (cause) {
      const why = (cause as Error).message;
      throw new AtdError('ATD_CONFIG_INVALID', `tenants.allowed_file ${file} cannot be used: ${why}`, { cause });
    }
    const watched = new WatchedFile(file, text, {
      changed: (changed) => this.#take(changed),
      unreadable: (reason) => this.#complain(reason),
    });
    return { source: { configured, file, watched }, tenants };
  }

  #take(text: string): void {
    let tenants: ReadonlySet<string>;
    try {
      tenants = listOf(this.#source.configured, text);
    } catch (error) {
      return this.#complain((error as Error).message);
    }
    if (this.#error !== null) this.#log('info', 'tenants.readable', {});
    this.#error = null;
    this.#hold(tenants);
  }

  #hold(tenants: ReadonlySet<string>): void {
    this.#tenants = tenants;
    this.#since = Date.now();
    this.#events.allowed(tenants);
  }

  #complain(reason: string): void {
    this.#error = reason;
    this.#log('error', 'tenants.unreadable', { reason, consequence: 'the list from before holds' });
  }

  #log(level: LogLine['level'], event: string, fields: LogLine['fields']): void {
    this.#events.log({ level, event, fields: { file: this.#source.file, ...fields } });
  }
}

function listOf(configured: readonly string[], text: string): ReadonlySet<string> {
  return new Set([...configured, ...parseTenantList(text)]);
}
