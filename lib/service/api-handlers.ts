/** What `/api/v1` shows and changes, by the parts that know and do it. */
import { hostname } from 'node:os';
import type { Config } from '../config/load.js';
import type { ControlAdapter } from '../control/control-topic.js';
import { pauseOrder, resumeOrder } from '../control/orders.js';
import type { EngineStatus } from '../core/status.js';
import type { ApiHandlers } from '../http/api.js';
import { DistantFile } from '../util/distant-file.js';
import { stripControl } from '../util/safe-text.js';

/** Names of this machine, in lower case, and those of the configuration. */
export function ownNames({ http }: Config): string[] {
  const own = hostname().toLowerCase();
  return [own, own.replace(/\..*$/, ''), ...http.hosts.map((name) => name.trim().toLowerCase())];
}

export function apiHandlers(
  { http }: Config,
  status: () => EngineStatus,
  control: ControlAdapter,
  now: () => number,
): ApiHandlers {
  const tokenFile = http.token_file === null ? null : new DistantFile(http.token_file);
  return {
    token: async () => (tokenFile === null ? null : tokenIn(await tokenFile.read(), http.token_file)),
    tenants: () => {
      const { tenants, pauses, heldTables } = status();
      return { tenants, pauses, heldTables };
    },
    pause: async (tenant, { by, reason, forMs }) => {
      const since = Math.round(now());
      const until = forMs === null ? null : since + forMs;
      const pause = { tenant, since, until, by: stripControl(by), reason: stripControl(reason) };
      await control.give(pauseOrder(pause));
      return { ...pause, paused: true };
    },
    resume: async (tenant) => {
      await control.give(resumeOrder(tenant));
      return { tenant, paused: false };
    },
  };
}

/** @throws Error where there is none */
function tokenIn(contents: string, file: string | null): string {
  const token = contents.trim();
  if (token === '') throw new Error(`${file} (http.token_file) is empty`);
  return token;
}
