/** Sends the file to ClickHouse: into the table, or beforehand to where it is read with every check and thrown away. */
import { ExitCode } from '../../errors.js';
import { type Column, type LoadedColumn, matchColumns, type TableColumn } from '../clickhouse/columns.js';
import { UnknownField } from '../clickhouse/conversions.js';
import { type FilledColumn, insertRecords } from '../clickhouse/insert-statement.js';
import { quoteIdentifier } from '../clickhouse/quoting.js';
import * as sql from '../clickhouse/sql.js';
import { explain } from '../failures.js';
import { type BadValue, badData, badValue, UNKNOWN_COLUMN } from './bad-data.js';
import { clash, clickhouseFailure, dataError, type Load, listed, tableText } from './load.js';
import { filledColumns, RESERVED_NAMES, refuseReserved } from './provenance.js';
import type { TableToMake } from './target-table.js';

/** How many bytes of text those of a compressed or typed file may stand for. */
const PACKED = 8;

const ADD_OR_SKIP = 'add the columns or give --skip-unknown';

/** How the file is read. */
export interface Reading {
  /** Of the settings that not every ClickHouse knows those that this one does. */
  readonly known: sql.Settings;
  /** Rows of a block. */
  readonly batchSize: number;
}

export interface Inserting extends Reading {
  /** Settings that make the insert repeatable and durable, where it is to be. */
  readonly promises: sql.Settings;
}

/**
 * @returns the rows that were loaded
 * @throws LoadError
 */
export async function insertFile(
  load: Load,
  found: readonly Column[],
  table: readonly TableColumn[],
  inserting: Inserting,
): Promise<number> {
  return await send(load, sql.quoteTable(load.request.table), found, table, inserting);
}

/** Reads the whole file as the insert into that table would, and keeps nothing. @throws LoadError where that would fail */
export async function tryFile(
  load: Load,
  found: readonly Column[],
  { columns }: TableToMake,
  reading: Reading,
): Promise<void> {
  await send(load, `FUNCTION ${sql.nullTable(columns)}`, found, columns, { ...reading, promises: {} });
}

async function send(
  load: Load,
  into: string,
  found: readonly Column[],
  table: readonly TableColumn[],
  inserting: Inserting,
): Promise<number> {
  const { request, contents, format, clickhouse, bar } = load;
  const isMade = !into.startsWith('FUNCTION ');
  const name = tableText(request);
  const filled = isMade ? filledColumns(request, table) : [];
  const ofTable = request.loadId === null ? new Set<string>() : RESERVED_NAMES;
  const reserved = isMade ? new Set(filled.map(({ target }) => target)) : ofTable;
  const columns = matched(load, found, table, reserved);
  const statement = insertStatement(load, into, columns, filled);
  try {
    return await clickhouse.insert(
      statement,
      contents.stream(),
      sql.insertSettings({
        format,
        columns,
        skipUnknown: request.skipUnknown,
        nullAsDefault: request.nullAsDefault,
        statementBytes: Buffer.byteLength(statement),
        ...inserting,
      }),
      { encoding: contents.compression, onProgress: bar === null ? null : (progress) => bar.update(progress) },
    );
  } catch (error) {
    const value = error instanceof Error ? badValue(error.message, columns, format) : null;
    if (value !== null) throw dataError(request, `${value.place} (table ${name})`, remedyFor(load, value, isMade));
    const place = error instanceof Error ? badData(error.message, columns, format.byPosition) : null;
    if (place !== null && (explain(error, 'insert').exitCode === ExitCode.dataError || isOfTypes(error))) {
      const remedy = place.includes(UNKNOWN_COLUMN) ? ADD_OR_SKIP : 'mend the file or the table';
      throw dataError(request, `${place} (table ${name})`, remedy);
    }
    throw clickhouseFailure(error, 'insert', `cannot load ${request.file} into ${name}`, request);
  }
}

/** There is no way from the type of the file's column to that of the table's, which no other try changes. */
function isOfTypes(error: unknown): boolean {
  return error instanceof Error && /^Conversion .*not supported/.test(error.message);
}

/** With the statement that has the table take such values, or how the table is to be made for them. */
function remedyFor({ request, schema }: Load, { remedy, wider }: BadValue, isMade: boolean): string {
  if (wider === null) return remedy;
  const { column, type } = wider;
  const change = isMade
    ? `ALTER TABLE ${sql.quoteTable(request.table)} MODIFY COLUMN ${quoteIdentifier(column)} ${type} (unless it is a sorting key)`
    : `${schema === null ? 'give a --schema-file with' : 'write into the schema file'} ${JSON.stringify({ [column]: type })}`;
  return `${remedy}, or have the table take such values: ${change}`;
}

/** @throws LoadError where the columns of the file are not those of the table. */
function matched(
  load: Load,
  found: readonly Column[],
  table: readonly TableColumn[],
  reserved: ReadonlySet<string>,
): readonly LoadedColumn[] {
  const { request, format, schema } = load;
  const matching = matchColumns(found, table, {
    skipUnknown: request.skipUnknown,
    format: format.name,
    typed: format.typed,
    open: format.name === 'jsonl',
    byPosition: format.byPosition,
    alsoNamed: schema?.map((column) => column.name) ?? [],
    reserved,
  });
  if (matching.kind === 'columns') return matching.columns;
  if (matching.kind === 'reserved') throw refuseReserved(request, matching.name);
  if (matching.kind === 'clash') throw clash(load, matching.names, matching.target);
  if (matching.kind === 'none')
    throw dataError(request, `it has no column of table ${tableText(request)}`, 'check --table-name');
  throw dataError(request, `table ${tableText(request)} has no column for ${listed(matching.names)}`, ADD_OR_SKIP);
}

function insertStatement(
  load: Load,
  into: string,
  columns: readonly LoadedColumn[],
  filled: readonly FilledColumn[],
): string {
  const { request, format, contents } = load;
  const isPacked = contents.compression !== null || format.typed;
  const bytes = contents.file.bytes * (isPacked ? PACKED : 1);
  const { allowRounding: rounding, nullAsDefault, skipUnknown } = request;
  try {
    return insertRecords(into, columns, format, { rounding, nullAsDefault, skipUnknown }, bytes, filled);
  } catch (error) {
    if (!(error instanceof UnknownField)) throw error;
    const why = `table ${tableText(request)} has no field for ${listed([error.field])} in column ${listed([error.column])}`;
    throw dataError(request, why, 'add the field or give --skip-unknown');
  }
}
