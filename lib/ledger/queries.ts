/** Questions to the ledger, as statements with parameters. */
import { tenantNamed } from '../util/tenant-name.js';
import { globSource } from './glob.js';
import type { Load } from './load.js';
import { asksForAttempts, type LoadFilter, type LoadQuery } from './load-filter.js';
import { type LedgerTable, NEWEST_FIRST, quoted, SELECTED } from './table.js';

export interface Question {
  readonly query: string;
  readonly parameters: Readonly<Record<string, string | number>>;
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
  const { from, parameters } = chosen(table, filter);
  return { query: `SELECT ${SELECTED} FROM ${from} LIMIT {limit:UInt64}`, parameters: { ...parameters, limit } };
}

/** All rows of one load, the oldest first. */
export function rowsQuestion({ database, name }: LedgerTable, loadId: string): Question {
  const order = "ORDER BY finished_at, status != 'failed'";
  const query = `SELECT ${SELECTED} FROM ${quoted(database, name)} WHERE load_id = {id:UUID} ${order}`;
  return { query, parameters: { id: loadId } };
}

/** The largest first. */
export function groupQuestion(table: LedgerTable, { filter, limit }: LoadQuery, by: Grouping): Question {
  const { from, parameters } = chosen(table, filter);
  const query = [
    `SELECT ${GROUP_NAMES[by]} AS name, count() AS loads, toUnixTimestamp64Milli(max(finished_at)) AS latestAt`,
    `FROM (SELECT * FROM ${from}) ${by === 'reason' ? "WHERE reason != ''" : ''}`,
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

/** The rows that the filter is about, in their order: attempts as they are, else of each file the latest. */
function chosen(
  { database, name }: LedgerTable,
  filter: LoadFilter,
): { from: string; parameters: Question['parameters'] } {
  const { since, tenant, status, file } = filter;
  const parameters: Record<string, string | number> = {};
  const conditions: string[] = [];
  const add = (condition: string, key: string, value: string | number) => {
    conditions.push(condition);
    parameters[key] = value;
  };
  if (since !== null) add('finished_at >= fromUnixTimestamp64Milli({since:Int64})', 'since', Math.floor(since));
  if (tenant !== null) add('tenant = {tenant:String}', 'tenant', tenantNamed(tenant));
  if (file !== null) add('match(path, {file:String})', 'file', `(?s)${globSource(file)}`);
  const source = quoted(database, name);
  if (asksForAttempts(filter)) {
    add('status = {status:String}', 'status', status as string);
    return { from: `${source} WHERE ${conditions.join(' AND ')} ${NEWEST_FIRST}`, parameters };
  }
  // What is newer than the span leaves it as it is: the latest row of a file counts, and it lies in the span or not.
  const states = `${source} WHERE ${[...conditions, "status != 'superseded'"].join(' AND ')} ${NEWEST_FIRST} LIMIT 1 BY load_id`;
  if (status === null) return { from: states, parameters };
  parameters['status'] = status;
  return { from: `(SELECT * FROM ${states}) WHERE status = {status:String} ${NEWEST_FIRST}`, parameters };
}
