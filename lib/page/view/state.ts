/** What the page knows: what the service last said of itself, and the loads that ended. Each message makes the next state. */
import type { EngineStatus, PartitionStatus } from '../../core/status.js';
import type { Latency } from '../../feed/history.js';
import type { LoadEntry } from '../../feed/load-entries.js';
import type { Probe } from '../../http/probes.js';
import type { Lag } from '../../telemetry/lag.js';
import type { Sums } from '../../telemetry/rates.js';
import type { TotalsOfTenants } from '../../telemetry/tenant-totals.js';

/** What the page reads of `/api/v1/status`. */
export interface PageStatus extends Omit<EngineStatus, 'partitions'> {
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
  readonly run: string;
  readonly first: number;
  readonly skipped: number;
  readonly loads: readonly LoadEntry[];
}

/** A load with a name that no other load of any run has. */
export type ShownLoad = LoadEntry & { readonly key: string };

export interface PageState {
  readonly connection: { readonly kind: 'connecting' | 'live' } | { readonly kind: 'lost'; readonly since: number };
  readonly status: PageStatus | null;
  /** The service's clock less the browser's. */
  readonly clockAheadMs: number;
  readonly history: PageHistory | null;
  /** The last one first. */
  readonly loads: readonly ShownLoad[];
  /** Those of them and from before that were given up, the last one first. */
  readonly givenUp: readonly ShownLoad[];
}

export type PageEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'lost'; readonly now: number }
  | { readonly type: 'status'; readonly status: PageStatus; readonly now: number }
  | { readonly type: 'history'; readonly history: PageHistory }
  | { readonly type: 'loads'; readonly loads: PageLoads };

const LOADS = 200;
const GIVEN_UP = 500;

export const NOTHING_KNOWN: PageState = {
  ...{ connection: { kind: 'connecting' }, status: null, clockAheadMs: 0, history: null },
  ...{ loads: [], givenUp: [] },
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
      return withLoads(state, event.loads);
  }
}

/** A connection that is made anew may bring some again. */
function withLoads(state: PageState, { run, first, loads }: PageLoads): PageState {
  const known = new Set(state.loads.map(({ key }) => key));
  const named = loads.map((load, index) => ({ ...load, key: `${run}.${first + index}` }));
  const latest = named.filter(({ key }) => !known.has(key)).reverse();
  const givenUp = latest.filter(({ fate }) => fate === 'given-up');
  return {
    ...state,
    loads: [...latest, ...state.loads].slice(0, LOADS),
    givenUp: [...givenUp, ...state.givenUp].slice(0, GIVEN_UP),
  };
}

/** The service's clock now. */
export function serviceNow({ clockAheadMs }: PageState, now: number): number {
  return now + clockAheadMs;
}
