import type { HttpHandlers } from '../../lib/http/server.js';

/** Of a service that is well; its token is `token`. */
export const HANDLERS: HttpHandlers = {
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'atd_slots 4\n' }),
  live: () => ({ ok: true, reasons: [] }),
  ready: () => ({ ok: true, reasons: [] }),
  status: () => ({ state: 'running' }),
  events: () => () => undefined,
  api: {
    token: () => 'token',
    tenants: () => ({ tenants: [] }),
    settings: () => ({ settings: [] }),
    loads: (query) => ({ status: 200, body: { query } }),
    load: (id) => ({ status: 200, body: { id } }),
    pause: async (tenant) => ({ tenant }),
    resume: async (tenant) => ({ tenant }),
    reload: async () => ({ status: 200, body: {} }),
    scale: async ({ slots }) => ({ status: 200, body: { slots } }),
    letters: (query) => ({ status: 200, body: { query } }),
    replay: async () => ({ status: 200, body: {} }),
    discard: async () => ({ status: 200, body: {} }),
    drain: () => ({ status: 200, body: {} }),
    join: () => ({ status: 200, body: {} }),
  },
};
