/** The table of a load: what it has, and how it is made. */
import { ExitCode } from '../../errors.js';
import { type Column, type TableColumn, tableColumns } from '../clickhouse/columns.js';
import * as sql from '../clickhouse/sql.js';
import { LoadError, type Stage } from '../failures.js';
import { clash, clickhouseFailure, type Load, tableText } from './load.js';
import { refuseReserved, reservedInSchema } from './provenance.js';

export interface Described {
  /** Null if there is no such table. */
  readonly columns: readonly TableColumn[] | null;
  /** Those of the settings that not every ClickHouse knows which this one does. */
  readonly known: sql.Settings;
}

/**
 * Gives the settings that not every ClickHouse knows already here, where they mean nothing: one that does not know them says so
 * before any data is under way, and one that does costs no further request.
 */
export async function describeTable(
  load: Pick<Load, 'request' | 'clickhouse'>,
  mayBeMissing: boolean,
  stage: Stage = 'describe-table',
): Promise<Described> {
  const { request } = load;
  try {
    return await describe(load, mayBeMissing, sql.NEWER_SETTINGS);
  } catch (error) {
    throw clickhouseFailure(error, stage, `cannot read table ${tableText(request)}`, request);
  }
}

async function describe(
  load: Pick<Load, 'request' | 'clickhouse'>,
  mayBeMissing: boolean,
  [known = {}, ...older]: readonly sql.Settings[],
): Promise<Described> {
  const statement = sql.describeTable(load.request.table);
  const settings = { ...sql.describeSettings(statement.length), ...known };
  try {
    return { columns: await load.clickhouse.columns(statement, settings), known };
  } catch (error) {
    if (mayBeMissing && codeOf(error) === '60') return { columns: null, known };
    if (codeOf(error) === '115' && older.length > 0) return await describe(load, mayBeMissing, older);
    throw error;
  }
}

export interface TableToMake {
  /** With the types as ClickHouse writes them. */
  readonly columns: readonly TableColumn[];
  readonly statement: string;
}

/** The table that a file or a schema file asks for. @throws LoadError where there can be none */
export async function tableToMake(load: Load, columns: readonly Column[]): Promise<TableToMake> {
  const { request, schema, clickhouse } = load;
  const made = tableColumns(columns);
  if ('kind' in made) throw clash(load, made.names, made.target);
  const create = sql.createTableStatement(request.table, made, request.ttlHours, request.making);
  if (create.kind === 'no-time-column') {
    throw new LoadError(
      ExitCode.usage,
      `cannot create table ${tableText(request)}: --ttl-hours needs a date or time column MsgHeader_MessageTime, ` +
        `which ${schema === null ? 'the file' : 'the schema file'} does not have; leave out --ttl-hours`,
    );
  }
  if (create.kind === 'reserved') {
    throw schema === null ? refuseReserved(request, create.name) : reservedInSchema(tableText(request), create.name);
  }
  const statement = sql.describeNullTable(made);
  try {
    const described = await clickhouse.inspect(statement, sql.describeSettings(statement.length));
    return { columns: described.map(({ name, type }) => ({ name, type, kind: '' })), statement: create.sql };
  } catch (error) {
    throw cannotCreate(load, error);
  }
}

/**
 * Creates the table if nobody else does meanwhile, and returns the columns that it then has: a table that exists is left
 * as it is, and of several loads that create it at once one does and the others take what it made.
 */
export async function createTable(load: Load, { statement }: TableToMake): Promise<readonly TableColumn[]> {
  try {
    await load.clickhouse.execute(statement, sql.sizeSettings(Buffer.byteLength(statement)));
  } catch (error) {
    throw cannotCreate(load, error);
  }
  return (await describeTable(load, false, 'describe-created')).columns ?? [];
}

function cannotCreate({ request }: Load, error: unknown): LoadError {
  return clickhouseFailure(error, 'create-table', `cannot create table ${tableText(request)}`, request);
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
