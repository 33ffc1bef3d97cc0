/** What the HTTP side shows and changes, by the parts that know and do it. */
import { hostname } from 'node:os';
import type { Config } from '../config/load.js';
import type { EngineStatus } from '../core/status.js';
import type { Feed } from '../feed/feed.js';
import type { ApiHandlers } from '../http/api.js';
import type { HttpHandlers } from '../http/server.js';
import type { LoadAnswers } from '../ledger/load-answers.js';
import { readLoadQuery } from '../ledger/load-filter.js';
import type { MetricsAdapter } from '../telemetry/metrics.js';
import { DistantFile } from '../util/distant-file.js';
import { type Changing, changeHandlers } from './acts/changes.js';
import type { Health } from './health.js';

/** Names of this machine, in lower case, and those of the configuration. */
export function ownNames({ http }: Config): string[] {
  const own = hostname().toLowerCase();
  return [own, own.replace(/\..*$/, ''), ...http.hosts.map((name) => name.trim().toLowerCase())];
}

/** What one answer may have. */
const MAX_LOADS = 2_000;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the answers are made of. */
export interface Shown {
  readonly config: Config;
  readonly metrics: Pick<MetricsAdapter, 'render'>;
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly feed: Pick<Feed, 'watch'>;
  readonly status: () => EngineStatus;
  readonly overview: (status: EngineStatus) => object;
  readonly loads: Pick<LoadAnswers, 'list' | 'rowsOf'>;
  readonly settings: () => readonly object[];
  readonly changing: Changing;
}

export function httpHandlers(shown: Shown): HttpHandlers {
  const { metrics, health, status, overview, feed } = shown;
  return {
    metrics: () => metrics.render(),
    live: () => health.live(),
    ready: () => health.ready(),
    status: () => overview(status()),
    events: (take) => feed.watch(take),
    api: apiHandlers(shown),
  };
}

function apiHandlers({ config: { http }, status, loads, settings, changing }: Shown): ApiHandlers {
  const tokenFile = http.token_file === null ? null : new DistantFile(http.token_file);
  return {
    token: async () => (tokenFile === null ? null : tokenIn(await tokenFile.read(), http.token_file)),
    tenants: () => {
      const { tenants, pauses, heldTables } = status();
      return { tenants, pauses, heldTables };
    },
    settings: () => ({ settings: settings() }),
    loads: async (query) => {
      const wanted = readLoadQuery(new Map(new URLSearchParams(query)));
      if ('problem' in wanted) return { status: 400, body: { error: wanted.problem } };
      return { status: 200, body: await loads.list({ ...wanted, limit: Math.min(wanted.limit, MAX_LOADS) }) };
    },
    load: async (id) => {
      if (!UUID.test(id)) return { status: 404, body: { error: `${JSON.stringify(id)} is no id of a load` } };
      const { loads: rows, ...rest } = await loads.rowsOf(id);
      if (rows.length > 0) return { status: 200, body: { rows, ...rest } };
      const where = rest.from === 'ledger' ? 'in the ledger' : 'among the last ones of this run';
      const error = `no load ${id} ${where}`;
      if (rest.problem === null) return { status: 404, body: { error, ...rest } };
      // It may well be in the ledger.
      return { status: 503, body: { error: `${error}, and the ledger was not asked: ${rest.problem}`, ...rest } };
    },
    ...changeHandlers(changing),
  };
}

/** @throws Error where there is none */
function tokenIn(contents: string, file: string | null): string {
  const token = contents.trim();
  if (token === '') throw new Error(`${file} (http.token_file) is empty`);
  return token;
}
