/** What each row says of the load that it is of, in tables that have columns for it. */
import { ExitCode } from '../../errors.js';
import { LOAD_ID, PROVENANCE, type ProvenanceColumn } from '../../util/table-shape.js';
import type { TableColumn } from '../clickhouse/columns.js';
import type { FilledColumn } from '../clickhouse/insert-statement.js';
import { quoteString } from '../clickhouse/quoting.js';
import { LoadError, oneLine } from '../failures.js';
import type { RecordsRequest } from '../options/records-options.js';
import { dataError } from './load.js';

/**
 * The columns of a table that are filled beside those of the file. One without `_load_id`, or with another kind of it, says nothing of
 * loads: what it has under the other names is its own.
 */
export function filledColumns(
  { file, loadId }: Pick<RecordsRequest, 'file' | 'loadId'>,
  table: readonly TableColumn[],
): readonly FilledColumn[] {
  if (loadId === null) return [];
  const has = ({ name, fits }: ProvenanceColumn): boolean =>
    table.some((column) => column.name === name && isFilled(column) && fits.test(column.type));
  if (!has(LOAD_ID)) return [];
  // The time is the server's, at which the attempt began. It differs from attempt to attempt, which a token passes over: under a token
  // ClickHouse knows a block, also one for a view, by the token and the number of the block, and does not look at its rows.
  const expressions: Readonly<Record<string, string>> = {
    _load_id: quoteString(loadId),
    _file: quoteString(file),
    _loaded_at: 'now64(3)',
  };
  return PROVENANCE.filter(has).map(({ name }) => ({ target: name, expression: expressions[name] as string }));
}

function isFilled({ kind }: TableColumn): boolean {
  return kind === '' || kind === 'DEFAULT';
}

/** Of a table that is to be made. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(PROVENANCE.map(({ name }) => name));

/** Beside a sentence that names the column. */
export const RESERVED_REMEDY = 'rename it, or load it without a load id (ingest.provenance, --load-id)';

export function reservedName(name: string): string {
  return `'${oneLine(name)}' is where the table says which load a row is of, and a file may not say that`;
}

export function refuseReserved(request: RecordsRequest, name: string): LoadError {
  return dataError(request, `its column ${reservedName(name)}`, RESERVED_REMEDY);
}

/** Whoever gave the schema file gives it for every file. */
export function reservedInSchema(table: string, name: string): LoadError {
  const why = `column '${oneLine(name)}' of the schema file is one that the table gets beside those of files`;
  return new LoadError(ExitCode.configuration, `cannot create table ${table}: ${why}; rename it there`, {
    scope: 'table',
  });
}
