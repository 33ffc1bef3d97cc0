/** The ledger, and the tables that files were loaded into, as `loads undo` and `replay` use them. */
import type { Config } from '../../config/load.js';
import { AtdError, isAtdError } from '../../errors.js';
import type { Load } from '../../ledger/load.js';
import type { Question } from '../../ledger/queries.js';
import { LedgerReader } from '../../ledger/reader.js';
import { isMissingTable, LedgerStore, type StoreError } from '../../ledger/store.js';
import { quoted, toRow } from '../../ledger/table.js';
import {
  databaseOf,
  engineSettings,
  hasLedger,
  type LoaderProgram,
  ledgerConnection,
  ledgerTable,
} from '../../service/settings.js';
import { LOAD_ID } from '../../util/table-shape.js';
import { chooseLoader } from '../executable.js';

/** What ClickHouse says of the table that a load went to. */
export interface TableFacts {
  readonly engine: string;
  /** Whether its rows say which load they are of. */
  readonly hasLoadId: boolean;
  /** The views that got what it got, `database.view` each. */
  readonly views: readonly string[];
}

/** ClickHouse deletes, and counts in large tables, for as long as it takes. */
const PATIENCE_MS = 24 * 3_600_000;
const IDS_AT_ONCE = 500;
const UUID = /^[0-9a-f-]{36}$/;

const FACTS =
  "SELECT name, engine, arrayMap((d, t) -> concat(d, '.', t), dependencies_database, dependencies_table) AS views, " +
  'name IN (SELECT table FROM system.columns WHERE database = {database:String} AND name = {column:String} ' +
  'AND match(type, {type:String})) AS hasLoadId FROM system.tables ' +
  'WHERE database = {database:String} AND name IN ({tables:Array(String)})';

/** Null where the settings have no ledger. */
export function openTables(config: Config): LoadTables | null {
  const loader = loaderOf(config);
  if (!hasLedger(config, loader)) return null;
  const { environment } = engineSettings(config, loader, process.env).command;
  return new LoadTables(config, environment);
}

/** A machine that only gives orders may lack the loader: one that is named, and so another one than the bundled. */
function loaderOf(config: Config): LoaderProgram {
  try {
    return chooseLoader(config);
  } catch (error) {
    if (!isAtdError(error)) throw error;
    return { file: config.as_cli.executable, args: [], loadArgs: [], launch: 'launcher', bundled: false };
  }
}

export class LoadTables {
  /** Where the tables of files are. */
  readonly database: string;
  readonly #ledger: LedgerReader;
  readonly #store: LedgerStore;
  /** For what takes long. Whoever is asked for something short first is known to answer. */
  readonly #patient: LedgerStore;
  readonly #at: string;

  constructor(config: Config, environment: Readonly<Record<string, string>>) {
    const connection = ledgerConnection(config, environment);
    this.database = databaseOf(config) ?? 'default';
    const table = ledgerTable(config);
    this.#store = new LedgerStore(table, () => connection);
    this.#patient = new LedgerStore(table, () => connection, { requestMs: PATIENCE_MS });
    this.#ledger = new LedgerReader(this.#store, table);
    this.#at = `${connection.host}:${connection.port}`;
  }

  /** All rows of the ledger of these loads, the oldest first. */
  async rowsOf(loadIds: readonly string[]): Promise<Load[]> {
    const rows: Load[] = [];
    for (const ids of chunks(loadIds)) {
      rows.push(...(await this.#trying(() => this.#ledger.rowsOfEach(ids))));
    }
    return rows;
  }

  async facts(tables: readonly string[]): Promise<Map<string, TableFacts>> {
    const type = LOAD_ID.fits.source;
    const parameters = { database: this.database, column: LOAD_ID.name, type, tables: [...tables] };
    type Row = { name: string; engine: string; views: string[]; hasLoadId: number | string };
    const found = await this.#ask<Row>(this.#store, { query: FACTS, parameters });
    return new Map(
      found.map(({ name, engine, views, hasLoadId }) => [name, { engine, views, hasLoadId: Number(hasLoadId) > 0 }]),
    );
  }

  /** How many rows a table has of each of these loads that it has any of. */
  async counts(table: string, loadIds: readonly string[]): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const ids of chunks(loadIds)) {
      const query = `SELECT toString(_load_id) AS id, count() AS rows FROM ${quoted(this.database, table)} WHERE ${isOf(ids)} GROUP BY id`;
      const rows = await this.#ask<{ id: string; rows: number | string }>(this.#patient, { query, parameters: {} });
      for (const { id, rows: count } of rows) counts.set(id, Number(count));
    }
    return counts;
  }

  async write(rows: readonly Load[], token: string): Promise<void> {
    await this.#trying(() =>
      this.#store.write(
        rows.map((row) => JSON.stringify(toRow(row))),
        token,
      ),
    );
  }

  /**
   * Marks the rows as deleted, on all replicas: no query sees them any more, and merges leave them out. `ALTER TABLE … DELETE` would
   * write every part anew that has one of them.
   */
  async remove(table: string, loadIds: readonly string[]): Promise<void> {
    for (const ids of chunks(loadIds)) {
      const query = `DELETE FROM ${quoted(this.database, table)} WHERE ${isOf(ids)} SETTINGS lightweight_deletes_sync = 2`;
      await this.#trying(() => this.#patient.command(query));
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#store.close(), this.#patient.close()]);
  }

  async #ask<Row>(store: LedgerStore, { query, parameters }: Question): Promise<Row[]> {
    return await this.#trying(async () => {
      try {
        return await store.query<Row>(query, parameters);
      } catch (error) {
        // The ledger is made with its first row.
        if (isMissingTable(error as StoreError)) return [];
        throw error;
      }
    });
  }

  async #trying<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    try {
      return await question();
    } catch (cause) {
      const what = `the ledger ${this.#ledger.name} or the tables of files at ${this.#at}`;
      const message = `${what}: ${(cause as Error).message}; check clickhouse.* and the rights of its user`;
      throw new AtdError('ATD_UNREACHABLE', message, { cause });
    }
  }
}

function isOf(ids: readonly string[]): string {
  const known = ids.filter((id) => UUID.test(id)).map((id) => `'${id}'`);
  return `${quoted(LOAD_ID.name)} IN (${known.join(', ')})`;
}

function chunks(ids: readonly string[]): string[][] {
  const all: string[][] = [];
  for (let from = 0; from < ids.length; from += IDS_AT_ONCE) all.push(ids.slice(from, from + IDS_AT_ONCE));
  return all;
}
