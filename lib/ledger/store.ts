/** ClickHouse as the ledger uses it, by the official client: makes the table, writes batches, answers questions. */
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { DistantFile } from '../util/distant-file.js';
import { actsTableOf, createActsTable } from './act.js';
import { type LedgerTable, quoted, STANDING_QUERY, type Standing, statementsFor, viewOf } from './table.js';

export interface LedgerConnection {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** File of the authorities to trust; null for those of Node. */
  readonly caFile: string | null;
  readonly user: string;
  readonly password: string;
}

/** Longer than a healthy server takes; loads do not wait for it. */
const REQUEST_MS = 30_000;
const INSERT_SETTINGS = {
  async_insert: 0,
  insert_deduplicate: 1,
  // Of a table that an older version has made.
  input_format_skip_unknown_fields: 1,
  input_format_import_nested_json: 0,
  date_time_input_format: 'basic',
} as const;

/** Else something on the way takes the connection for dead. */
const AT_WORK = { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: '20000' } as const;

/** The codes of errors that say that a row is wrong, which no repetition changes. */
const DATA_ERRORS: ReadonlySet<string> = new Set([
  '6',
  '26',
  '27',
  '38',
  '41',
  '53',
  '69',
  '72',
  '117',
  '130',
  '131',
  '321',
]);
/** Those that say who is let in: a password may have changed. */
const REFUSALS: ReadonlySet<string> = new Set(['192', '193', '194', '516']);

export type StoreError = Error & { readonly code?: string };

export function isDataError({ code = '' }: StoreError): boolean {
  return DATA_ERRORS.has(code);
}

export function isRefusal({ code = '' }: StoreError): boolean {
  return REFUSALS.has(code);
}

/** Whether ClickHouse has answered, and it is the question that it did not like. */
export function isOfQuestion(error: StoreError): boolean {
  return /^\d+$/.test(error.code ?? '') && !isRefusal(error);
}

export function isMissingTable({ code = '' }: StoreError): boolean {
  return code === '60';
}

export function isMissingColumn({ code = '' }: StoreError): boolean {
  return code === '47';
}

/** How long a table that could not be brought up to date is written to as it is, before that is tried again. */
const OUTDATED_MS = 600_000;

export interface StoreOptions {
  readonly onOutdated?: (reason: string) => void;
  readonly requestMs?: number;
}

export class LedgerStore {
  readonly #table: LedgerTable;
  /** How to connect at the moment: user and password may change. */
  readonly #current: () => LedgerConnection;
  readonly #onOutdated: (reason: string) => void;
  #outdatedUntil: number | null = null;
  #client: { readonly of: string; readonly client: Promise<ClickHouseClient> } | null = null;
  readonly #requestMs: number;
  #isMade = false;

  /**
   * @param onOutdated called where a table that stands there cannot be changed to what it is to be
   * @param requestMs how long it waits for an answer
   */
  constructor(
    table: LedgerTable,
    current: () => LedgerConnection,
    { onOutdated = () => undefined, requestMs = REQUEST_MS }: StoreOptions = {},
  ) {
    this.#table = table;
    this.#current = current;
    this.#onOutdated = onOutdated;
    this.#requestMs = requestMs;
  }

  /** @param lines rows as JSON @param token a batch that was written already under it is not written again */
  async write(lines: readonly string[], token: string): Promise<void> {
    const client = await this.#connect();
    const isDue = this.#outdatedUntil !== null && performance.now() >= this.#outdatedUntil;
    if (!this.#isMade || isDue) await this.#make(client);
    try {
      await insert(client, quoted(this.#table.database, this.#table.name), lines, token);
    } catch (error) {
      // Somebody may have dropped it, or the server is another one.
      this.#isMade = false;
      throw error;
    }
  }

  /** The same for acts of people. */
  async writeActs(lines: readonly string[], token: string): Promise<void> {
    const client = await this.#connect();
    const into = quoted(this.#table.database, actsTableOf(this.#table));
    try {
      await insert(client, into, lines, token);
    } catch (error) {
      if (!isMissingTable(error as StoreError)) throw error;
      // Not before it is needed: where nobody may change anything, there is none.
      await client.command({ query: createActsTable(this.#table) });
      await insert(client, into, lines, token);
    }
  }

  /** @param settings for ClickHouse, of this question */
  async query<Row>(
    query: string,
    parameters: Readonly<Record<string, unknown>> = {},
    settings: Readonly<Record<string, string | number>> = {},
  ): Promise<Row[]> {
    const client = await this.#connect();
    const answer = await client.query({
      ...{ query, format: 'JSONEachRow', query_params: { ...parameters }, clickhouse_settings: settings },
    });
    return answer.json<Row>();
  }

  /** A statement that may take long: the server says meanwhile that it is at work. */
  async command(query: string): Promise<void> {
    const client = await this.#connect();
    await client.command({ query, clickhouse_settings: AT_WORK });
  }

  async close(): Promise<void> {
    const client = await this.#client?.client.catch(() => null);
    this.#client = null;
    await client?.close();
  }

  async #make(client: ClickHouseClient): Promise<void> {
    const { database, name } = this.#table;
    const parameters = { database, table: name, view: viewOf(this.#table) };
    type Found = Omit<Standing, 'hasView'> & { readonly views: number | string };
    const [found] = await this.query<Found>(STANDING_QUERY, parameters);
    const standing = found === undefined ? null : { ...found, hasView: Number(found.views) > 0 };
    const statements = statementsFor(this.#table, standing);
    if (standing === null) for (const query of statements) await client.command({ query });
    else await this.#update(client, statements);
    this.#isMade = true;
  }

  /** A table of before takes the rows too, without what it has no column for: who may not change it writes on. */
  async #update(client: ClickHouseClient, statements: readonly string[]): Promise<void> {
    try {
      for (const query of statements) await client.command({ query });
      this.#outdatedUntil = null;
    } catch (error) {
      if (this.#outdatedUntil === null) this.#onOutdated((error as Error).message.split('\n', 1)[0] as string);
      this.#outdatedUntil = performance.now() + OUTDATED_MS;
    }
  }

  /** Of several that ask at once for the first time, all get the same. */
  #connect(): Promise<ClickHouseClient> {
    const connection = this.#current();
    const of = JSON.stringify(connection);
    if (this.#client?.of === of) return this.#client.client;
    const before = this.#client?.client;
    const made = { of, client: clientOf(connection, this.#requestMs) };
    this.#client = made;
    made.client.catch(() => {
      if (this.#client === made) this.#client = null;
    });
    void before?.then((client) => client.close()).catch(() => undefined);
    return made.client;
  }
}

async function clientOf(connection: LedgerConnection, requestMs: number): Promise<ClickHouseClient> {
  // Not before it is needed: it takes longer to load than a small file.
  const { ClickHouseLogLevel, createClient } = await import('@clickhouse/client');
  const { host, port, secure, caFile, user, password } = connection;
  return createClient({
    url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ...{ username: user, password, application: 'atd-ingestion' },
    ...(secure && caFile !== null ? { tls: { ca_cert: Buffer.from(await new DistantFile(caFile).read()) } } : {}),
    ...{ request_timeout: requestMs, max_open_connections: 2 },
    log: { level: ClickHouseLogLevel.OFF },
  });
}

async function insert(client: ClickHouseClient, into: string, lines: readonly string[], token: string): Promise<void> {
  // As they are: `insert` would want them as objects, and make the same texts of these again.
  const { stream } = await client.exec({
    query: `INSERT INTO ${into} FORMAT JSONEachRow`,
    values: Readable.from([Buffer.from(lines.join('\n'))], { objectMode: false }),
    clickhouse_settings: { ...INSERT_SETTINGS, insert_deduplication_token: token },
  });
  stream.resume();
  await finished(stream);
}
