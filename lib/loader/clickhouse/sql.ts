/**
 * The statements of the loader, and the settings that make an insert repeatable.
 *
 * A deduplication token is recorded per block, as `token + number of the block`. A retry after a partial insert is exact
 * only if the same file is cut into the same blocks in the same order. Hence one thread, no parallel parsing, Parquet row
 * groups in order, and blocks closed by their number of rows alone. ClickHouse 26.7 counts an `INSERT … SELECT` as
 * repeatable when a token is given; without one it would not deduplicate it at all.
 */

import { PROVENANCE } from '../../util/table-shape.js';
import type { Format } from '../file/formats.js';
import type { TableName } from '../options/options.js';
import { PLAIN_TABLE, type TableMaking } from '../options/table-options.js';
import { type Column, type LoadedColumn, sortingKey, TIME_COLUMN } from './columns.js';
import { quoteIdentifier, quoteString } from './quoting.js';
import { checkSample } from './sample-types.js';
import { isDateOrTime, isNullable } from './type-tree.js';

/**
 * How many recent blocks a MergeTree table remembers for deduplication. A file is at most some dozens of blocks, and a
 * supervisor may load thousands of files before it forgets one; 10,000 entries are a small log file on the server.
 */
const DEDUPLICATION_WINDOW = 10_000;
/** A week: a supervisor repeats a load when ClickHouse or itself is back. Replicated tables forget after an hour by themselves. */
export const REMEMBERED_SECONDS = 604_800;

/** For the engine that is asked for, and for the one that a cluster or a cloud takes instead. */
const REMEMBERING = [
  `non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`,
  `replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`,
  `replicated_deduplication_window_seconds = ${REMEMBERED_SECONDS}`,
];

/** Of a table whose parts are on disk, and so are their names, before an insert is answered. */
export const DURABLE_SETTINGS = ['fsync_after_insert = 1', 'fsync_part_directory = 1'] as const;

export type Settings = Readonly<Record<string, string | number>>;

export function quoteTable({ database, table }: TableName): string {
  return database === null ? quoteIdentifier(table) : `${quoteIdentifier(database)}.${quoteIdentifier(table)}`;
}

export function describeTable(table: TableName): string {
  return `DESCRIBE TABLE ${quoteTable(table)}`;
}

/** A table that forgets what is inserted into it. */
export function nullTable(columns: readonly Column[]): string {
  return `null(${quoteString(structureOf(columns))})`;
}

export function describeNullTable(columns: readonly Column[]): string {
  return `DESCRIBE TABLE ${nullTable(columns)}`;
}

function structureOf(columns: readonly Column[]): string {
  return columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ');
}

/**
 * Asks ClickHouse which columns `sample` has. The sample is part of the statement: of a text file its first records, of a
 * binary file what holds its schema. That of an Arrow file is the same as of a stream.
 */
export function describeSample(format: Format, sample: Uint8Array): string {
  return `DESCRIBE TABLE format(${format.name === 'arrow' ? 'ArrowStream' : format.clickhouse}, ${literal(sample)})`;
}

/** The names of a header: it stands for a row too, since ClickHouse describes nothing of which it sees no row. */
export function describeHeader(format: Format, header: Uint8Array): string {
  const line = Buffer.from(header)
    .toString('latin1')
    .replace(/\r?\n$/, '');
  return describeSample(format, Buffer.from(`${line}\n${line}\n`, 'latin1'));
}

/** Reads all of `sample` and answers nothing: for the sake of what ClickHouse says of a row that it cannot read. */
export function readSample(format: Format, sample: Uint8Array, names: readonly string[]): string {
  const structure = names.map((name) => `${quoteIdentifier(name)} String`).join(', ');
  return `SELECT '' AS name, '' AS type FROM format(${format.clickhouse}, ${quoteString(structure)}, ${literal(sample)}) WHERE NOT ignore(*) LIMIT 0`;
}

/**
 * The keys of JSON lines, whatever their values; used where the types are the table's, so that none need agree. By lines, what is
 * no JSON has none; else it is an error, while objects may go over lines, or be in a list.
 */
export function sampleKeys(sample: Uint8Array, by: 'lines' | 'objects'): string {
  const [format, column] = by === 'lines' ? ['LineAsString', 'line'] : ['JSONAsString', 'json'];
  return (
    `SELECT arrayJoin(arrayDistinct(arrayFlatten(groupArray(JSONExtractKeys(${column}))))) AS name, '' AS type ` +
    `FROM format(${format}, ${literal(sample)})`
  );
}

/** Which columns of a text sample need another type than ClickHouse infers: their names, and those types; null if none can. */
export function checkTypes(format: Format, sample: Uint8Array, columns: readonly Column[]): string | null {
  return checkSample(format, literal(sample), columns);
}

/** Leaves out columns of an Arrow file that ClickHouse finds no type for. */
export const WITHOUT_UNSUPPORTED: Settings = {
  input_format_arrow_skip_columns_with_unsupported_types_in_schema_inference: 1,
};

/** A list of values of several types as one of text, where it would be one of Dynamic. */
export const WITHOUT_DYNAMIC: Settings = {
  input_format_json_infer_array_of_dynamic_from_array_of_different_types: 0,
};

/** Binary data as a literal of the statement; base64, because a statement is text. */
function literal(data: Uint8Array): string {
  return `base64Decode('${Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64')}')`;
}

/** The limits of a statement's length and of its parts: the defaults are below what a sample or some thousand columns need. */
export function sizeSettings(statementBytes: number): Settings {
  return {
    max_query_size: Math.max(262_144, statementBytes + 1024),
    max_ast_elements: Math.max(50_000, statementBytes),
    max_expanded_ast_elements: Math.max(500_000, statementBytes * 10),
  };
}

export function describeSettings(statementBytes: number): Settings {
  return { ...sizeSettings(statementBytes), print_pretty_type_names: 0, precise_float_parsing: 1 };
}

export type CreateTable =
  | { readonly kind: 'statement'; readonly sql: string }
  | { readonly kind: 'no-time-column' }
  | { readonly kind: 'reserved'; readonly name: string };

/** Rows without a message time never expire: ClickHouse takes the time 0 as no expiry. */
export function createTableStatement(
  table: TableName,
  columns: readonly Column[],
  ttlHours: number | null,
  { engine, orderBy, partitionBy, onCluster, durable, provenance }: TableMaking = PLAIN_TABLE,
): CreateTable {
  const added = provenance ? PROVENANCE : [];
  const reserved = columns.find(({ name }) => added.some((column) => column.name === name));
  if (reserved !== undefined) return { kind: 'reserved', name: reserved.name };
  const suggested = sortingKey(columns);
  const key = orderBy ?? suggested.map(quoteIdentifier).join(', ');
  const keys = `${key} ${partitionBy ?? ''}`;
  const nullableKey = columns.some(({ name, type }) => isNullable(type) && mentions(keys, name));
  const time = columns.find(({ name }) => name === TIME_COLUMN);
  let ttl = '';
  if (ttlHours !== null) {
    if (!time || !isDateOrTime(time.type)) return { kind: 'no-time-column' };
    const column = quoteIdentifier(TIME_COLUMN);
    const expiry = (value: string): string => `toDateTime(${value}) + toIntervalHour(${ttlHours})`;
    ttl = isNullable(time.type)
      ? ` TTL if(isNull(${column}), toDateTime(0), ${expiry(`assumeNotNull(${column})`)})`
      : ` TTL ${expiry(column)}`;
  }
  const settings = [...REMEMBERING];
  if (durable) settings.push(...DURABLE_SETTINGS);
  if (nullableKey) settings.push('allow_nullable_key = 1');
  const structure = structureOf([...columns, ...added.map(({ name, definition }) => ({ name, type: definition }))]);
  const sql =
    `CREATE TABLE IF NOT EXISTS ${quoteTable(table)}${onClusterClause(onCluster)} ` +
    `(${structure}) ENGINE = ${engine}${partitionBy === null ? '' : ` PARTITION BY (${partitionBy})`} ORDER BY (${key})${ttl} SETTINGS ${settings.join(', ')}`;
  return { kind: 'statement', sql };
}

/** Whether a key is made of this column; a name that is a part of another is one too many, and only allows what is not there. */
function mentions(key: string, column: string): boolean {
  return (
    key.includes(quoteIdentifier(column)) || new RegExp(`(?<![\\w\`])${column.replace(/\W/g, '\\$&')}(?!\\w)`).test(key)
  );
}

export function onClusterClause(cluster: string | null): string {
  return cluster === null ? '' : ` ON CLUSTER ${quoteString(cluster)}`;
}

/**
 * Blocks of exactly as many rows as asked for, from every reader. Without it a block of Arrow, ORC or Parquet is as many of
 * the file's own batches as hold at least those rows: the same with each repetition, but not with every ClickHouse.
 */
const EXACT_BLOCKS: Settings = { use_strict_insert_block_limits: 1 };

/** Else a key that comes again is passed over once all columns have a value. Before 24.4 it was not, and there was no such setting. */
const ALL_KEYS: Settings = { input_format_json_ignore_unnecessary_fields: 0 };

/** What ClickHouse knows since 26.4, since 24.4 and before. */
export const NEWER_SETTINGS: readonly Settings[] = [{ ...EXACT_BLOCKS, ...ALL_KEYS }, ALL_KEYS, {}];

export function hasExactBlocks(known: Settings): boolean {
  return known === NEWER_SETTINGS[0];
}

/**
 * Rows that are read, converted and checked at a time, as many as ClickHouse takes by default: more of them fit no cache. Where it
 * keeps to the limits of blocks, those are put together from such pieces and cut to the row.
 */
const PIECE_ROWS = 65_409;

export interface InsertOptions {
  readonly format: Format;
  readonly columns: readonly LoadedColumn[];
  /** Rows of a block, and so of a part that is written. */
  readonly batchSize: number;
  /** What makes a repetition add nothing, and the rows last, where that is asked for. */
  readonly promises: Settings;
  readonly skipUnknown: boolean;
  readonly nullAsDefault: boolean;
  /** Of NEWER_SETTINGS those that ClickHouse knows. */
  readonly known: Settings;
  /** Of the statement: the default limit is 256 KiB. */
  readonly statementBytes: number;
}

/** Of a ClickHouse that describes a column as JSON, and so knows it. */
const JSON_AS_TEXT: Settings = { input_format_parquet_enable_json_parsing: 0 };

/**
 * Formats whose structs, lists and maps are read where they are NULL only if NULL is a default: a struct of fields that are NULL, and
 * nothing in the others. Values within them are read by types that may be NULL.
 */
const NULL_STRUCTS: ReadonlySet<string> = new Set(['arrow', 'orc', 'avro']);
/** Else the reader of Arrow shows what is left in the places of a struct that is NULL. */
const ABSENT_TUPLES: Settings = { allow_experimental_nullable_tuple_type: 1 };

/** Where ClickHouse chooses the types of values, text stays text: it would make 2 March of 30 February, and 1 February of 01/02/2024. */
const DATES_AS_TEXT: Settings = { input_format_try_infer_dates: 0, input_format_try_infer_datetimes: 0 };
/** Alternatives as alike as whole numbers of 32 and of 64 bits are read as the file has them. */
const ALIKE: Settings = { allow_suspicious_variant_types: 1 };
const CHOSEN_TYPES = /\b(JSON|Dynamic|Variant|Object)\b/;

/** `wait_end_of_query`: the status and the summary are sent when the insert is over, so they can be trusted. */
export function insertSettings({
  format,
  columns,
  batchSize,
  promises,
  skipUnknown,
  nullAsDefault,
  known,
  statementBytes,
}: InsertOptions): Settings {
  const pieceRows = hasExactBlocks(known) ? Math.min(batchSize, PIECE_ROWS) : batchSize;
  return {
    wait_end_of_query: 1,
    async_insert: 0,
    // Else a Distributed table answers before its shards have the rows.
    distributed_foreground_insert: 1,
    date_time_input_format: 'best_effort',
    input_format_skip_unknown_fields: skipUnknown ? 1 : 0,
    input_format_json_ignore_unknown_keys_in_named_tuple: skipUnknown ? 1 : 0,
    input_format_null_as_default: nullAsDefault || NULL_STRUCTS.has(format.name) ? 1 : 0,
    input_format_json_read_numbers_as_strings: 1,
    input_format_json_read_bools_as_strings: 1,
    precise_float_parsing: 1,
    ...sizeSettings(statementBytes),
    // Checks are made of values in blocks as they come, and say what they found of those alone that do not fit.
    optimize_move_to_prewhere: 0,
    short_circuit_function_evaluation: 'enable',
    max_threads: 1,
    max_insert_threads: 1,
    max_parsing_threads: 1,
    input_format_parallel_parsing: 0,
    input_format_parquet_preserve_order: 1,
    input_format_parquet_max_block_size: pieceRows,
    max_block_size: pieceRows,
    max_insert_block_size: batchSize,
    min_insert_block_size_rows: batchSize,
    min_insert_block_size_bytes: 0,
    ...known,
    ...format.settings,
    ...placeOfRows(format),
    // What JSON columns of a Parquet file hold is taken as it is written, since not all of it is an object.
    ...(format.readsJson ? JSON_AS_TEXT : {}),
    ...(format.name === 'arrow' && hasExactBlocks(known) ? ABSENT_TUPLES : {}),
    ...(format.name === 'csv' ? tuplesInOneField(columns) : {}),
    ...(columns.some(({ type }) => CHOSEN_TYPES.test(type)) ? DATES_AS_TEXT : {}),
    ...(columns.some(({ readAs }) => /\bVariant\(/.test(readAs)) ? ALIKE : {}),
    ...promises,
  };
}

/** Where the header is, or where it ends if it is not to be read. */
function placeOfRows({ name, preamble, byPosition }: Format): Settings {
  const lines = preamble.lines + (byPosition === null ? 0 : 1);
  if (lines === 0) return {};
  return { [`input_format_${name}_skip_first_lines`]: lines, [`input_format_${name}_detect_header`]: 0 };
}

/** A header has one name for a tuple; without the setting its values would be looked for in as many fields. */
function tuplesInOneField(columns: readonly LoadedColumn[]): Settings {
  const hasTuple = columns.some(({ readAs }) => /\bTuple\(/.test(readAs));
  return hasTuple ? { input_format_csv_deserialize_separate_columns_into_tuple: 0 } : {};
}
