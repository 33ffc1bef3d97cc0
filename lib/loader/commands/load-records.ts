/**
 * One load of `ingest records`: look at the file, learn the table's columns (or create the table), pair them, stream the
 * bytes. Each step throws a LoadError whose message says what failed, where, why and what to do.
 */
import { isUtf8 } from 'node:buffer';
import { ExitCode } from '../../errors.js';
import { blockRows } from '../blocks/block-rows.js';
import { rowSize } from '../blocks/row-size.js';
import type { Connect } from '../clickhouse/client.js';
import type { Column, TableColumn } from '../clickhouse/columns.js';
import * as sql from '../clickhouse/sql.js';
import { LoadError, oneLine } from '../failures.js';
import { type Contents, contentsOfFile } from '../file/contents.js';
import { chooseCompression, chooseFormat, type Format, type FormatRefused } from '../file/formats.js';
import { longNumbersAsText, objectKeys } from '../file/json-text.js';
import { countRows } from '../file/row-count.js';
import { takeSample } from '../file/sample.js';
import { openSourceFile, type SourceFile } from '../file/source-file.js';
import { layoutOf } from '../file/text-layout.js';
import { foreignSeparator, headerOf } from '../file/text-rows.js';
import type { RecordsRequest } from '../options/records-options.js';
import { badData } from './bad-data.js';
import { lookAtDurability } from './durability.js';
import { insertFile, type Reading, tryFile } from './insert-file.js';
import { clickhouseFailure, dataError, type Load, listed, tableText } from './load.js';
import type { ProgressBar } from './progress.js';
import { lookAtRepetition } from './repetition.js';
import { readSchemaFile } from './schema-file.js';
import { createTable, describeTable, tableToMake } from './target-table.js';
import { columnsOfNulls, readable, readsJson } from './typed-columns.js';

export interface LoadResult {
  /** Of the file. */
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly table: string;
  readonly file: string;
  /** What the user should know although the load went well. */
  readonly warning: string | null;
}

/** Enough for the first line of most text files. */
const HEAD_BYTES = 16 * 1024;
const NOTHING = { rows: 0, warning: null };

/** How a load shows its progress; null if nobody looks. */
export type MakeBar = ((file: string, bytes: number) => ProgressBar) | null;

export async function loadRecords(request: RecordsRequest, connect: Connect, makeBar: MakeBar): Promise<LoadResult> {
  const started = process.hrtime();
  const file = await openSourceFile(request.file, request.allowedRoots);
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
  const connected = { request, contents, clickhouse, schema, bar };
  try {
    const { columns: existing, known } = await describeTable(connected, request.createTable);
    const typesWanted = existing === null && schema === null;
    const taken = await takeSample(contents, format, typesWanted);
    if (taken.kind === 'no-rows') return NOTHING;
    const { format: read, sample } = layoutOf(format, taken.data);
    const tried: Load = { ...connected, format: read };
    refuseForeignHeader(tried, sample);
    const inspected = await inspect(tried, sample, typesWanted, sql.hasExactBlocks(known));
    if (inspected === null) return NOTHING;
    const { columns: found, readsJson } = inspected;
    const load: Load = { ...tried, format: { ...read, readsJson } };
    refuseForeignSeparator(load, found, existing);
    const fitting = request.batchSize ?? blockRows(await rowSize(contents, load.format, sample, found.length));
    const table = existing ?? (await makeTable(load, found, { known, batchSize: fitting }));
    const remembered = await lookAtRepetition(load, sql.hasExactBlocks(known), fitting);
    const durable = await lookAtDurability(load);
    const promises = { ...remembered.settings, ...durable.settings };
    const { batchSize } = remembered;
    const insert = (): Promise<number> => insertFile(load, found, table, { known, batchSize, promises });
    const rows = await (remembered.hasViews ? insertAndCount(load, sample, insert) : insert());
    const warnings = [remembered.warning, durable.warning, foreignText(load, sample)];
    return { rows, warning: warnings.filter((warning) => warning !== null).join('; ') || null };
  } finally {
    await bar?.end();
    await clickhouse.close();
  }
}

/** Counts the file's rows meanwhile, as ClickHouse counts those of views too. */
async function insertAndCount(
  { contents, format }: Load,
  sample: Uint8Array,
  insert: () => Promise<number>,
): Promise<number> {
  const going = { on: true };
  // Of a file that cannot be read, the insert says why.
  const counting = countRows(contents, format, sample, going).catch(() => null);
  try {
    const written = await insert();
    return (await counting) ?? written;
  } catch (error) {
    going.on = false;
    await counting;
    throw error;
  }
}

/**
 * Others take what a table was made for by its first file, so that no file makes one that it is not loaded into. To drop it
 * again is no way: another load may have inserted meanwhile.
 */
async function makeTable(load: Load, found: readonly Column[], reading: Reading): Promise<readonly TableColumn[]> {
  const { schema, format } = load;
  // A separator at the end of each line is no column.
  const meant = found.filter(({ name }) => format.byPosition?.unnamed.get(name)?.hasValues !== false);
  const made = await tableToMake(load, schema ?? meant);
  await tryFile(load, found, made, reading);
  return await createTable(load, made);
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
  if (kind === 'encoding')
    return new LoadError(ExitCode.dataError, `cannot load ${file}: ${reason}; have it written as UTF-8`);
  if (kind === 'compression-unknown')
    return new LoadError(
      ExitCode.dataError,
      `cannot load ${file}: ${reason}; have it compressed by gzip or zstd, or not at all`,
    );
  return kind === 'undecided'
    ? new LoadError(ExitCode.usage, `cannot load ${file}: ${reason}; give --format`)
    : new LoadError(ExitCode.dataError, `cannot load ${file}: ${reason}; check the file or correct --format`);
}

interface Inspected {
  readonly columns: readonly Column[];
  readonly readsJson: boolean;
}

/**
 * The columns of the file; null for a file that has none. Without `types` only their names count. `isNew` says that ClickHouse has
 * types for times of day without being asked to.
 */
async function inspect(load: Load, data: Uint8Array, types: boolean, isNew: boolean): Promise<Inspected | null> {
  const { request, format, clickhouse } = load;
  const sample = types && format.name === 'jsonl' ? longNumbersAsText(data) : data;
  const list = (statement: string, more: sql.Settings = {}): Promise<readonly Column[]> =>
    clickhouse.inspect(statement, { ...sql.describeSettings(statement.length), ...format.settings, ...more });
  const names = (): Promise<readonly Column[]> => list(sql.describeHeader(format, headerOf(format.name, sample)));
  const hasHeader = !format.typed && format.name !== 'jsonl';
  try {
    if (types || format.typed) {
      const columns = await list(sql.describeSample(format, sample)).catch(async (error: unknown) => {
        const nulls = columnsOfNulls(format, sample, error);
        if (nulls.length === 0) throw error;
        return [...(await list(sql.describeSample(format, sample), sql.WITHOUT_UNSUPPORTED)), ...nulls];
      });
      if (format.typed)
        return { columns: readable(request, format, sample, columns, isNew), readsJson: readsJson(format, columns) };
      const kept = await withoutDynamic(columns, () => list(sql.describeSample(format, sample), sql.WITHOUT_DYNAMIC));
      const check = sql.checkTypes(format, sample, kept);
      const better = new Map((check === null ? [] : await list(check)).map(({ name, type }) => [name, type]));
      return untyped(kept.map(({ name, type }) => ({ name, type: better.get(name) ?? type })));
    }
    if (hasHeader) return untyped(await names());
    const keys = objectKeys(sample);
    if (keys !== null) return untyped(keys.map((name) => ({ name, type: '' })));
    return untyped(await list(sql.sampleKeys(sample, 'objects')).catch(() => list(sql.sampleKeys(sample, 'lines'))));
  } catch (error) {
    // What an exporter without any event writes: a Parquet file of no columns, and so of no rows.
    if (error instanceof Error && error.message.includes('Parquet file has no columns')) return null;
    const twice = error instanceof Error && /Duplicate column name/.test(error.message);
    if (twice) throw dataError(request, badData(error.message, []) ?? '', 'rename one of them');
    const place = hasHeader && types ? await placeOfDamage(names, list, format, sample) : null;
    if (place !== null) throw dataError(request, place, 'mend that row');
    throw clickhouseFailure(error, 'inspect-file', `cannot load ${request.file}`, request);
  }
}

/**
 * Lists with values of several types become text, which keeps what is written: ClickHouse fails to read some of them as Dynamic, and
 * has the nearest Float64 of others. Where it would make a tuple of a list, they stay as they are.
 */
async function withoutDynamic(
  columns: readonly Column[],
  describe: () => Promise<readonly Column[]>,
): Promise<readonly Column[]> {
  if (!columns.some(({ type }) => /\bDynamic\b/.test(type))) return columns;
  const plain = new Map((await describe()).map(({ name, type }) => [name, type]));
  return columns.map((column) => {
    const type = plain.get(column.name) ?? column.type;
    return /\bDynamic\b/.test(column.type) && !/\bTuple\(/.test(type) ? { ...column, type } : column;
  });
}

function untyped(columns: readonly Column[]): Inspected {
  return { columns, readsJson: false };
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
    return error instanceof Error ? badData(error.message, [], format.byPosition) : null;
  }
}

const LATIN = 'perhaps Latin-1 or Windows-1252';

function refuseForeignHeader({ request, format }: Load, sample: Uint8Array): void {
  if (format.typed || format.name === 'jsonl') return;
  const header = headerOf(format.name, sample);
  if (isUtf8(header)) return;
  const name = Buffer.from(header).toString('latin1').trim();
  throw dataError(request, `its header is not UTF-8 (${LATIN}: '${oneLine(name, 60)}')`, 'have it written as UTF-8');
}

/** Bytes are stored as they are, whatever they stand for. */
function foreignText({ request, format }: Load, sample: Uint8Array): string | null {
  if (format.typed || isUtf8(sample)) return null;
  return `the text of ${request.file} is not UTF-8 (${LATIN}); it was stored byte for byte, have it written as UTF-8`;
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
