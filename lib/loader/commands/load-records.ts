/**
 * One load of `ingest records`: look at the file, learn the table's columns (or create the table), pair them, stream the
 * bytes. Each step throws a LoadError whose message says what failed, where, why and what to do.
 */
import { ExitCode } from '../../errors.js';
import type { Connect } from '../clickhouse/client.js';
import { type Column, type LoadedColumn, matchColumns, type TableColumn } from '../clickhouse/columns.js';
import { UnknownField } from '../clickhouse/conversions.js';
import * as sql from '../clickhouse/sql.js';
import { explain, LoadError } from '../failures.js';
import { type Contents, contentsOfFile } from '../file/contents.js';
import { chooseCompression, chooseFormat, type Format, type FormatRefused } from '../file/formats.js';
import { takeSample } from '../file/sample.js';
import { openSourceFile, type SourceFile } from '../file/source-file.js';
import { foreignSeparator, headerOf } from '../file/text-rows.js';
import { badData, badValue, UNKNOWN_COLUMN } from './bad-data.js';
import { lookAtDurability } from './durability.js';
import { clash, clickhouseFailure, dataError, type Load, listed, tableText } from './load.js';
import type { ProgressBar } from './progress.js';
import type { RecordsRequest } from './records-arguments.js';
import { lookAtRepetition } from './repetition.js';
import { readSchemaFile } from './schema-file.js';
import { describeTable, ensureTable } from './target-table.js';
import { readable } from './typed-columns.js';

export interface LoadResult {
  /** That ClickHouse wrote. */
  readonly rows: number;
  /** Of the file. */
  readonly bytes: number;
  readonly seconds: number;
  readonly table: string;
  readonly file: string;
  /** What the user should know although the load went well. */
  readonly warning: string | null;
}

/** Enough for the first line of most text files. */
const HEAD_BYTES = 16 * 1024;
const ADD_OR_SKIP = 'add the columns or give --skip-unknown';
const NOTHING = { rows: 0, warning: null };

/** How a load shows its progress; null if nobody looks. */
export type MakeBar = ((file: string, bytes: number) => ProgressBar) | null;

export async function loadRecords(request: RecordsRequest, connect: Connect, makeBar: MakeBar): Promise<LoadResult> {
  const started = process.hrtime();
  const file = await openSourceFile(request.file);
  try {
    const schema = request.schemaFile === null ? null : await readSchemaFile(request.schemaFile);
    const contents = await contentsOf(request, file);
    const format = await formatOf(request, contents);
    const { rows, warning } = await loadFile(request, contents, format, schema, connect, makeBar);
    return {
      rows,
      bytes: file.bytes,
      seconds: secondsSince(started),
      table: tableText(request),
      file: request.file,
      warning,
    };
  } finally {
    await file.close();
  }
}

function secondsSince(started: [number, number]): number {
  const [seconds, nanoseconds] = process.hrtime(started);
  return seconds + Math.round(nanoseconds / 1e6) / 1000;
}

async function loadFile(
  request: RecordsRequest,
  contents: Contents,
  format: Format,
  schema: readonly Column[] | null,
  connect: Connect,
  makeBar: MakeBar,
): Promise<Pick<LoadResult, 'rows' | 'warning'>> {
  const clickhouse = connect(request.connection);
  const bar = makeBar?.(request.file, contents.file.bytes) ?? null;
  const load: Load = { request, contents, format, clickhouse, schema, bar };
  try {
    const { columns: existing, exactBlocks } = await describeTable(load, request.createTable);
    const typesWanted = existing === null && schema === null;
    const sample = await takeSample(contents, format, typesWanted);
    if (sample.kind === 'no-rows') return NOTHING;
    const found = await inspect(load, sample.data, typesWanted);
    if (found === null) return NOTHING;
    refuseForeignSeparator(load, found, existing);
    const table = existing ?? (await ensureTable(load, schema ?? found));
    const remembered = await lookAtRepetition(load, exactBlocks);
    const durable = await lookAtDurability(load);
    const rows = await insert(load, found, table, exactBlocks, { ...remembered.settings, ...durable.settings });
    return { rows, warning: [remembered.warning, durable.warning].filter(Boolean).join('; ') || null };
  } finally {
    await bar?.end();
    await clickhouse.close();
  }
}

async function contentsOf(request: RecordsRequest, file: SourceFile): Promise<Contents> {
  const choice = chooseCompression(request.format, file.path, await file.read(0, HEAD_BYTES));
  if (choice.kind === 'compression') return contentsOfFile(file, choice.compression);
  throw refused(file.path, choice);
}

async function formatOf(request: RecordsRequest, contents: Contents): Promise<Format> {
  const { data } = await contents.head(HEAD_BYTES);
  const choice = chooseFormat(request.format, request.file, data, contents.compression);
  if (choice.kind === 'format') return choice.format;
  throw refused(request.file, choice);
}

function refused(file: string, { kind, reason }: FormatRefused): LoadError {
  return kind === 'undecided'
    ? new LoadError(ExitCode.usage, `cannot load ${file}: ${reason}; give --format`)
    : new LoadError(ExitCode.dataError, `cannot load ${file}: ${reason}; check the file or correct --format`);
}

/** The columns of the file; null for a file that has none. Without `types` only their names count. */
async function inspect(load: Load, sample: Uint8Array, types: boolean): Promise<readonly Column[] | null> {
  const { request, format, clickhouse } = load;
  const list = (statement: string): Promise<readonly Column[]> =>
    clickhouse.inspect(statement, { ...sql.describeSettings(statement.length), ...format.settings });
  const names = (): Promise<readonly Column[]> => list(sql.describeHeader(format, headerOf(format.name, sample)));
  const hasHeader = !format.typed && format.name !== 'jsonl';
  try {
    if (types || format.typed) {
      const columns = await list(sql.describeSample(format, sample));
      if (format.typed) return readable(request, format, sample, columns);
      const check = sql.checkTypes(format, sample, columns);
      const better = new Map((check === null ? [] : await list(check)).map(({ name, type }) => [name, type]));
      return columns.map(({ name, type }) => ({ name, type: better.get(name) ?? type }));
    }
    return await (hasHeader ? names() : list(sql.sampleKeys(sample)));
  } catch (error) {
    // What an exporter without any event writes: a Parquet file of no columns, and so of no rows.
    if (error instanceof Error && error.message.includes('Parquet file has no columns')) return null;
    const place = hasHeader && types ? await placeOfDamage(names, list, format, sample) : null;
    if (place !== null) throw dataError(request, place, 'mend that row');
    throw clickhouseFailure(error, 'inspect-file', `cannot load ${request.file}`, request);
  }
}

/** Where a sample stops being readable, which ClickHouse says only when it is to read it. */
async function placeOfDamage(
  names: () => Promise<readonly Column[]>,
  list: (statement: string) => Promise<unknown>,
  format: Format,
  sample: Uint8Array,
): Promise<string | null> {
  try {
    const columns = await names();
    await list(
      sql.readSample(
        format,
        sample,
        columns.map(({ name }) => name),
      ),
    );
    return null;
  } catch (error) {
    return error instanceof Error ? badData(error.message, []) : null;
  }
}

/** A header that holds other separators than the format's would make a table of one column. */
function refuseForeignSeparator(
  { request, format, schema }: Load,
  found: readonly Column[],
  existing: readonly Column[] | null,
): void {
  const foreign = foreignSeparator(
    format.name,
    found.map(({ name }) => name),
  );
  if (foreign === null || [...(existing ?? []), ...(schema ?? [])].some(({ name }) => name === found[0]?.name)) return;
  throw dataError(
    request,
    `its header is one column, ${listed([found[0]?.name ?? ''])}: ${foreign.why}`,
    foreign.remedy,
  );
}

async function insert(
  load: Load,
  found: readonly Column[],
  table: readonly TableColumn[],
  exactBlocks: boolean,
  promises: sql.Settings,
): Promise<number> {
  const { request, contents, format, clickhouse, schema, bar } = load;
  const name = tableText(request);
  const matching = matchColumns(found, table, {
    skipUnknown: request.skipUnknown,
    format: format.name,
    typed: format.typed,
    open: format.name === 'jsonl',
    alsoNamed: schema?.map((column) => column.name) ?? [],
  });
  if (matching.kind === 'clash') throw clash(load, matching.names, matching.target);
  if (matching.kind === 'unknown') {
    const unknown = `table ${name} has no column for ${listed(matching.names)}`;
    throw dataError(request, unknown, ADD_OR_SKIP);
  }
  if (matching.kind === 'none') throw dataError(request, `it has no column of table ${name}`, 'check --table-name');
  const statement = insertStatement(load, matching.columns);
  try {
    return await clickhouse.insert(
      statement,
      contents.stream(),
      sql.insertSettings({
        format,
        columns: matching.columns,
        batchSize: request.batchSize,
        skipUnknown: request.skipUnknown,
        nullAsDefault: request.nullAsDefault,
        exactBlocks,
        statementBytes: Buffer.byteLength(statement),
        promises,
      }),
      { encoding: contents.compression, onProgress: bar === null ? null : (progress) => bar.update(progress) },
    );
  } catch (error) {
    const value = error instanceof Error ? badValue(error.message, matching.columns, format.name) : null;
    if (value !== null) throw dataError(request, `${value.place} (table ${name})`, value.remedy);
    const place = error instanceof Error ? badData(error.message, matching.columns) : null;
    if (place !== null && explain(error, 'insert').exitCode === ExitCode.dataError) {
      const remedy = place.includes(UNKNOWN_COLUMN) ? ADD_OR_SKIP : 'mend the file or the table';
      throw dataError(request, `${place} (table ${name})`, remedy);
    }
    throw clickhouseFailure(error, 'insert', `cannot load ${request.file} into ${name}`, request);
  }
}

function insertStatement(load: Load, columns: readonly LoadedColumn[]): string {
  const { request, format } = load;
  const { allowRounding: rounding, nullAsDefault, skipUnknown } = request;
  try {
    return sql.insertRecords(request.table, columns, format, { rounding, nullAsDefault, skipUnknown });
  } catch (error) {
    if (!(error instanceof UnknownField)) throw error;
    const why = `table ${tableText(request)} has no field for ${listed([error.field])} in column ${listed([error.column])}`;
    throw dataError(request, why, 'add the field or give --skip-unknown');
  }
}
