/** Columns of a typed file as they are in the file, where ClickHouse describes them as something else, or not at all. */
import type { Column } from '../clickhouse/columns.js';
import { type AvroTime, avroTimes } from '../file/avro-times.js';
import type { Format } from '../file/formats.js';
import { parquetNames } from '../file/parquet-names.js';
import { dataError, listed } from './load.js';
import type { RecordsRequest } from './records-arguments.js';

/**
 * @param columns as ClickHouse describes them
 * @throws LoadError where values would be lost
 */
export function readable(
  request: RecordsRequest,
  format: Format,
  sample: Uint8Array,
  columns: readonly Column[],
): readonly Column[] {
  if (format.name === 'avro') return withAvroTimes(columns, avroTimes(sample));
  if (format.name === 'parquet' && !request.skipUnknown) refuseUnread(request, sample, columns);
  if (format.name === 'arrow') refuseDate64(request, columns);
  return columns;
}

function withAvroTimes(columns: readonly Column[], times: ReadonlyMap<string, AvroTime>): readonly Column[] {
  return columns.map((column) => {
    const time = times.get(column.name);
    if (time === undefined) return column;
    const plain = `DateTime64(${time.scale}, 'UTC')`;
    const type = time.nullable ? `Nullable(${plain})` : plain;
    return time.kind === 'time' ? { ...column, timeType: type } : { ...column, type };
  });
}

function refuseUnread(request: RecordsRequest, sample: Uint8Array, columns: readonly Column[]): void {
  const read = new Set(columns.map(({ name }) => name));
  const unread = parquetNames(sample).filter((name) => !read.has(name));
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
