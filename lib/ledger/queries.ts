/** Questions to the ledger, as statements with parameters. */
import { tenantNamed } from '../util/tenant-name.js';
import { globSource } from './glob.js';
import type { Load } from './load.js';
import { asksForAttempts, type LoadFilter, type LoadQuery } from './load-filter.js';
import { type LedgerTable, NEWEST_FIRST, quoted, SELECTED } from './table.js';

export interface Question {
  readonly query: string;
  readonly parameters: Readonly<Record<string, string | number | readonly string[]>>;
}

export const GROUPINGS = ['reason', 'status', 'tenant', 'disposition', 'table'] as const;

export type Grouping = (typeof GROUPINGS)[number];

export interface Group {
  readonly name: string;
  readonly loads: number;
  /** Milliseconds since the epoch. */
  readonly latestAt: number;
}

/** The newest first. */
export function listQuestion(table: LedgerTable, { filter, limit }: LoadQuery): Question {
  const { source, states, status, parameters } = chosen(table, filter);
  const first = 'LIMIT {limit:UInt64}';
  // With a status: of all files few columns are read, and all columns of those few that are shown.
  const keys = `SELECT finished_at, load_id, status FROM (${states('finished_at, load_id, status')})`;
  const shown = `${keys} WHERE ${status} ORDER BY finished_at DESC ${first}`;
  const query =
    status === null
      ? `${states(SELECTED)} ${first}`
      : `SELECT ${SELECTED} FROM ${source} WHERE (finished_at, load_id, status) IN (${shown}) ${LATEST} ${first}`;
  return { query, parameters: { ...parameters, limit } };
}

/** All rows of one load, the oldest first. */
export function rowsQuestion({ database, name }: LedgerTable, loadId: string): Question {
  const order = "ORDER BY finished_at, status != 'failed'";
  const query = `SELECT ${SELECTED} FROM ${quoted(database, name)} WHERE load_id = {id:UUID} ${order}`;
  return { query, parameters: { id: loadId } };
}

/** All rows of these loads, the oldest first. */
export function rowsOfEachQuestion({ database, name }: LedgerTable, loadIds: readonly string[]): Question {
  const query = `SELECT ${SELECTED} FROM ${quoted(database, name)} WHERE load_id IN ({ids:Array(UUID)}) ORDER BY finished_at`;
  return { query, parameters: { ids: [...loadIds] } };
}

/** The largest first. */
export function groupQuestion(table: LedgerTable, { filter, limit }: LoadQuery, by: Grouping): Question {
  const { states, status, parameters } = chosen(table, filter, by === 'reason' ? "reason != ''" : null);
  const conditions = [status, by === 'reason' ? "reason != ''" : null].filter((condition) => condition !== null);
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

/** One row of each file. */
const LATEST = `${NEWEST_FIRST} LIMIT 1 BY load_id`;

interface Chosen {
  readonly source: string;
  /** These columns of the rows that the filter is about, the newest first: attempts as they are, else of each file the latest. */
  readonly states: (columns: string) => string;
  /** What such a row must be on top of that; null for nothing. */
  readonly status: string | null;
  readonly parameters: Question['parameters'];
}

/** @param mark what is true of few rows, and of all that are wanted; null for nothing */
function chosen({ database, name }: LedgerTable, filter: LoadFilter, mark: string | null = null): Chosen {
  const { since, tenant, status, file } = filter;
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
  const of = (...more: readonly (string | null)[]) =>
    `${source} WHERE ${[...conditions, ...more].filter((condition) => condition !== null).join(' AND ')}`;
  if (asksForAttempts(filter)) {
    return {
      source,
      status: null,
      parameters,
      states: (columns) => `SELECT ${columns} FROM ${of(isStatus)} ${NEWEST_FIRST}`,
    };
  }
  // Only a file that has such a row can be in such a state. That spares most of the work, unless nearly all have one.
  const rare = mark ?? (status === 'loaded' ? null : isStatus);
  const candidates = rare === null ? null : `load_id IN (SELECT load_id FROM ${of(rare)})`;
  const states = (columns: string) => `SELECT ${columns} FROM ${of("status != 'superseded'", candidates)} ${LATEST}`;
  return { source, states, status: isStatus, parameters };
}
