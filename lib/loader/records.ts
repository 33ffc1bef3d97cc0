/**
 * One run of `ingest records`: look at the file, learn the table's columns (or create the table), pair them, stream the
 * bytes. Each step throws a LoadError whose message says what failed, where, why and what to do.
 */
import { ExitCode } from '../errors.js';
import type { RecordsRequest } from './arguments.js';
import type { ClickHouse, Connect } from './clickhouse.js';
import { deduplicationWarning } from './deduplication.js';
import { LoadError, oneLine, type Stage } from './failures.js';
import { chooseFormat, type Format } from './formats.js';
import type { ProgressBar } from './progress.js';
import { takeSample } from './sample.js';
import { type Column, matchColumns, type TableColumn, tableColumns } from './schema.js';
import { readSchemaFile } from './schema-file.js';
import { serverFailure } from './server-failure.js';
import { openSourceFile, type SourceFile } from './source-file.js';
import * as sql from './sql.js';

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

/** What every step needs to know. */
interface Run {
  readonly request: RecordsRequest;
  readonly file: SourceFile;
  readonly format: Format;
  readonly clickhouse: ClickHouse;
  readonly schema: readonly Column[] | null;
  readonly bar: ProgressBar | null;
}

const HEAD_BYTES = 4096;
const NOTHING = { rows: 0, warning: null };

/** How a load shows its progress; null if nobody looks. */
export type MakeBar = ((file: string, bytes: number) => ProgressBar) | null;

export async function loadRecords(request: RecordsRequest, connect: Connect, makeBar: MakeBar): Promise<LoadResult> {
  const started = process.hrtime();
  const file = await openSourceFile(request.file);
  try {
    const schema = request.schemaFile === null ? null : await readSchemaFile(request.schemaFile);
    const { rows, warning } = await loadFile(request, file, await formatOf(request, file), schema, connect, makeBar);
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
  file: SourceFile,
  format: Format,
  schema: readonly Column[] | null,
  connect: Connect,
  makeBar: MakeBar,
): Promise<Pick<LoadResult, 'rows' | 'warning'>> {
  const clickhouse = connect(request.connection);
  const bar = makeBar?.(file.path, file.bytes) ?? null;
  const run: Run = { request, file, format, clickhouse, schema, bar };
  try {
    const existing = await describeTable(run, request.createTable);
    const typesWanted = existing === null && schema === null;
    const sample = await takeSample(file, format, typesWanted);
    if (sample.kind === 'no-rows') return NOTHING;
    const found = await inspect(run, sample.data, typesWanted);
    if (found === null) return NOTHING;
    const table = existing ?? (await createTable(run, schema ?? found));
    const rows = await insert(run, found, table);
    return { rows, warning: existing === null ? null : await warnOfRepetition(run) };
  } finally {
    await bar?.end();
    await clickhouse.close();
  }
}

async function formatOf(request: RecordsRequest, file: SourceFile): Promise<Format> {
  const choice = chooseFormat(request.format, file.path, await file.read(0, HEAD_BYTES));
  if (choice.kind === 'format') return choice.format;
  const undecided = choice.kind === 'undecided';
  throw new LoadError(
    undecided ? ExitCode.usage : ExitCode.dataError,
    `cannot load ${file.path}: ${choice.reason}; ${undecided ? 'give --format' : 'check the file or correct --format'}`,
  );
}

/** Null if there is no such table and `mayBeMissing`. */
async function describeTable(
  { request, clickhouse }: Run,
  mayBeMissing: boolean,
): Promise<readonly TableColumn[] | null> {
  const statement = sql.describeTable(request.table);
  try {
    return await clickhouse.columns(statement, sql.describeSettings(statement.length));
  } catch (error) {
    const unknownTable = (error as { code?: unknown }).code === '60';
    if (mayBeMissing && unknownTable) return null;
    throw clickhouseFailure(error, 'describe-table', `cannot read table ${tableText(request)}`, request);
  }
}

/** Creates the table if nobody else does meanwhile, and returns the columns that it then has. */
async function createTable(run: Run, columns: readonly Column[]): Promise<readonly TableColumn[]> {
  const { request, file, schema, clickhouse } = run;
  const made = tableColumns(columns);
  if ('kind' in made) throw clash(file, made.names, made.target);
  const create = sql.createTable(request.table, made, request.ttlHours);
  if (create.kind === 'no-time-column') {
    throw new LoadError(
      ExitCode.usage,
      `cannot create table ${tableText(request)}: --ttl-hours needs a date or time column MsgHeader_MessageTime, ` +
        `which ${schema === null ? 'the file' : 'the schema file'} does not have; leave out --ttl-hours`,
    );
  }
  try {
    await clickhouse.execute(create.sql);
  } catch (error) {
    throw clickhouseFailure(error, 'create-table', `cannot create table ${tableText(request)}`, request);
  }
  return (await describeTable(run, false)) ?? [];
}

/** The columns of the file; null for a file that has none. */
async function inspect(
  { request, file, format, clickhouse }: Run,
  sample: Uint8Array,
  types: boolean,
): Promise<readonly Column[] | null> {
  const keysOnly = format.name === 'jsonl' && !types;
  const statement = keysOnly ? sql.sampleKeys(sample) : sql.describeSample(format, sample);
  try {
    return await clickhouse.columns(statement, sql.describeSettings(statement.length));
  } catch (error) {
    // What an exporter without any event writes: a Parquet file of no columns, and so of no rows.
    if (error instanceof Error && error.message.includes('Parquet file has no columns')) return null;
    throw clickhouseFailure(error, 'inspect-file', `cannot load ${file.path}`, request);
  }
}

async function insert(
  { request, file, format, clickhouse, schema, bar }: Run,
  found: readonly Column[],
  table: readonly TableColumn[],
): Promise<number> {
  const name = tableText(request);
  const matching = matchColumns(found, table, {
    skipUnknown: request.skipUnknown,
    typed: format.typed,
    open: format.name === 'jsonl',
    alsoNamed: schema?.map((column) => column.name) ?? [],
  });
  if (matching.kind === 'clash') throw clash(file, matching.names, matching.target);
  if (matching.kind === 'unknown') {
    throw dataError(
      file,
      `table ${name} has no column for ${listed(matching.names)}`,
      'add the columns or give --skip-unknown',
    );
  }
  if (matching.kind === 'none') throw dataError(file, `it has no column of table ${name}`, 'check --table-name');
  try {
    return await clickhouse.insert(
      sql.insertRecords(request.table, matching.columns, format),
      file.stream(),
      sql.insertSettings({
        batchSize: request.batchSize,
        token: request.deduplicationToken,
        skipUnknown: request.skipUnknown,
      }),
      { onProgress: bar === null ? null : (progress) => bar.update(progress) },
    );
  } catch (error) {
    throw clickhouseFailure(error, 'insert', `cannot load ${file.path} into ${name}`, request);
  }
}

/** Looks at a table that somebody else made, where repetition matters; one that cannot be looked at is not spoken of. */
async function warnOfRepetition({ request, clickhouse }: Run): Promise<string | null> {
  if (request.deduplicationToken === null) return null;
  const statement = await clickhouse.text(sql.showTable(request.table)).catch(() => null);
  return statement === null ? null : deduplicationWarning(tableText(request), statement);
}

function tableText({ table: { database, table }, connection }: RecordsRequest): string {
  return `${database ?? connection.database}.${table}`;
}

const NAMES_LISTED = 10;

function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, NAMES_LISTED)
    .map((name) => `'${oneLine(name)}'`)
    .join(', ');
  return names.length > NAMES_LISTED ? `${shown} and ${names.length - NAMES_LISTED} more` : shown;
}

function clash(file: SourceFile, [first, second]: readonly [string, string], target: string): LoadError {
  return dataError(file, `its columns '${first}' and '${second}' both become '${target}'`, 'rename one of them');
}

function dataError(file: SourceFile, why: string, remedy: string): LoadError {
  return new LoadError(ExitCode.dataError, `cannot load ${file.path}: ${why}; ${remedy}`);
}

function clickhouseFailure(error: unknown, stage: Stage, what: string, { connection }: RecordsRequest): LoadError {
  return serverFailure(error, stage, what, connection);
}
