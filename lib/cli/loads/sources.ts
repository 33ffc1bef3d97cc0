/** Where `loads` has its answers from: the ledger's table, or what a service still knows. */
import type { Config } from '../../config/load.js';
import { AtdError } from '../../errors.js';
import type { Load } from '../../ledger/load.js';
import type { LoadFilter, LoadQuery } from '../../ledger/load-filter.js';
import {
  type Group,
  type Grouping,
  groupQuestion,
  groupsOf,
  listQuestion,
  type Question,
  rowsQuestion,
} from '../../ledger/queries.js';
import { KEPT_LOADS } from '../../ledger/recent-loads.js';
import { isMissingTable, LedgerStore, type StoreError } from '../../ledger/store.js';
import { type LedgerRow, type LedgerTable, toLoad } from '../../ledger/table.js';
import { engineSettings, type LoaderProgram, ledgerConnection, ledgerTable } from '../../service/settings.js';
import { call, unreachable } from '../remote.js';

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
export interface OpenLedger {
  readonly name: string;
  readonly table: LedgerTable;
  /** @throws AtdError ATD_UNREACHABLE */
  ask<Row>(question: Question): Promise<Row[]>;
  close(): Promise<void>;
}

/** @param instead what else can be done where it does not answer */
export function openLedger(config: Config, loader: LoaderProgram, instead: string): OpenLedger {
  const table = ledgerTable(config);
  const { environment } = engineSettings(config, loader, process.env).command;
  const connection = ledgerConnection(config, environment);
  const store = new LedgerStore(table, () => connection);
  const name = `${table.database}.${table.name}`;
  return {
    ...{ name, table },
    ask: async <Row>({ query, parameters, settings }: Question): Promise<Row[]> => {
      try {
        return await store.query<Row>(query, parameters, settings);
      } catch (cause) {
        // It is made with the first row.
        if (isMissingTable(cause as StoreError)) return [];
        const at = `${connection.host}:${connection.port}`;
        const remedy = `check clickhouse.*, or ${instead}`;
        throw new AtdError('ATD_UNREACHABLE', `${name} at ${at}: ${(cause as Error).message}; ${remedy}`, { cause });
      }
    },
    close: () => store.close(),
  };
}

export function ledgerSource(config: Config, loader: LoaderProgram): LoadSource {
  const { name, table, ask, close } = openLedger(config, loader, 'ask the service itself by --url');
  return {
    name,
    list: async (query) => (await ask<LedgerRow>(listQuestion(table, query))).map(toLoad),
    groups: async (query, by) =>
      (await ask<Record<keyof Group, string>>(groupQuestion(table, query, by))).map((row) => ({
        ...{ name: row.name, loads: Number(row.loads), latestAt: Number(row.latestAt) },
      })),
    rowsOf: async (id) => (await ask<LedgerRow>(rowsQuestion(table, id))).map(toLoad),
    close,
  };
}

export function serviceSource(base: string): LoadSource {
  const get = async (path: string): Promise<{ loads?: readonly Load[]; rows?: readonly Load[] }> => {
    const { status, text } = await call(base, `/api/v1/loads${path}`);
    if (status === 404 && path.startsWith('/')) return {};
    if (status !== 200) throw unreachable(base, `it answers ${status}: ${text.trim()}`);
    try {
      return JSON.parse(text) as object;
    } catch {
      throw unreachable(base, 'what answers there is no atd-ingestion');
    }
  };
  const list = async ({ filter, limit }: LoadQuery) => (await get(`?${parametersOf(filter, limit)}`)).loads ?? [];
  return {
    name: `the last ${KEPT_LOADS.toLocaleString('en-GB')} that ${base} knows`,
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
