/** What the HTTP side shows and changes, by the parts that know and do it. */
import { hostname } from 'node:os';
import type { Config } from '../config/load.js';
import type { EngineStatus } from '../core/status.js';
import type { Feed } from '../feed/feed.js';
import type { ApiHandlers } from '../http/api.js';
import type { HttpHandlers } from '../http/server.js';
import { readLoadQuery } from '../ledger/load-filter.js';
import type { RecentLoads } from '../ledger/recent-loads.js';
import type { MetricsAdapter } from '../telemetry/metrics.js';
import { DistantFile } from '../util/distant-file.js';
import { type Changing, changeHandlers } from './acts/changes.js';
import type { Health } from './health.js';

/** Names of this machine, in lower case, and those of the configuration. */
export function ownNames({ http }: Config): string[] {
  const own = hostname().toLowerCase();
  return [own, own.replace(/\..*$/, ''), ...http.hosts.map((name) => name.trim().toLowerCase())];
}

/** What the answers are made of. */
export interface Shown {
  readonly config: Config;
  readonly metrics: Pick<MetricsAdapter, 'render'>;
  readonly health: Pick<Health, 'live' | 'ready'>;
  readonly feed: Pick<Feed, 'watch'>;
  readonly status: () => EngineStatus;
  readonly overview: (status: EngineStatus) => object;
  readonly loads: Pick<RecentLoads, 'list' | 'rowsOf'>;
  readonly changing: Changing;
}

export function httpHandlers(shown: Shown): HttpHandlers {
  const { metrics, health, status, overview, feed } = shown;
  return {
    metrics: () => metrics.render(),
    live: () => health.live(),
    ready: () => health.ready(),
    status: () => overview(status()),
    events: (take, lastEventId) => feed.watch(take, lastEventId),
    api: apiHandlers(shown),
  };
}

function apiHandlers({ config: { http }, status, loads, changing }: Shown): ApiHandlers {
  const tokenFile = http.token_file === null ? null : new DistantFile(http.token_file);
  return {
    token: async () => (tokenFile === null ? null : tokenIn(await tokenFile.read(), http.token_file)),
    tenants: () => {
      const { tenants, pauses, heldTables } = status();
      return { tenants, pauses, heldTables };
    },
    loads: (query) => {
      const wanted = readLoadQuery(new Map(new URLSearchParams(query)));
      if ('problem' in wanted) return { status: 400, body: { error: wanted.problem } };
      return { status: 200, body: { loads: loads.list(wanted) } };
    },
    load: (id) => {
      const rows = loads.rowsOf(id);
      if (rows.length > 0) return { status: 200, body: { rows } };
      return { status: 404, body: { error: `no load ${id} among the last ones of this run` } };
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
