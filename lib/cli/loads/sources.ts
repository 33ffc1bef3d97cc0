/** Where `loads` has its answers from: the ledger's table, or what a service still knows. */
import type { Config } from '../../config/load.js';
import { AtdError } from '../../errors.js';
import type { Load } from '../../ledger/load.js';
import type { LoadFilter, LoadQuery } from '../../ledger/load-filter.js';
import { type Group, type Grouping, groupsOf, type Question } from '../../ledger/queries.js';
import { LedgerReader } from '../../ledger/reader.js';
import { KEPT_LOADS } from '../../ledger/recent-loads.js';
import { isMissingTable, LedgerStore, type StoreError } from '../../ledger/store.js';
import type { LedgerTable } from '../../ledger/table.js';
import { engineSettings, type LoaderProgram, ledgerConnection, ledgerTable } from '../../service/settings.js';
import { answeredBy, call, unreachable } from '../remote.js';

export interface LoadSource {
  /** For people: from where the answers are. */
  readonly name: string;
  /** The newest first. */
  list(query: LoadQuery): Promise<readonly Load[]>;
  groups(query: LoadQuery, by: Grouping): Promise<readonly Group[]>;
  /** The oldest first; empty where there is no such load. */
  rowsOf(loadId: string): Promise<readonly Load[]>;
  close(): Promise<void>;
}

/** The ledger of the settings, as a command asks it. */
export interface OpenLedger extends LoadSource {
  readonly table: LedgerTable;
  /** @throws AtdError ATD_UNREACHABLE */
  ask<Row>(question: Question): Promise<Row[]>;
}

/** @param instead what else can be done where it does not answer */
export function openLedger(config: Config, loader: LoaderProgram, instead: string): OpenLedger {
  const table = ledgerTable(config);
  const { environment } = engineSettings(config, loader, process.env).command;
  const connection = ledgerConnection(config, environment);
  const store = new LedgerStore(table, () => connection);
  const reader = new LedgerReader(store, table);
  const { name } = reader;
  const told = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } catch (cause) {
      const at = `${connection.host}:${connection.port}`;
      const remedy = `check clickhouse.*, or ${instead}`;
      throw new AtdError('ATD_UNREACHABLE', `${name} at ${at}: ${(cause as Error).message}; ${remedy}`, { cause });
    }
  };
  const rows = async <Row>({ query, parameters, settings }: Question): Promise<Row[]> => {
    try {
      return await store.query<Row>(query, parameters, settings);
    } catch (error) {
      // It is made with the first row.
      if (isMissingTable(error as StoreError)) return [];
      throw error;
    }
  };
  return {
    ...{ name, table },
    ask: (question) => told(rows(question)),
    list: (query) => told(reader.list(query)),
    groups: (query, by) => told(reader.groups(query, by)),
    rowsOf: (id) => told(reader.rowsOf(id)),
    close: () => reader.close(),
  };
}

export function ledgerSource(config: Config, loader: LoaderProgram): LoadSource {
  return openLedger(config, loader, 'ask the service itself by --url');
}

/** What a service answers. */
interface Told {
  readonly loads?: readonly Load[];
  readonly rows?: readonly Load[];
  readonly from?: 'ledger' | 'memory';
}

export function serviceSource(base: string): LoadSource {
  let name = `the last ${KEPT_LOADS.toLocaleString('en-GB')} that ${base} knows`;
  const get = async (path: string): Promise<Told> => {
    const { status, text } = await call(base, `/api/v1/loads${path}`);
    if (status === 404 && path.startsWith('/')) return {};
    if (status !== 200) throw answeredBy(base, { status, text });
    try {
      const told = JSON.parse(text) as Told;
      if (told.from === 'ledger') name = `the ledger of ${base}`;
      return told;
    } catch {
      throw unreachable(base, 'what answers there is no atd-ingestion');
    }
  };
  const list = async ({ filter, limit }: LoadQuery) => (await get(`?${parametersOf(filter, limit)}`)).loads ?? [];
  return {
    get name() {
      return name;
    },
    list,
    groups: async (query, by) => groupsOf(await list({ ...query, limit: 2 * KEPT_LOADS }), by, query.limit),
    rowsOf: async (id) => (await get(`/${id}`)).rows ?? [],
    close: () => Promise.resolve(),
  };
}

function parametersOf(filter: LoadFilter, limit: number): URLSearchParams {
  const parameters = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries(filter)) if (value !== null) parameters.set(name, String(value));
  return parameters;
}
