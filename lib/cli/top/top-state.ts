/** What `top` shows and does, by the keys that are pressed: a function of the state, the key and the tenants. */
import type { TenantLine } from '../status-view.js';

export const SORTS = {
  w: 'waiting',
  r: 'running',
  l: 'loaded',
  f: 'given up',
  n: 'name',
} as const;

export type SortKey = keyof typeof SORTS;

export interface TopState {
  readonly sort: SortKey;
  /** The tenant under the cursor, which stays there when the order changes; undefined before there is one. */
  readonly chosen: string | null | undefined;
  readonly showsHelp: boolean;
}

export const BEGIN: TopState = { sort: 'w', chosen: undefined, showsHelp: false };

export type Act =
  | { readonly kind: 'quit' }
  | { readonly kind: 'suspend' }
  | { readonly kind: 'pause'; readonly tenant: string | null };

export interface Key {
  readonly name: string;
  readonly ctrl: boolean;
}

/** How far each key moves the cursor. */
const MOVES: Readonly<Record<string, number>> = {
  up: -1,
  k: -1,
  down: 1,
  j: 1,
  pageup: -10,
  pagedown: 10,
  home: Number.NEGATIVE_INFINITY,
  end: Number.POSITIVE_INFINITY,
};

/** @param tenants in the order in which they are shown */
export function press(
  state: TopState,
  { name, ctrl }: Key,
  tenants: readonly TenantLine[],
): { readonly state: TopState; readonly act: Act | null } {
  if (ctrl && (name === 'c' || name === 'd')) return { state, act: { kind: 'quit' } };
  if (ctrl) return { state, act: name === 'z' ? { kind: 'suspend' } : null };
  if (name === 'q') return { state, act: { kind: 'quit' } };
  if (name === '?' || name === 'h') return { state: { ...state, showsHelp: !state.showsHelp }, act: null };
  // The first key only takes the help away.
  if (state.showsHelp) return { state: { ...state, showsHelp: false }, act: null };
  if (Object.hasOwn(SORTS, name)) return { state: { ...state, sort: name as SortKey }, act: null };
  const at = cursorAt(state, tenants);
  const chosen = tenants[at]?.tenant;
  if (name === 'p') return { state, act: chosen === undefined ? null : { kind: 'pause', tenant: chosen } };
  const move = MOVES[name];
  if (move === undefined || tenants.length === 0) return { state, act: null };
  const to = Math.max(0, Math.min(tenants.length - 1, at + move));
  return { state: { ...state, chosen: tenants[to]?.tenant }, act: null };
}

/** Where the chosen tenant stands; at the top where it is gone. */
export function cursorAt({ chosen }: TopState, tenants: readonly TenantLine[]): number {
  return Math.max(
    0,
    tenants.findIndex(({ tenant }) => tenant === chosen),
  );
}

/** Those with most first; of the same number by their names. */
export function sorted(tenants: readonly TenantLine[], sort: SortKey): TenantLine[] {
  const countOf = ({ waiting, running, loaded, failed }: TenantLine) =>
    ({ w: waiting + running, r: running, l: loaded, f: failed, n: 0 })[sort];
  const nameOf = ({ tenant }: TenantLine) => tenant ?? '';
  return [...tenants].sort((a, b) => countOf(b) - countOf(a) || (nameOf(a) < nameOf(b) ? -1 : 1));
}
