/** Where `loads` has its answers from: the ledger's table, or what a service still knows. */
import type { Config } from '../../config/load.js';
import { AtdError } from '../../errors.js';
import type { Load } from '../../ledger/load.js';
import type { LoadFilter, LoadQuery } from '../../ledger/load-filter.js';
import { type Group, type Grouping, groupsOf } from '../../ledger/queries.js';
import { LedgerReader } from '../../ledger/reader.js';
import { KEPT_LOADS } from '../../ledger/recent-loads.js';
import { LedgerStore } from '../../ledger/store.js';
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

export function ledgerSource(config: Config, loader: LoaderProgram): LoadSource {
  const table = ledgerTable(config);
  const { environment } = engineSettings(config, loader, process.env).command;
  const connection = ledgerConnection(config, environment);
  const reader = new LedgerReader(new LedgerStore(table, () => connection), table);
  const { name } = reader;
  const told = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } catch (cause) {
      const at = `${connection.host}:${connection.port}`;
      const remedy = 'check clickhouse.*, or ask the service itself by --url';
      throw new AtdError('ATD_UNREACHABLE', `${name} at ${at}: ${(cause as Error).message}; ${remedy}`, { cause });
    }
  };
  return {
    name,
    list: (query) => told(reader.list(query)),
    groups: (query, by) => told(reader.groups(query, by)),
    rowsOf: (id) => told(reader.rowsOf(id)),
    close: () => reader.close(),
  };
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
    if (status !== 200) throw unreachable(base, `it answers ${status}: ${text.trim()}`);
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
