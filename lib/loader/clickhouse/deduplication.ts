/**
 * What makes a repeated insert add nothing: the token of its blocks, the settings that each server needs besides, and the
 * tables, behind materialized views too, that have to remember it.
 */

import { isByAttempt, LOAD_ID, LOADED_AT } from '../../util/table-shape.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { REMEMBERED_SECONDS, type Settings } from './sql.js';

/** A load that may come again. */
export interface Repetition {
  readonly token: string;
  /** How often the rows of this token were removed on purpose; 0 says nothing in the token. */
  readonly generation: number;
}

/** With other blocks the same number would mean other rows: then rows twice are better than rows lost. */
export function blockToken({ token, generation }: Repetition, batchSize: number, exactBlocks: boolean): string {
  const undone = generation === 0 ? '' : `/generation-${generation}`;
  return `${token}/${batchSize}${exactBlocks ? '' : '/at-least'}${undone}`;
}

/** What is known of a server. */
export interface Server {
  /** Major and minor; null where it did not say. */
  readonly version: readonly [major: number, minor: number] | null;
  /** Those of NEWER_SETTINGS that it knows. */
  readonly knownSettings: readonly string[];
  /** How long a replicated table remembers an insert unless it says otherwise. */
  readonly replicatedSeconds: number | null;
}

const REPLICATED_SECONDS = 'replicated_deduplication_window_seconds';

/**
 * They override `insert_deduplicate`, and a profile may switch them off. Blocks of a load are the same each time, whether or
 * not ClickHouse can tell that from the query; 26.1 and some after it ignore the token where they cannot, unless they are told so.
 */
const NEWER_SETTINGS: Readonly<Record<string, string>> = {
  deduplicate_insert: 'enable',
  deduplicate_insert_select: 'enable_even_for_bad_queries',
};

/**
 * From 24.8 on a block that the table has is still handed to its views, which recognise it by the number of the view and that of
 * the block. Before that, all views of a table shared the token, and its repetition went to the views or not by another rule.
 */
export function deduplicationSettings(token: string, { version, knownSettings }: Server): Settings {
  return {
    insert_deduplicate: 1,
    insert_deduplication_token: token,
    insert_distributed_one_random_shard: 0,
    ...(isSince(version, 24, 8) ? { deduplicate_blocks_in_dependent_materialized_views: 1 } : {}),
    ...Object.fromEntries(Object.entries(NEWER_SETTINGS).filter(([name]) => knownSettings.includes(name))),
  };
}

function isSince(version: Server['version'], major: number, minor: number): boolean {
  return version !== null && (version[0] > major || (version[0] === major && version[1] >= minor));
}

/** A database and a table or view in it. */
export type FullName = readonly [database: string, name: string];

/** A table or view, as `system.tables` shows it. */
export interface TableRow {
  readonly database: string;
  readonly name: string;
  readonly uuid: string;
  readonly engine: string;
  /** Its CREATE statement. */
  readonly statement: string;
  readonly viewDatabases: readonly string[];
  readonly views: readonly string[];
}

const TABLE_COLUMNS =
  'database, name, toString(uuid) AS uuid, engine, create_table_query AS statement, ' +
  'dependencies_database AS viewDatabases, dependencies_table AS views';

const VERSION = 'version() AS version';

export function selectVersion(): string {
  return `SELECT ${VERSION}`;
}

/** Both in one question; no row where the user may not see the table. */
export function selectVersionAndTable(table: FullName): string {
  return selectTables([table]).replace('SELECT ', `SELECT ${VERSION}, `);
}

export function readVersion({ version }: Readonly<Record<string, unknown>>): Server['version'] {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(String(version)) ?? [];
  return major === undefined ? null : [Number(major), Number(minor)];
}

/** Which of NEWER_SETTINGS a version knows; null where it has to be asked, which takes it some milliseconds. */
export function settingsOf(version: Server['version']): readonly string[] | null {
  if (isSince(version, 26, 2)) return Object.keys(NEWER_SETTINGS);
  return isSince(version, 25, 12) ? null : [];
}

export function selectKnownSettings(): string {
  return `SELECT name FROM system.settings WHERE name IN (${Object.keys(NEWER_SETTINGS).map(quoteString).join(', ')})`;
}

/** Whether it depends on the server how long one of these remembers an insert. */
export function rememberByDefault(rows: readonly TableRow[]): boolean {
  return rows.some((row) => isReplicated(row) && settingOf(row, REPLICATED_SECONDS) === null);
}

export function selectReplicatedSeconds(): string {
  return `SELECT value FROM system.replicated_merge_tree_settings WHERE name = ${quoteString(REPLICATED_SECONDS)}`;
}

export function selectTables(tables: readonly FullName[]): string {
  const list = (part: 0 | 1): string => tables.map((table) => quoteString(table[part])).join(', ');
  const pairs = tables.map(([database, name]) => `(${quoteString(database)}, ${quoteString(name)})`).join(', ');
  // The first two conditions spare ClickHouse a look at every table that it has.
  return (
    `SELECT ${TABLE_COLUMNS} FROM system.tables ` +
    `WHERE database IN (${list(0)}) AND name IN (${list(1)}) AND (database, name) IN (${pairs})`
  );
}

const NAME = '(`(?:[^`\\\\]|\\\\.)*`|\\w+)';
const TO = new RegExp(`^CREATE MATERIALIZED VIEW ${NAME}(?:\\.${NAME})? (?:UUID '[^']*' )?(?:TO ${NAME}\\.${NAME})?`);
const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** The table that a materialized view writes to: the one that it names, or one of its own. Null for what is no such view. */
export function targetOf({ database, name, uuid, engine, statement }: TableRow): FullName | null {
  if (engine !== 'MaterializedView') return null;
  const [, , , toDatabase, toName] = TO.exec(statement) ?? [];
  if (toDatabase !== undefined && toName !== undefined) return [unquoted(toDatabase), unquoted(toName)];
  // It runs at times of its own, and takes no part in an insert.
  if (/^CREATE MATERIALIZED VIEW [^(]* REFRESH /.test(statement)) return null;
  return [database, uuid === NO_UUID ? `.inner.${name}` : `.inner_id.${uuid}`];
}

function unquoted(name: string): string {
  return name.startsWith('`') ? name.slice(1, -1).replace(/\\(.)/g, '$1') : name;
}

/** Functions whose answer is another one each time. */
const CHANGING =
  /\b(rand\w*|generate\w*|now\w*|today|yesterday|UTCTimestamp|hostName|FQDN|serverUUID|rowNumber\w*)\s*\(/i;

/**
 * Why a token may not be given: each shard recognises a block by its number, so that the rows of a block have to come to the
 * same shard each time. Null where they do, and for any table that is not Distributed.
 */
export function unrepeatable({ engine, statement }: TableRow): string | null {
  if (engine !== 'Distributed') return null;
  const clause = / ENGINE = Distributed\((.*)\)/s.exec(statement)?.[1] ?? '';
  const changing = CHANGING.exec(clause.replace(/'(?:[^'\\]|\\.)*'/gs, ''))?.[1];
  if (changing !== undefined) return `it shares out its rows by ${changing}(), anew with each load`;
  return says(statement) && isByAttempt(clause)
    ? `it shares out its rows by ${LOADED_AT.name}, which is another one in each attempt`
    : null;
}

/**
 * What a repeated load would do wrong with a table and the views behind it: sentences for people, or none. What other engines
 * than the MergeTree family do with a token depends on the tables behind them, and nothing is said of it.
 */
export function repetitionWarnings(table: FullName, rows: readonly TableRow[], server: Server): readonly string[] {
  const byName = new Map(rows.map((row) => [keyOf([row.database, row.name]), row]));
  const own = byName.get(keyOf(table));
  const writers = new Map<string, string[]>();
  for (const row of rows) {
    const target = targetOf(row);
    if (target === null) continue;
    writers.set(keyOf(target), [...(writers.get(keyOf(target)) ?? []), `${row.database}.${row.name}`]);
  }
  const warnings = own === undefined ? [] : forgetting(own, server, null);
  if (own !== undefined && says(own.statement)) warnings.push(...rows.flatMap(parting));
  for (const [key, views] of writers) {
    const target = byName.get(key);
    if (target === undefined) continue;
    warnings.push(...forgetting(target, server, views), ...confusing(target, server, views));
  }
  return warnings;
}

/**
 * Whether the rows of a table, or of one that a view fills, go to more than one place by their values. A block may go to 100 at
 * most, and to each as a part of its own, so that larger blocks gain little there and may be refused. A statement that only
 * mentions a partition counts too.
 */
export function isDivided({ engine, statement }: TableRow): boolean {
  return engine === 'Distributed' || /\bPARTITION BY\b/.test(statement);
}

function keyOf([database, name]: FullName): string {
  return `${database}\0${name}`;
}

/** A table that forgets an insert, at once or before a supervisor may repeat it. */
function forgetting(table: TableRow, server: Server, views: readonly string[] | null): string[] {
  if (!table.engine.endsWith('MergeTree')) return [];
  const [shown, writable] = namesOf(table);
  const what = views === null ? `table ${shown}` : `table ${shown}, which view ${views.join(' and ')} fills,`;
  const change = (setting: string): string => `ALTER TABLE ${writable} MODIFY SETTING ${setting} changes that`;
  if (isReplicated(table)) {
    const seconds = settingOf(table, REPLICATED_SECONDS) ?? server.replicatedSeconds;
    if (seconds === null || seconds >= REMEMBERED_SECONDS) return [];
    return [
      `${what} remembers an insert for ${seconds} seconds, and a load that is repeated later doubles its rows; ` +
        change(`replicated_deduplication_window_seconds = ${REMEMBERED_SECONDS}`),
    ];
  }
  if (hasWindow(table)) return [];
  return [
    `${what} remembers no insert, so a load that is repeated after a crash doubles its rows; ` +
      change('non_replicated_deduplication_window = 10000'),
  ];
}

/** Whether its rows say which load they are of. */
function says(statement: string): boolean {
  return statement.includes(quoteIdentifier(LOAD_ID.name));
}

/** A block is known by its number within a partition: in another one it is another block. */
function parting(table: TableRow): string[] {
  if (!table.engine.endsWith('MergeTree')) return [];
  const key = / ENGINE = .*? PARTITION BY (.*?) (?:PRIMARY KEY|ORDER BY) /s.exec(table.statement)?.[1] ?? '';
  if (!isByAttempt(key)) return [];
  return [
    `the partitions of table ${namesOf(table)[0]} are by ${LOADED_AT.name}, which is another one in each attempt, so a load that is ` +
      'repeated in the next one doubles its rows; have them by a column of the files',
  ];
}

/** Before 24.8 the token of a block is the same for every view. */
function confusing(table: TableRow, { version }: Server, views: readonly string[]): string[] {
  if (views.length < 2 || version === null || isSince(version, 24, 8)) return [];
  if (!table.engine.endsWith('MergeTree') || !(isReplicated(table) || hasWindow(table))) return [];
  return [
    `views ${views.join(' and ')} fill one table, ${namesOf(table)[0]}, and ClickHouse before 24.8 takes the rows of one for a ` +
      'repetition of those of the other: rows are lost there; upgrade ClickHouse, or give each view a table of its own',
  ];
}

function isReplicated({ engine }: TableRow): boolean {
  return /^(Replicated|Shared)/.test(engine);
}

function hasWindow(table: TableRow): boolean {
  return (settingOf(table, 'non_replicated_deduplication_window') ?? 0) > 0;
}

function settingOf({ statement }: TableRow, name: string): number | null {
  const value = new RegExp(`\\b${name}\\s*=\\s*(\\d+)`).exec(statement)?.[1];
  return value === undefined ? null : Number(value);
}

/** For a sentence, and for a statement. */
function namesOf({ database, name }: TableRow): readonly [shown: string, quoted: string] {
  const plain = /^\w+$/.test(database) && /^\w+$/.test(name);
  return [
    `${database}.${name}`,
    plain ? `${database}.${name}` : `${quoteIdentifier(database)}.${quoteIdentifier(name)}`,
  ];
}
