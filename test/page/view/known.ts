import type { LoadEntry } from '../../../lib/feed/load-entries.js';
import { NOTHING_KNOWN, nextState, type PageState, type PageStatus } from '../../../lib/page/view/state.js';
import { Play } from '../../support/engine.js';

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

export function entry(changes: Partial<LoadEntry> = {}): LoadEntry {
  return {
    ...{ at: NOW, id: 't/0/1/0', fate: 'loaded', file: '/a.csv', tenant: 'acme', attempt: 1, result: 'succeeded' },
    ...{ reason: 'loaded', disposition: null, exitCode: 0, stderrTail: '', rows: 2, bytes: 4_096, queuedMs: 1 },
    ...{ durationMs: 20, visibleMs: 30 },
    ...changes,
  };
}

/** A page that has heard this. */
export function knows(changes: Partial<PageStatus>, loads: readonly LoadEntry[] = []): PageState {
  const heard = nextState(NOTHING_KNOWN, { type: 'status', status: status(changes), now: NOW });
  return nextState(heard, { type: 'loads', loads: { run: 'a', first: 1, skipped: 0, loads } });
}
