/** Statements about a table and what its own statement tells of it. */

import type { TableName } from '../options/options.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { onClusterClause, quoteTable } from './sql.js';

/** SYNC: the data is gone when the statement is answered, and the name is free for another table. */
export function dropTable(table: TableName, onCluster: string | null): string {
  return `DROP TABLE ${quoteTable(table)}${onClusterClause(onCluster)} SYNC`;
}

export interface TableInfo {
  readonly name: string;
  readonly engine: string;
  /** Null where the engine does not know them, as that of a view. */
  readonly rows: number | null;
  readonly bytes: number | null;
}

/** One row of TableInfo for each table of the database that is `name`, or begins with `prefix` and an underscore. */
export function listTables(which: { readonly name: string } | { readonly prefix: string }): string {
  const condition =
    'name' in which ? `name = ${quoteString(which.name)}` : `startsWith(name, ${quoteString(`${which.prefix}_`)})`;
  return (
    'SELECT name, engine, total_rows AS rows, total_bytes AS bytes FROM system.tables ' +
    `WHERE database = currentDatabase() AND ${condition} ORDER BY name`
  );
}

export function selectRows(table: TableName, limit: number): string {
  return `SELECT * FROM ${quoteTable(table)} LIMIT ${limit}`;
}

export function countRows(table: TableName): string {
  return `SELECT count() AS ${quoteIdentifier('rows')} FROM ${quoteTable(table)}`;
}
