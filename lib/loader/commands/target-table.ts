/** The table of a load: what it has, and how it is made. */
import { ExitCode } from '../../errors.js';
import { type Column, type TableColumn, tableColumns } from '../clickhouse/columns.js';
import * as sql from '../clickhouse/sql.js';
import { LoadError, type Stage } from '../failures.js';
import { clash, clickhouseFailure, type Load, tableText } from './load.js';

export interface Described {
  /** Null if there is no such table. */
  readonly columns: readonly TableColumn[] | null;
  /** Whether ClickHouse can cut every format into blocks of exactly so many rows; 26.4 and newer can. */
  readonly exactBlocks: boolean;
}

/**
 * Asks for exact blocks already here, where they mean nothing: a ClickHouse that does not know the setting says so
 * before any data is under way, and one that does costs no further request.
 */
export async function describeTable(
  { request, clickhouse }: Pick<Load, 'request' | 'clickhouse'>,
  mayBeMissing: boolean,
  stage: Stage = 'describe-table',
): Promise<Described> {
  const statement = sql.describeTable(request.table);
  const columns = async (settings: sql.Settings): Promise<readonly TableColumn[] | null> => {
    try {
      return await clickhouse.columns(statement, { ...sql.describeSettings(statement.length), ...settings });
    } catch (error) {
      if (mayBeMissing && codeOf(error) === '60') return null;
      throw error;
    }
  };
  try {
    return { columns: await columns(sql.EXACT_BLOCKS), exactBlocks: true };
  } catch (error) {
    const fail = (cause: unknown): LoadError =>
      clickhouseFailure(cause, stage, `cannot read table ${tableText(request)}`, request);
    if (codeOf(error) !== '115') throw fail(error);
    return { columns: await columns({}).catch((again: unknown) => Promise.reject(fail(again))), exactBlocks: false };
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
