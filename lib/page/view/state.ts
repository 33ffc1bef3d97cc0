/** What the page knows: what the service last said of itself, and the loads that ended. Each message makes the next state. */
import type { ShownSetting } from '../../config/load.js';
import type { EngineStatus, PartitionStatus } from '../../core/status.js';
import type { Latency } from '../../feed/history.js';
import type { Probe } from '../../http/probes.js';
import type { Load, LoadStatus } from '../../ledger/load.js';
import type { LoadAnswer } from '../../ledger/load-answers.js';
import { ANY_LOAD, asksForAttempts, isWanted } from '../../ledger/load-filter.js';
import { rowKey, statesOf } from '../../ledger/load-states.js';
import type { Lag } from '../../telemetry/lag.js';
import type { Sums } from '../../telemetry/rates.js';
import type { TotalsOfTenants } from '../../telemetry/tenant-totals.js';

/** What the page reads of `/api/v1/status`. */
export interface PageStatus extends Omit<EngineStatus, 'partitions' | 'running'> {
  readonly version: string;
  readonly at: number;
  readonly startedAt: number;
  readonly live: Probe;
  readonly ready: Probe;
  readonly lag: Omit<Lag, 'partitions'>;
  readonly perSecond: Sums;
  readonly lastHour: Sums;
  readonly lastLoadedAt: number | null;
  readonly settings: {
    readonly needRestart: readonly string[];
    readonly lastReload: { readonly at: number; readonly error: string | null } | null;
    readonly scaled?: { readonly slots: number; readonly configured: number; readonly by: string } | null;
  };
  readonly loadTimeoutMs: number;
  readonly permitsChanges: boolean;
  readonly running: readonly (EngineStatus['running'][number] & { readonly lastLine?: string })[];
  readonly partitions: readonly (PartitionStatus & { readonly lag: number | null })[];
  readonly totals: TotalsOfTenants;
  /** In the stream of events alone. */
  readonly run?: string;
  readonly deadLetters?: number;
}

export interface PageHistory {
  readonly at: number;
  readonly stepMs: number;
  readonly speeds: readonly ({ readonly at: number } & Sums)[];
  readonly lags: readonly (readonly [at: number, messages: number | null])[];
  readonly visible: {
    readonly all: Latency | null;
    readonly tenants: readonly ({ readonly tenant: string | null } & Latency)[];
  };
}

export interface PageLoads {
  readonly skipped: number;
  readonly loads: readonly Load[];
}

export interface PageFilter {
  readonly text: string;
  readonly status: LoadStatus | 'all';
}

export interface PageState {
  readonly connection: { readonly kind: 'connecting' | 'live' } | { readonly kind: 'lost'; readonly since: number };
  readonly status: PageStatus | null;
  /** The service's clock less the browser's. */
  readonly clockAheadMs: number;
  readonly history: PageHistory | null;
  readonly filter: PageFilter;
  /** Those that the filter wants, the last one first. */
  readonly loads: readonly Load[];
  /** Files and messages that were given up, the last one first. */
  readonly givenUp: readonly Load[];
  /** From where the loads of before are; null while that was not answered. */
  readonly origin: Pick<LoadAnswer, 'from' | 'problem'> | null;
  /** Null before somebody wanted to see them. */
  readonly settings: readonly ShownSetting[] | null;
}

export type PageEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'lost'; readonly now: number }
  | { readonly type: 'status'; readonly status: PageStatus; readonly now: number }
  | { readonly type: 'history'; readonly history: PageHistory }
  | { readonly type: 'loads'; readonly loads: PageLoads }
  | { readonly type: 'filter'; readonly filter: PageFilter }
  /** What was before, as that filter wants it. */
  | { readonly type: 'found'; readonly filter: PageFilter; readonly answer: LoadAnswer }
  | { readonly type: 'given-up'; readonly answer: LoadAnswer }
  | { readonly type: 'settings'; readonly settings: readonly ShownSetting[] }
  | { readonly type: 'not-found'; readonly problem: string };

export const SHOWN_LOADS = 200;
export const SHOWN_GIVEN_UP = 500;
/** How long back what was given up is shown by its reasons. */
export const GIVEN_UP_MS = 24 * 60 * 60_000;

export const NOTHING_KNOWN: PageState = {
  ...{ connection: { kind: 'connecting' }, status: null, clockAheadMs: 0, history: null },
  ...{ filter: { text: '', status: 'all' }, loads: [], givenUp: [], origin: null, settings: null },
};

export function nextState(state: PageState, event: PageEvent): PageState {
  switch (event.type) {
    case 'opened':
      return { ...state, connection: { kind: 'live' } };
    case 'lost':
      if (state.connection.kind === 'lost') return state;
      return { ...state, connection: { kind: 'lost', since: event.now } };
    case 'status':
      return {
        ...{ ...state, connection: { kind: 'live' } },
        ...{ status: event.status, clockAheadMs: event.status.at - event.now },
      };
    case 'history':
      return { ...state, history: event.history };
    case 'loads':
      return withLoads(state, event.loads.loads);
    case 'filter':
      return { ...state, filter: event.filter, loads: chosen(state.loads.toReversed(), event.filter) };
    case 'found':
      return withFound(state, event.filter, event.answer);
    case 'given-up':
      return { ...state, givenUp: givenUpOf([...event.answer.loads.toReversed(), ...state.givenUp.toReversed()]) };
    case 'settings':
      return { ...state, settings: event.settings };
    case 'not-found':
      return { ...state, origin: { from: 'memory', problem: event.problem } };
  }
}

/** A connection that is made anew may bring some again. */
function withLoads(state: PageState, rows: readonly Load[]): PageState {
  const givenUp = givenUpOf([...state.givenUp.toReversed(), ...rows]);
  return { ...state, loads: chosen([...state.loads.toReversed(), ...rows], state.filter), givenUp };
}

function withFound(state: PageState, filter: PageFilter, { loads, from, problem }: LoadAnswer): PageState {
  // Somebody has typed on meanwhile.
  if (filter !== state.filter) return state;
  const known = [...loads.toReversed(), ...state.loads.toReversed()];
  return { ...state, loads: chosen(known, filter), origin: { from, problem } };
}

/** The state of each file, or its attempts where these are wanted, as /api/v1/loads has them. @param rows the oldest first */
function chosen(rows: readonly Load[], { text, status }: PageFilter): Load[] {
  const filter = { ...ANY_LOAD, text: text.trim() || null, status: status === 'all' ? null : status };
  const each = asksForAttempts(filter) ? [...new Map(rows.map((row) => [rowKey(row), row])).values()] : statesOf(rows);
  return latest(
    each.filter((load) => isWanted(load, filter)),
    SHOWN_LOADS,
  );
}

function givenUpOf(rows: readonly Load[]): Load[] {
  return latest(
    statesOf(rows).filter(({ status }) => status === 'given-up' || status === 'skipped'),
    SHOWN_GIVEN_UP,
  );
}

/** Of the same moment the one that came later is the first. */
function latest(loads: readonly Load[], most: number): Load[] {
  return loads
    .toReversed()
    .sort((a, b) => b.finishedAt - a.finishedAt)
    .slice(0, most);
}

/** The service's clock now. */
export function serviceNow({ clockAheadMs }: PageState, now: number): number {
  return now + clockAheadMs;
}
