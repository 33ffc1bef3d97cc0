/** Columns of a typed file as they are in the file, where ClickHouse describes them as something else, or not at all. */
import type { Column } from '../clickhouse/columns.js';
import { isScalar } from '../clickhouse/conversions.js';
import { mapLeaves, parseType, whole, withLeaves } from '../clickhouse/type-tree.js';
import type { LoadError } from '../failures.js';
import { arrowFields } from '../file/arrow-schema.js';
import { type AvroColumn, type AvroTime, avroColumns } from '../file/avro-times.js';
import type { Format } from '../file/formats.js';
import { type ParquetColumn, parquetColumns } from '../file/parquet-names.js';
import type { RecordsRequest } from '../options/records-options.js';
import { dataError, listed } from './load.js';

/**
 * @param columns as ClickHouse describes them
 * @param hasClocks that it has a type for times of day
 * @throws LoadError where values would be lost
 */
export function readable(
  request: RecordsRequest,
  format: Format,
  sample: Uint8Array,
  columns: readonly Column[],
  hasClocks: boolean,
): readonly Column[] {
  if (format.name === 'avro') return asInAvro(request, columns, avroColumns(sample));
  if (format.name === 'parquet') {
    const found = parquetColumns(sample);
    if (!request.skipUnknown) refuseUnread(request, namesOf(found), columns);
    const read = columns.map((column) => ({ ...column, type: jsonAsText(column.type) }));
    return hasClocks ? withClocks(read, found) : read;
  }
  if (format.name !== 'arrow') return columns;
  if (!request.skipUnknown) refuseUnread(request, namesOf(arrowFields(sample)), columns);
  refuseDate64(request, columns);
  return columns.map((column) => ({ ...column, type: withoutDictionary(column.type) }));
}

/**
 * Columns of an Arrow file that have the type of no values, for which ClickHouse finds none although it reads them as any other;
 * none where `error` says something else.
 */
export function columnsOfNulls(format: Format, sample: Uint8Array, error: unknown): readonly Column[] {
  if (format.name !== 'arrow' || !(error instanceof Error) || !/\bnull\b.* type/i.test(error.message)) return [];
  return arrowFields(sample).flatMap(({ name, isNull }) => (isNull ? { name, type: 'Nullable(String)' } : []));
}

/** Whether ClickHouse would parse the text of some column. */
export function readsJson(format: Format, columns: readonly Column[]): boolean {
  return format.name === 'parquet' && columns.some(({ type }) => jsonAsText(type) !== type);
}

function jsonAsText(type: string): string {
  return type.replace(/\bJSON\b(\([^()]*\))?/g, 'String');
}

function namesOf(columns: readonly { readonly name: string }[]): readonly string[] {
  return columns.map(({ name }) => name);
}

/** Times of day of Parquet, which ClickHouse describes as instants of 1 January 1970, and reads as either. */
function withClocks(columns: readonly Column[], found: readonly ParquetColumn[]): readonly Column[] {
  const byName = new Map(found.map(({ name, clocks }) => [name, clocks]));
  return columns.map((column) => {
    const clocks = byName.get(column.name) ?? [];
    if (clocks.every((scale) => scale === null)) return column;
    let leaf = 0;
    const type = withLeaves(column.type, ({ name }) => {
      const scale = clocks[leaf++] ?? null;
      return name === 'DateTime64' && scale !== null ? `Time64(${scale})` : null;
    });
    return leaf === clocks.length ? { ...column, type } : column;
  });
}

/** How a column of few values is stored is the file's affair; ClickHouse makes such columns of text alone. */
function withoutDictionary(type: string): string {
  return type.replace(/\bLowCardinality\((?!(?:Nullable\()?(?:String|FixedString))((?:[^()]|\([^()]*\))*)\)/g, '$1');
}

function asInAvro(
  request: RecordsRequest,
  columns: readonly Column[],
  found: ReadonlyMap<string, AvroColumn>,
): readonly Column[] {
  return columns.map((column) => {
    const { times, absent } = found.get(column.name) ?? {};
    const timed = times === undefined || times.size === 0 ? column : withTimes(request, column, [...times]);
    return absent === undefined || absent.size === 0 ? timed : { ...timed, type: withNulls(timed.type, absent) };
  });
}

/** Of a record that is NULL all fields are so. */
function withNulls(type: string, absent: ReadonlySet<string>): string {
  return mapLeaves(parseType(type), (leaf, key, path) => {
    const isWithin = path.some((_, length) => absent.has(path.slice(0, length).join('.')));
    return whole(isWithin && !key && isScalar(leaf) ? { ...leaf, nullable: true } : leaf);
  });
}

function withTimes(request: RecordsRequest, column: Column, times: readonly (readonly [string, AvroTime])[]): Column {
  if (times.some(([, { isOneOfMany }]) => isOneOfMany)) throw timeAmongOthers(request, column.name);
  const of = (kind: AvroTime['kind']): ReadonlyMap<string, string> =>
    new Map(times.flatMap(([path, time]) => (time.kind === kind ? [[path, `DateTime64(${time.scale}, 'UTC')`]] : [])));
  const instants = of('instant');
  const type = withLeaves(column.type, ({ name }, path) =>
    /^Int(32|64)$/.test(name) ? (instants.get(path.join('.')) ?? null) : null,
  );
  return { ...column, type, times: of('time') };
}

function timeAmongOthers(request: RecordsRequest, column: string): LoadError {
  const why = `its column ${listed([column])} has times among values of other types, which ClickHouse takes for numbers`;
  return dataError(request, why, 'have the times written as timestamp-millis, timestamp-micros or text');
}

function refuseUnread(request: RecordsRequest, names: readonly string[], columns: readonly Column[]): void {
  const read = new Set(columns.map(({ name }) => name));
  const unread = names.filter((name) => !read.has(name));
  if (unread.length === 0) return;
  const remedy = 'have them written with other names or give --skip-unknown';
  throw dataError(request, `ClickHouse does not read its columns ${listed(unread)}`, remedy);
}

/** ClickHouse counts its milliseconds as seconds in 32 bits. What it describes as DateTime is nothing else. */
function refuseDate64(request: RecordsRequest, columns: readonly Column[]): void {
  const found = columns.filter(({ type }) => /\bDateTime(?!64)/.test(type)).map(({ name }) => name);
  if (found.length === 0) return;
  const remedy = 'have them written as date32 or timestamp';
  throw dataError(request, `its columns ${listed(found)} are Arrow date64, of which ClickHouse loses years`, remedy);
}
