/** The command line of `ingest view`, as a value. */
import { CONNECTION_OPTIONS, type Connection, type ReadText, readConnection } from './connection-options.js';
import type { TableName } from './options.js';
import * as options from './options.js';

export const VIEW_OPTIONS: readonly options.OptionSpec[] = [
  { name: 'table-name', value: 'T', help: 'the table, or database.table (required)' },
  { name: 'limit', value: 'N', help: 'rows to show (20)' },
  ...CONNECTION_OPTIONS,
  { name: 'json', value: null, help: 'show the rows as lines of JSON (ATD_OUTPUT=json)' },
  ...options.COMMON_OPTIONS,
];

export interface ViewRequest {
  readonly table: TableName;
  readonly limit: number;
  readonly json: boolean;
  readonly connection: Connection;
}

export function parseViewArguments(
  args: readonly string[],
  env: options.Environment,
  readText: ReadText,
): options.Parsed<ViewRequest> {
  return options.parse(args, VIEW_OPTIONS, (given) => ({
    table: options.tableName(options.required(given, 'table-name')),
    limit: options.integer('--limit', given.get('limit') ?? '20', 1, 100_000),
    json: options.wantsJson(given, env),
    connection: readConnection(given, env, readText),
  }));
}
