/** The ledger's table and its view: their columns, how they are made, and how those of an older version become the present ones. */
import type { Load } from './load.js';

export interface LedgerTable {
  readonly database: string;
  readonly name: string;
  readonly retentionDays: number;
  /** Null for a table of one server. */
  readonly onCluster: string | null;
  readonly isReplicated: boolean;
}

/** Rises with each change of the columns or of the view; it stands in the table's comment. */
export const SCHEMA_VERSION = 2;

const MOMENT = "DateTime64(3, 'UTC')";

/** In their order. One that is added later has its default in the rows from before. */
const COLUMNS: readonly (readonly [name: string, type: string])[] = [
  ['load_id', 'UUID'],
  ['generation', 'UInt32'],
  ['token', 'String'],
  ['status', 'LowCardinality(String)'],
  ['attempt', 'UInt32'],
  ['tenant', 'LowCardinality(String)'],
  ['table', 'LowCardinality(String)'],
  ['path', 'String'],
  ['topic', 'LowCardinality(String)'],
  ['partition', 'UInt32'],
  ['offset', 'UInt64'],
  ['index', 'UInt32'],
  ['lane', 'LowCardinality(String)'],
  ['announced_at', `Nullable(${MOMENT})`],
  ['taken_at', MOMENT],
  ['started_at', `Nullable(${MOMENT})`],
  ['finished_at', MOMENT],
  ['result', 'LowCardinality(String)'],
  ['disposition', 'LowCardinality(String)'],
  ['rows', 'Nullable(UInt64)'],
  ['bytes', 'Nullable(UInt64)'],
  ['exit_code', 'Nullable(Int32)'],
  ['signal', 'LowCardinality(String)'],
  ['reason', 'String'],
  ['instance', 'LowCardinality(String)'],
  ['version', 'LowCardinality(String)'],
  // Since schema 2.
  ['stderr', 'String'],
  ['size', 'Nullable(UInt64)'],
  ['modified_at', `Nullable(${MOMENT})`],
  ['cpu_seconds', 'Nullable(Float64)'],
  ['peak_memory', 'Nullable(UInt64)'],
  ['query_id', 'String'],
  ['loader', 'LowCardinality(String)'],
];

/** A row as ClickHouse takes and gives it, as JSON. */
export type LedgerRow = Readonly<Record<string, string | number | null>>;

export function viewOf({ name }: Pick<LedgerTable, 'name'>): string {
  return `${name}_current`;
}

export function quoted(...names: readonly string[]): string {
  return names.map((name) => `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``).join('.');
}

/** What stands there already. */
export interface Standing {
  readonly columns: readonly string[];
  readonly comment: string;
  readonly createQuery: string;
  readonly hasView: boolean;
}

/** Of `database` and `name`: one row where there is such a table. */
export const STANDING_QUERY =
  'SELECT comment, create_table_query AS createQuery, ' +
  '(SELECT groupArray(name) FROM system.columns WHERE database = {database:String} AND table = {table:String}) AS columns, ' +
  '(SELECT count() FROM system.tables WHERE database = {database:String} AND name = {view:String}) AS views ' +
  'FROM system.tables WHERE database = {database:String} AND name = {table:String}';

/** Its columns, where the table stands there. */
export const COLUMNS_QUERY =
  'SELECT name FROM system.columns WHERE database = {database:String} AND table = {table:String}';

/**
 * The statements that make the table and its view what they are to be; none where they are.
 *
 * @throws Error where something else stands there
 */
export function statementsFor(table: LedgerTable, standing: Standing | null): string[] {
  if (standing === null) return [createTable(table), createView(table)];
  const { database, name, retentionDays } = table;
  if (!['load_id', 'finished_at', 'status'].every((column) => standing.columns.includes(column))) {
    throw new Error(`${database}.${name} is no ledger: it has other columns; name another table (ledger.table)`);
  }
  const version = versionIn(standing.comment);
  const missing = COLUMNS.filter(([column]) => !standing.columns.includes(column));
  const alter = `ALTER TABLE ${quoted(database, name)}${clusterClause(table)}`;
  const statements: string[] = [];
  if (missing.length > 0) {
    const added = missing.map(([column, type]) => `ADD COLUMN IF NOT EXISTS ${quoted(column)} ${type}`);
    statements.push(`${alter} ${added.join(', ')}`);
  }
  if (!standing.createQuery.includes(`toIntervalDay(${retentionDays})`)) {
    statements.push(
      `${alter} MODIFY TTL ${ttl('finished_at', retentionDays)} SETTINGS materialize_ttl_after_modify = 0`,
    );
  }
  // What a newer version made is left as it is: its columns and its view have all that this one's have.
  if (version < SCHEMA_VERSION || !standing.hasView) statements.push(createView(table));
  if (version < SCHEMA_VERSION) statements.push(`${alter} MODIFY COMMENT '${comment()}'`);
  return statements;
}

function createTable(table: LedgerTable): string {
  const { database, name, retentionDays, isReplicated } = table;
  const columns = COLUMNS.map(([column, type]) => `${quoted(column)} ${type}`);
  // Rows are asked for by time; one file's are found by the index of their granules.
  return [
    `CREATE TABLE IF NOT EXISTS ${quoted(database, name)}${clusterClause(table)} (${columns.join(', ')}`,
    ', INDEX load_id load_id TYPE bloom_filter(0.01) GRANULARITY 1)',
    `ENGINE = ${isReplicated ? 'ReplicatedMergeTree' : 'MergeTree'}`,
    `PARTITION BY toYYYYMM(finished_at) ORDER BY (finished_at, load_id) TTL ${ttl('finished_at', retentionDays)}`,
    `SETTINGS ${isReplicated ? '' : 'non_replicated_deduplication_window = 10000, '}ttl_only_drop_parts = 1`,
    `COMMENT '${comment()}'`,
  ].join(' ');
}

/** Each file once, as its latest row has it. An attempt that another instance's counts for is no state of the file. */
function createView(table: LedgerTable): string {
  const { database, name } = table;
  return [
    `CREATE OR REPLACE VIEW ${quoted(database, viewOf(table))}${clusterClause(table)} AS`,
    `SELECT * FROM ${quoted(database, name)} WHERE status != 'superseded' ${NEWEST_FIRST} LIMIT 1 BY load_id`,
  ].join(' ');
}

/** Of rows of the same moment the one that ends the matter. */
export const NEWEST_FIRST = "ORDER BY finished_at DESC, status = 'failed'";

export function ttl(column: string, days: number): string {
  return `toDateTime(${column}) + toIntervalDay(${days})`;
}

export function clusterClause({ onCluster }: LedgerTable): string {
  return onCluster === null ? '' : ` ON CLUSTER '${onCluster.replaceAll("'", "\\'")}'`;
}

function comment(): string {
  return `The ledger of atd-ingestion, schema ${SCHEMA_VERSION}`;
}

function versionIn(text: string): number {
  return Number(/schema (\d+)$/.exec(text)?.[1] ?? 0);
}

export function toRow(load: Load): LedgerRow {
  return {
    load_id: load.loadId,
    generation: load.generation,
    token: load.token,
    status: load.status,
    attempt: load.attempt,
    tenant: load.tenant ?? '',
    table: load.table,
    path: load.path,
    topic: load.topic,
    partition: load.partition,
    offset: load.offset,
    index: load.index,
    lane: load.lane,
    announced_at: moment(load.announcedAt),
    taken_at: moment(load.takenAt),
    started_at: moment(load.startedAt),
    finished_at: moment(load.finishedAt),
    result: load.result ?? '',
    disposition: load.disposition ?? '',
    rows: load.rows,
    bytes: load.bytes,
    exit_code: load.exitCode,
    signal: load.signal ?? '',
    reason: load.reason,
    instance: load.instance,
    version: load.version,
    stderr: load.stderr,
    size: load.size,
    modified_at: moment(load.modifiedAt),
    cpu_seconds: load.cpuMs === null ? null : load.cpuMs / 1_000,
    peak_memory: load.peakMemory,
    query_id: load.queryId ?? '',
    loader: load.loader,
  };
}

/** Seconds since the epoch, whatever the time zone of the server. */
export function moment(ms: number | null): string | null {
  return ms === null ? null : (ms / 1_000).toFixed(3);
}

/**
 * What `toLoad` reads: times in milliseconds, for a number says them without a zone.
 *
 * @param standing the columns of a table that an older version has made, and nobody has written to since; null for all
 */
export function selected(standing: ReadonlySet<string> | null): string {
  return COLUMNS.filter(([name]) => standing === null || standing.has(name))
    .map(([name, type]) =>
      type.includes(MOMENT) ? `toUnixTimestamp64Milli(${quoted(name)}) AS ${quoted(`${name}_ms`)}` : quoted(name),
    )
    .join(', ');
}

export function toLoad(row: LedgerRow): Load {
  const text = (name: string) => String(row[name] ?? '');
  const orNull = (name: string) => text(name) || null;
  const number = (name: string) => Number(row[name] ?? 0);
  const numberOrNull = (name: string) => (row[name] === null || row[name] === undefined ? null : Number(row[name]));
  const cpuSeconds = numberOrNull('cpu_seconds');
  return {
    loadId: text('load_id'),
    token: text('token'),
    generation: number('generation'),
    status: text('status') as Load['status'],
    attempt: number('attempt'),
    tenant: orNull('tenant'),
    table: text('table'),
    path: text('path'),
    topic: text('topic'),
    partition: number('partition'),
    offset: number('offset'),
    index: number('index'),
    lane: text('lane') as Load['lane'],
    announcedAt: numberOrNull('announced_at_ms'),
    takenAt: number('taken_at_ms'),
    startedAt: numberOrNull('started_at_ms'),
    finishedAt: number('finished_at_ms'),
    result: orNull('result') as Load['result'],
    disposition: orNull('disposition') as Load['disposition'],
    rows: numberOrNull('rows'),
    bytes: numberOrNull('bytes'),
    exitCode: numberOrNull('exit_code'),
    signal: orNull('signal'),
    reason: text('reason'),
    stderr: text('stderr'),
    size: numberOrNull('size'),
    modifiedAt: numberOrNull('modified_at_ms'),
    cpuMs: cpuSeconds === null ? null : Math.round(cpuSeconds * 1_000),
    peakMemory: numberOrNull('peak_memory'),
    queryId: orNull('query_id'),
    instance: text('instance'),
    version: text('version'),
    loader: text('loader'),
  };
}
