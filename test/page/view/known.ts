import type { Load } from '../../../lib/ledger/load.js';
import { NOTHING_KNOWN, nextState, type PageState, type PageStatus } from '../../../lib/page/view/state.js';
import { Play } from '../../support/engine.js';
import { LOAD } from '../../support/ledger.js';

export const NOW = 1_800_000_000_000;
const NONE = { loaded: 0, failed: 0, rows: 0, bytes: 0 };

export function status(changes: Partial<PageStatus> = {}): PageStatus {
  const { partitions: _, ...still } = new Play().status;
  return {
    ...still,
    ...{ version: '1.2.3', at: NOW, startedAt: NOW - 60_000, state: 'running', partitions: [] },
    ...{
      live: { ok: true, reasons: [] },
      ready: { ok: true, reasons: [] },
      loadTimeoutMs: 300_000,
      permitsChanges: false,
    },
    ...{ lag: { messages: 0, fileBytes: 0, secondsLeft: 0 }, perSecond: NONE, lastHour: NONE, lastLoadedAt: null },
    ...{ settings: { needRestart: [], lastReload: null }, totals: { tenants: [], others: null } },
    ...changes,
  };
}

let made = 0;

/** Of a file of its own, unless it is told which. */
export function load(changes: Partial<Load> = {}): Load {
  made += 1;
  const finishedAt = changes.finishedAt ?? NOW;
  return {
    ...{ ...LOAD, loadId: String(made), tenant: 'acme', path: '/a.csv', rows: 2, bytes: 4_096 },
    ...{ startedAt: finishedAt - 20, finishedAt },
    ...changes,
  };
}

/** A page that has heard this. */
export function knows(changes: Partial<PageStatus>, loads: readonly Load[] = []): PageState {
  const heard = nextState(NOTHING_KNOWN, { type: 'status', status: status(changes), now: NOW });
  return nextState(heard, { type: 'loads', loads: { skipped: 0, loads } });
}
