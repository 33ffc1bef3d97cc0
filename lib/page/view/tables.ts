/** The tables of the page, as rows of text; what comes from messages and loaders is shown with its control characters. */

import type { ShownSetting } from '../../config/load.js';
import type { Load, LoadStatus } from '../../ledger/load.js';
import { rowKey } from '../../ledger/load-states.js';
import { bytesText, countText, duration, numberText } from '../../util/plain-text.js';
import { showControl } from '../../util/safe-text.js';
import type { ActButton } from './act.js';
import { elapsedText, fineTime, latencyText } from './figures.js';
import { GIVEN_UP_MS, type PageState, type PageStatus, serviceNow } from './state.js';

export interface Cell {
  readonly text: string;
  /** Shown where somebody points at it. */
  readonly title?: string;
  readonly mood?: 'good' | 'attention' | 'bad';
  /** A share from 0 to 1, as a bar. */
  readonly share?: number;
  /** A name that is long, and hard to read in pieces. */
  readonly isFile?: boolean;
}

export interface Row {
  readonly key: string;
  readonly cells: readonly (Cell | string)[];
  /** Left out where there is none. */
  readonly buttons?: readonly ActButton[];
}

export interface Table {
  readonly rows: readonly Row[];
  /** In place of rows, or below them. */
  readonly note: string;
}

const TENANTS = 100;
const MOST = 100;

export function runningTable(state: PageState, now: number): Table {
  const { status } = state;
  if (status === null) return { rows: [], note: '' };
  const at = serviceNow(state, now);
  const rows = status.running.map(({ job, attempt, startedAt, lastLine = '' }) => {
    const elapsed = Math.max(0, at - startedAt);
    const share = Math.min(1, elapsed / status.loadTimeoutMs);
    const again = attempt > 1 ? `, attempt ${attempt}` : '';
    const time = `${elapsedText(elapsed)} of ${duration(status.loadTimeoutMs)}${again}`;
    const cells = [fileCell(job.file), tenantName(job.tenant), { text: time, share, ...late(share) }];
    return { key: job.id, cells: [...cells, lastLine === '' ? '–' : showControl(lastLine)] };
  });
  return { rows: rows.slice(0, MOST), note: rows.length === 0 ? 'Nothing is being loaded.' : more(rows.length, MOST) };
}

function late(share: number): Pick<Cell, 'mood'> {
  return share < 0.8 ? {} : { mood: 'attention' };
}

const OUTCOMES: Readonly<Record<LoadStatus, Cell>> = {
  loaded: { text: '✓ loaded', mood: 'good' },
  failed: { text: '↻ failed', mood: 'attention', title: 'It is tried again, unless it is given up' },
  'given-up': { text: '✕ given up', mood: 'bad' },
  skipped: { text: '✕ refused', mood: 'bad', title: 'Its message was refused, and no load was tried' },
  superseded: { text: '– elsewhere', title: 'Another instance has its partition, and loads it' },
  undone: { text: '↶ undone', title: 'Somebody has taken its rows out of the table again' },
};

export function loadTable(state: PageState, now: number): Table {
  const at = serviceNow(state, now);
  const { loads, filter, origin } = state;
  const rows = loads.map((load) => ({ key: rowKey(load), cells: loadCells(load, at) }));
  const isFiltered = filter.text.trim() !== '' || filter.status !== 'all';
  const none = isFiltered ? 'No load is like that.' : 'No load has ended yet.';
  return { rows, note: [rows.length === 0 && origin !== null ? none : '', originText(origin)].join(' ').trim() };
}

/** Where what is not shown may be. */
function originText(origin: PageState['origin']): string {
  if (origin === null || origin.from === 'ledger') return '';
  if (origin.problem === null) return 'There is no ledger: loads from before the start of the service are not known.';
  return `Loads from before are not to be had now: ${showControl(origin.problem)}`;
}

function loadCells(load: Load, at: number): (Cell | string)[] {
  const { status, path, tenant, rows, bytes, startedAt, finishedAt, attempt, reason } = load;
  const what = status === 'loaded' ? amount(rows, bytes) : showControl(reason);
  const again = attempt > 1 ? `, attempt ${attempt}` : '';
  const time = startedAt === null ? '–' : `${fineTime(finishedAt - startedAt)}${again}`;
  const when = { text: `${duration(Math.max(0, at - finishedAt))} ago`, title: new Date(finishedAt).toISOString() };
  return [OUTCOMES[status], fileCell(path), what, tenantName(tenant), time, when];
}

function amount(rows: number | null, bytes: number | null): string {
  const parts = [rows === null ? '' : countText(rows, 'row'), bytes === null ? '' : bytesText(bytes)];
  return parts.filter((part) => part !== '').join(', ');
}

export interface FailureGroup {
  readonly key: string;
  /** `12 × no such column …`, and of whom. */
  readonly title: string;
  readonly note: string;
  readonly files: readonly string[];
  readonly stderr: string;
}

const GROUPS = 20;
const FILES = 5;

/** Those that differ in numbers, names of files and what is quoted alone are the same. */
export function failureGroups(state: PageState, now: number): readonly FailureGroup[] {
  const at = serviceNow(state, now);
  const groups = new Map<string, Load[]>();
  for (const load of state.givenUp) {
    if (load.finishedAt < at - GIVEN_UP_MS) continue;
    const key = `${load.disposition} ${sameReason(load.reason)}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(load);
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length);
  return sorted.slice(0, GROUPS).map(([key, loads]) => {
    const [latest] = loads as [Load, ...Load[]];
    const tenants = [...new Set(loads.map(({ tenant }) => tenantName(tenant)))];
    const of = tenants.length > 3 ? countText(tenants.length, 'tenant') : tenants.join(', ');
    const said = loads.find(({ stderr }) => stderr !== '');
    return {
      key,
      title: `${numberText(loads.length)} × ${showControl(latest.reason)}`,
      note: `${latest.disposition ?? 'given up'}; ${of}; the last one ${duration(Math.max(0, at - latest.finishedAt))} ago`,
      files: loads.slice(0, FILES).map(({ path }) => showControl(path) || '(no file)'),
      stderr: (said?.stderr ?? '').split(' | ').map(showControl).join('\n'),
    };
  });
}

function sameReason(reason: string): string {
  return reason
    .replace(/\/[^\s:,)]+/g, '/…')
    .replace(/'[^']*'|"[^"]*"|`[^`]*`/g, '"…"')
    .replace(/\d+/g, '#');
}

export function tenantTable({ status, history }: PageState, filter: string): Table {
  if (status === null) return { rows: [], note: '' };
  const found = tenantsOf(status).filter(({ name }) => name.toLowerCase().includes(filter.trim().toLowerCase()));
  const visible = new Map(history?.visible.tenants.map((each) => [each.tenant, each]));
  const paused = new Set(status.pauses.map(({ tenant }) => tenant));
  const rows = found.slice(0, TENANTS).map(({ tenant, name, waiting, running, loaded, failed }): Row => {
    const [p50, p95] = latencyText(visible.get(tenant));
    const isPaused = paused.has(tenant);
    const counts = [waiting, running, loaded].map(numberText);
    const givenUp: Cell = {
      text: numberText(failed),
      ...(failed > 0 ? { mood: 'attention' as const } : {}),
    };
    const cell: Cell = isPaused ? { text: `${name} (paused)`, mood: 'attention' } : { text: name };
    const cells = [cell, ...counts, givenUp, p50, p95];
    return { key: tenant ?? '-', cells, ...buttonsOf(status, tenant, isPaused) };
  });
  if (found.length === 0)
    return { rows, note: filter === '' ? 'No tenant has had a file yet.' : 'No tenant is called so.' };
  return { rows, note: more(found.length, TENANTS) };
}

/** Those with most to do first. */
function tenantsOf({ tenants, totals, pauses }: PageStatus) {
  const loads = new Map(tenants.map((each) => [each.tenant, each]));
  const sums = new Map(totals.tenants.map((each) => [each.tenant, each]));
  const names = new Set([...loads.keys(), ...sums.keys(), ...pauses.map(({ tenant }) => tenant)]);
  const found = [...names].map((tenant) => {
    const { waiting = 0, running = 0 } = loads.get(tenant) ?? {};
    const { loaded = 0, failed = 0 } = sums.get(tenant) ?? {};
    return { tenant, name: tenantName(tenant), waiting, running, loaded, failed };
  });
  // By name where they are alike, so that rows stay where they are.
  return found.sort((a, b) => b.waiting - a.waiting || b.loaded - a.loaded || a.name.localeCompare(b.name));
}

export function partitionTable(state: PageState, now: number): Table {
  const at = serviceNow(state, now);
  const partitions = state.status?.partitions ?? [];
  const rows = partitions.map((each) => {
    const { topic, partition, paused, pausedSince, oldestAt, frontier, uncommitted, lag } = each;
    const reading: Cell = paused
      ? { text: `not read for ${duration(at - (pausedSince ?? at))}: enough waits`, mood: 'attention' }
      : { text: 'read' };
    return {
      key: `${topic}/${partition}`,
      cells: [
        ...[`${topic}/${partition}`, reading, lag === null ? '?' : numberText(lag)],
        ...[oldestAt === null ? '–' : duration(at - oldestAt), frontier === null ? '–' : String(frontier)],
        numberText(uncommitted),
      ],
    };
  });
  return {
    rows: rows.slice(0, MOST),
    note: rows.length === 0 ? 'Other instances read all partitions.' : more(rows.length, MOST),
  };
}

/** What waits for people: tables and tenants that are held back, and pauses. */
export function heldTable(state: PageState, now: number): Table {
  const { status } = state;
  if (status === null) return { rows: [], note: '' };
  const at = serviceNow(state, now);
  const tables = status.heldTables.map(({ table, jobs, since, reason }) => ({
    key: `table ${table}`,
    cells: [`table ${table}`, countText(jobs, 'file'), `held back for ${duration(at - since)}`, showControl(reason)],
  }));
  const tenants = status.heldTenants.map(({ tenant, records, until }) => ({
    key: `tenant ${tenant}`,
    cells: [
      `tenant ${tenant}`,
      countText(records, 'message'),
      `for another ${duration(until - at)}`,
      'is not on the allow-list',
    ],
  }));
  const pauses = status.pauses.map(({ tenant, since, until, by, reason }) => {
    const end = until === null ? '' : `, for another ${duration(until - at)}`;
    const why = [by === '' ? '' : `by ${showControl(by)}`, showControl(reason)]
      .filter((part) => part !== '')
      .join(': ');
    const time = `paused for ${duration(at - since)}${end}`;
    return {
      key: `pause ${tenant ?? '-'}`,
      cells: [tenantName(tenant), '', time, why],
      ...buttonsOf(status, tenant, true),
    };
  });
  const rows: Row[] = [...pauses, ...tables, ...tenants];
  return {
    rows: rows.slice(0, MOST),
    note: rows.length === 0 ? 'Nothing is held back or paused.' : more(rows.length, MOST),
  };
}

function buttonsOf({ permitsChanges }: PageStatus, tenant: string | null, isPaused: boolean): Pick<Row, 'buttons'> {
  if (!permitsChanges) return {};
  const text = isPaused ? 'Resume' : 'Pause';
  const label = `${text} ${tenant ?? 'files without a tenant'}`;
  return { buttons: [{ text, label, act: { kind: isPaused ? 'resume' : 'pause', tenant } }] };
}

const ORIGINS: Readonly<Record<ShownSetting['origin'], string>> = {
  default: 'default',
  file: 'file',
  environment: 'environment',
  argument: 'argument',
  order: 'order:',
};

/** Those that somebody has set first. */
export function settingsTable({ settings }: PageState): Table {
  if (settings === null) return { rows: [], note: 'Asking the service for them' };
  const isSet = ({ origin }: ShownSetting) => origin !== 'default';
  const rows = [...settings.filter(isSet), ...settings.filter((each) => !isSet(each))].map((each): Row => {
    const from = [ORIGINS[each.origin], showControl(each.from)].join(' ').trim();
    return { key: each.name, cells: [each.name, valueText(each.value), from] };
  });
  return {
    rows,
    note: `${settings.filter(isSet).length} of ${settings.length} are not at their defaults; secrets are not shown.`,
  };
}

function valueText(value: unknown): string {
  if (value === null || value === '') return 'not set';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map((each) => valueText(each)).join(', ');
  return showControl(String(value));
}

function fileCell(file: string): Cell {
  const shown = showControl(file);
  return {
    text: shown === '' ? '(no file)' : shown.slice(shown.lastIndexOf('/') + 1) || shown,
    title: shown,
    isFile: true,
  };
}

export function tenantName(tenant: string | null): string {
  return tenant === null ? '(no tenant)' : showControl(tenant);
}

function more(all: number, shown: number): string {
  return all <= shown ? '' : `and ${numberText(all - shown)} more; the filter finds them`;
}
