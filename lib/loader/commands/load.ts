/** What every step of one load knows, and how it says what failed. */
import { ExitCode } from '../../errors.js';
import type { ClickHouse } from '../clickhouse/client.js';
import type { Column } from '../clickhouse/columns.js';
import { isUnknownDatabase, LoadError, oneLine, type Stage, serverFailure } from '../failures.js';
import type { Contents } from '../file/contents.js';
import type { Format } from '../file/formats.js';
import type { RecordsRequest } from '../options/records-options.js';
import { isShaped } from '../options/table-options.js';
import type { ProgressBar } from './progress.js';

export interface Load {
  readonly request: RecordsRequest;
  readonly contents: Contents;
  readonly format: Format;
  readonly clickhouse: ClickHouse;
  /** Of the schema file. */
  readonly schema: readonly Column[] | null;
  readonly bar: ProgressBar | null;
}

export function tableText({ table: { database, table }, connection }: RecordsRequest): string {
  return `${database ?? connection.database}.${table}`;
}

const NAMES_LISTED = 10;

export function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, NAMES_LISTED)
    .map((name) => `'${oneLine(name)}'`)
    .join(', ');
  return names.length > NAMES_LISTED ? `${shown} and ${names.length - NAMES_LISTED} more` : shown;
}

export function clash({ request }: Load, [first, second]: readonly [string, string], target: string): LoadError {
  return dataError(request, `its columns '${first}' and '${second}' both become '${target}'`, 'rename one of them');
}

export function dataError({ file }: RecordsRequest, why: string, remedy: string): LoadError {
  return new LoadError(ExitCode.dataError, `cannot load ${file}: ${why}; ${remedy}`);
}

export function clickhouseFailure(
  error: unknown,
  stage: Stage,
  what: string,
  { connection, table, schemaFile, making }: RecordsRequest,
): LoadError {
  const failure = serverFailure(error, stage, what, connection);
  // A database that is not the connection's own belongs to the table, and so do types that the schema file names, and options.
  const isOfTable =
    (isUnknownDatabase(error) && table.database !== null) ||
    (stage === 'create-table' && failure.scope === 'file' && (schemaFile !== null || isShaped(making)));
  return isOfTable ? new LoadError(failure.exitCode, failure.message, { cause: error, scope: 'table' }) : failure;
}
