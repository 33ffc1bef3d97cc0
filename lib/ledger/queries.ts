/** Questions to the ledger, as statements with parameters. */
import { tenantNamed } from '../util/tenant-name.js';
import { globSource } from './glob.js';
import type { Load, LoadStatus } from './load.js';
import { asksForAttempts, type LoadFilter, type LoadQuery } from './load-filter.js';
import { type LedgerRow, type LedgerTable, NEWEST_FIRST, quoted, selected } from './table.js';

export interface Question {
  readonly query: string;
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>;
  readonly settings?: Readonly<Record<string, string>>;
}

export const GROUPINGS = ['reason', 'status', 'tenant', 'disposition', 'table'] as const;

export type Grouping = (typeof GROUPINGS)[number];

export interface Group {
  readonly name: string;
  readonly loads: number;
  /** Milliseconds since the epoch. */
  readonly latestAt: number;
}

/** The columns that stand there; null for all. */
type Columns = ReadonlySet<string> | null;

/** The newest first. */
export function listQuestion(table: LedgerTable, { filter, limit }: LoadQuery, columns: Columns = null): Question {
  const all = selected(columns);
  const { source, states, state, parameters } = chosen(table, filter);
  const first = 'LIMIT {limit:UInt64}';
  // Of all files few columns are read, and all columns of those few that are shown. With no state to look at it is enough to
  // read as many: of a million rows that is a tenth of the time.
  const read = filter.text === null ? KEY : `${KEY}, ${TEXTS.join(', ')}`;
  const shown =
    state === null
      ? `${states(KEY)} ${first}`
      : `SELECT ${KEY} FROM (${states(read)}) WHERE ${state} ORDER BY finished_at DESC ${first}`;
  const query = asksForAttempts(filter)
    ? `${states(all)} ${first}`
    : `SELECT ${all} FROM ${source} WHERE (${KEY}) IN (${shown}) ${LATEST} ${first}`;
  return { query, parameters: { ...parameters, limit } };
}

/** All rows of one load, the oldest first. */
export function rowsQuestion({ database, name }: LedgerTable, loadId: string, columns: Columns = null): Question {
  const order = "ORDER BY finished_at, status != 'failed'";
  const query = `SELECT ${selected(columns)} FROM ${quoted(database, name)} WHERE load_id = {id:UUID} ${order}`;
  return { query, parameters: { id: loadId } };
}

/** What the newest loads of a path came to. */
export interface PathState {
  readonly path: string;
  readonly tenant: string | null;
  readonly status: LoadStatus;
  readonly finishedAt: number;
  readonly startedAt: number | null;
  readonly bytes: number | null;
  readonly disposition: string;
  readonly reason: string;
}

/** Of paths in one question; parameters would stand in the address, which servers and proxies keep short. */
export const MAX_PATHS_BYTES = 2 * 1024 * 1024;

/** Of each path, tenant and state the newest load; so a path that is loaded each day is a few rows. */
export function pathsQuestion({ database, name }: LedgerTable, paths: readonly string[]): Question {
  const wanted = paths.map((path) => `'${path.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`).join(', ');
  const columns = 'load_id, path, tenant, status, finished_at, started_at, bytes, disposition, reason';
  const loads = `SELECT ${columns} FROM ${quoted(database, name)} WHERE status != 'superseded' AND path IN (${wanted}) ${LATEST}`;
  const query = [
    'SELECT path, tenant, status, toUnixTimestamp64Milli(finished_at) AS finishedAt,',
    'toUnixTimestamp64Milli(started_at) AS startedAt, bytes, disposition, reason',
    `FROM (${loads}) ORDER BY finished_at DESC LIMIT 1 BY path, tenant, status`,
  ].join(' ');
  return { query, parameters: {}, settings: { max_query_size: String(4 * MAX_PATHS_BYTES) } };
}

export function toPathState(row: LedgerRow): PathState {
  const numberOrNull = (value: LedgerRow[string] | undefined) => (value == null ? null : Number(value));
  return {
    path: String(row['path']),
    tenant: String(row['tenant']) || null,
    status: String(row['status']) as LoadStatus,
    finishedAt: Number(row['finishedAt']),
    startedAt: numberOrNull(row['startedAt']),
    bytes: numberOrNull(row['bytes']),
    disposition: String(row['disposition']),
    reason: String(row['reason']),
  };
}

/** How many rows there are of one topic's messages, and since when (`since`, in milliseconds). */
export function extentQuestion({ database, name }: LedgerTable, topic: string): Question {
  const columns = 'count() AS rows, toUnixTimestamp64Milli(min(taken_at)) AS since';
  const query = `SELECT ${columns} FROM ${quoted(database, name)} WHERE topic = {topic:String}`;
  return { query, parameters: { topic } };
}

/** All rows of these loads, the oldest first. */
export function rowsOfEachQuestion(
  { database, name }: LedgerTable,
  loadIds: readonly string[],
  columns: Columns = null,
): Question {
  const query = `SELECT ${selected(columns)} FROM ${quoted(database, name)} WHERE load_id IN ({ids:Array(UUID)}) ORDER BY finished_at`;
  return { query, parameters: { ids: [...loadIds] } };
}

/** The largest first. */
export function groupQuestion(table: LedgerTable, { filter, limit }: LoadQuery, by: Grouping): Question {
  const { states, state, parameters } = chosen(table, filter, by === 'reason' ? "reason != ''" : null);
  const conditions = [state, by === 'reason' ? "reason != ''" : null].filter((condition) => condition !== null);
  const query = [
    `SELECT ${GROUP_NAMES[by]} AS name, count() AS loads, toUnixTimestamp64Milli(max(finished_at)) AS latestAt`,
    `FROM (${states('*')}) ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}`,
    'GROUP BY name ORDER BY loads DESC, latestAt DESC LIMIT {limit:UInt64}',
  ].join(' ');
  return { query, parameters: { ...parameters, limit } };
}

/** Reasons of one kind are one, though each names another file and another number. */
const GROUP_NAMES: Readonly<Record<Grouping, string>> = {
  reason: "replaceRegexpAll(if(path = '', reason, replaceAll(reason, path, 'FILE')), '\\\\d+', 'N')",
  status: 'toString(status)',
  tenant: "if(tenant = '', '(none)', toString(tenant))",
  disposition: "if(disposition = '', '(none)', toString(disposition))",
  table: "if(table = '', '(none)', toString(table))",
};

/** The same of loads that are here. */
export function groupsOf(loads: readonly Load[], by: Grouping, limit: number): Group[] {
  const groups = new Map<string, Group>();
  for (const load of loads) {
    if (by === 'reason' && load.reason === '') continue;
    const name = groupName(load, by);
    const { loads: count = 0, latestAt = 0 } = groups.get(name) ?? {};
    groups.set(name, { name, loads: count + 1, latestAt: Math.max(latestAt, load.finishedAt) });
  }
  return [...groups.values()].sort((a, b) => b.loads - a.loads || b.latestAt - a.latestAt).slice(0, limit);
}

function groupName(load: Load, by: Grouping): string {
  if (by !== 'reason') return load[by] || '(none)';
  const general = load.path === '' ? load.reason : load.reason.replaceAll(load.path, 'FILE');
  return general.replaceAll(/\d+/g, 'N');
}

const KEY = 'finished_at, load_id, status';
/** Where a text is looked for. */
const TEXTS = ['path', 'tenant', 'reason'];

/** One row of each file. */
const LATEST = `${NEWEST_FIRST} LIMIT 1 BY load_id`;

interface Chosen {
  readonly source: string;
  /** These columns of the rows that the filter is about, the newest first: attempts as they are, else of each file the latest. */
  readonly states: (columns: string) => string;
  /** What such a row must be on top of that; null for nothing. */
  readonly state: string | null;
  readonly parameters: Question['parameters'];
}

/** @param mark what is true of few rows, and of all that are wanted; null for nothing */
function chosen({ database, name }: LedgerTable, filter: LoadFilter, mark: string | null = null): Chosen {
  const { since, tenant, status, file, text } = filter;
  const source = quoted(database, name);
  const parameters: Record<string, string | number> = {};
  const conditions: string[] = [];
  const add = (condition: string, key: string, value: string | number) => {
    conditions.push(condition);
    parameters[key] = value;
  };
  // What is newer than the span leaves it as it is: the latest row of a file counts, and it lies in the span or not.
  if (since !== null) add('finished_at >= fromUnixTimestamp64Milli({since:Int64})', 'since', Math.floor(since));
  if (tenant !== null) add('tenant = {tenant:String}', 'tenant', tenantNamed(tenant));
  if (file !== null) add('match(path, {file:String})', 'file', `(?s)${globSource(file)}`);
  if (status !== null) parameters['status'] = status;
  const isStatus = status === null ? null : 'status = {status:String}';
  if (text !== null) parameters['text'] = text;
  const finds = (column: string) => `positionCaseInsensitiveUTF8(toString(${column}), {text:String}) > 0`;
  const isText = text === null ? null : `(${TEXTS.map(finds).join(' OR ')})`;
  const of = (...more: readonly (string | null)[]) =>
    `${source} WHERE ${[...conditions, ...more].filter((condition) => condition !== null).join(' AND ')}`;
  if (asksForAttempts(filter)) {
    return {
      source,
      state: null,
      parameters,
      states: (columns) => `SELECT ${columns} FROM ${of(isStatus, isText)} ${NEWEST_FIRST}`,
    };
  }
  // Only a file that has such a row can be in such a state. That spares most of the work, unless nearly all have one.
  const rare = mark ?? both(status === 'loaded' ? null : isStatus, isText);
  const candidates = rare === null ? null : `load_id IN (SELECT load_id FROM ${of(rare)})`;
  const states = (columns: string) => `SELECT ${columns} FROM ${of("status != 'superseded'", candidates)} ${LATEST}`;
  return { source, states, state: both(isStatus, isText), parameters };
}

function both(...conditions: readonly (string | null)[]): string | null {
  return conditions.filter((condition) => condition !== null).join(' AND ') || null;
}
