/** The command line and the environment of `ingest records`, as a value. An argument wins over the environment. */

import { ExitCode } from '../../errors.js';
import { FORMAT_NAMES, type FormatName } from '../file/formats.js';
import { CONNECTION_OPTIONS, type Connection, type ReadText, readConnection } from './connection-options.js';
import type { TableName } from './options.js';
import * as options from './options.js';
import { DURABLE_OPTION, TABLE_OPTIONS, type TableMaking, tableMaking } from './table-options.js';

export const RECORDS_OPTIONS: readonly options.OptionSpec[] = [
  { name: 'file', value: 'F', help: 'the file to load (required)' },
  { name: 'table-name', value: 'T', help: 'the table, or database.table (required)' },
  { name: 'create-table', value: null, help: 'create the table if it does not exist' },
  {
    name: 'batch-size',
    value: 'N',
    help: 'rows of one inserted block (10000; of a file of more than 500000 as many as 64 MiB hold)',
  },
  { name: 'schema-file', value: 'S', help: 'JSON object of column name -> ClickHouse type for --create-table' },
  { name: 'format', value: 'NAME', help: `${FORMAT_NAMES.join(', ')} (by extension, then by contents)` },
  { name: 'skip-unknown', value: null, help: 'leave out columns that the table does not have' },
  { name: 'allow-rounding', value: null, help: 'cut off digits of numbers and times that a column has no room for' },
  {
    name: 'null-as-default',
    value: null,
    help: "store a type's default where a column that is not Nullable has no value",
  },
  {
    name: 'generation',
    value: 'N',
    help: 'how often the rows of this ATD_DEDUP_TOKEN were removed to be loaded again (ATD_GENERATION, 0)',
  },
  {
    name: 'load-id',
    value: 'UUID',
    help: 'what column _load_id says of each row, with _file and _loaded_at (ATD_LOAD_ID)',
  },
  { name: 'ttl-hours', value: 'N', help: 'a created table forgets rows N hours after MsgHeader_MessageTime' },
  ...TABLE_OPTIONS,
  DURABLE_OPTION,
  ...CONNECTION_OPTIONS,
  { name: 'progress', value: null, help: 'show how far it is, if stderr is a terminal' },
  { name: 'json', value: null, help: 'report the result as one line of JSON (ATD_OUTPUT=json)' },
  ...options.COMMON_OPTIONS,
];

const MAX_GENERATION = 1_000_000;

export interface RecordsRequest {
  readonly file: string;
  /** Directories that the file must lie below; none for anywhere. */
  readonly allowedRoots: readonly string[];
  readonly table: TableName;
  readonly createTable: boolean;
  readonly schemaFile: string | null;
  readonly ttlHours: number | null;
  readonly making: TableMaking;
  readonly format: FormatName | null;
  /** Null where the file decides. */
  readonly batchSize: number | null;
  readonly skipUnknown: boolean;
  readonly allowRounding: boolean;
  readonly nullAsDefault: boolean;
  readonly progress: boolean;
  readonly json: boolean;
  readonly deduplicationToken: string | null;
  readonly generation: number;
  /** What the rows say which load they are of; null where they say nothing. */
  readonly loadId: string | null;
  readonly connection: Connection;
}

export function parseRecordsArguments(
  args: readonly string[],
  env: options.Environment,
  readText: ReadText,
): options.Parsed<RecordsRequest> {
  return options.parse(args, RECORDS_OPTIONS, (given) => {
    const createTable = given.has('create-table');
    const loadId = loadIdFrom(given, env);
    return {
      file: options.required(given, 'file'),
      allowedRoots: allowedRoots(env['ATD_ALLOWED_ROOTS']),
      table: options.tableName(options.required(given, 'table-name')),
      createTable,
      schemaFile: given.get('schema-file') || null,
      ttlHours: options.ttlHours(given, createTable),
      making: tableMaking(given, createTable, loadId !== null),
      format: formatName(given.get('format')),
      batchSize: batchSize(given.get('batch-size')),
      skipUnknown: given.has('skip-unknown'),
      allowRounding: given.has('allow-rounding'),
      nullAsDefault: given.has('null-as-default'),
      progress: given.has('progress'),
      json: options.wantsJson(given, env),
      deduplicationToken: env['ATD_DEDUP_TOKEN'] || null,
      generation: generation(given, env),
      loadId,
      connection: readConnection(given, env, readText),
    };
  });
}

function batchSize(value: string | undefined): number | null {
  return value === undefined ? null : options.integer('--batch-size', value, 1, 10_000_000);
}

function generation(given: options.Given, env: options.Environment): number {
  const argument = given.get('generation');
  if (argument !== undefined) return options.integer('--generation', argument, 0, MAX_GENERATION);
  return options.integer('ATD_GENERATION', env['ATD_GENERATION'] || '0', 0, MAX_GENERATION);
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function loadIdFrom(given: options.Given, env: options.Environment): string | null {
  const argument = given.get('load-id');
  const [source, value] = argument === undefined ? ['ATD_LOAD_ID', env['ATD_LOAD_ID']] : ['--load-id', argument];
  if (argument === undefined && !value) return null;
  if (value !== undefined && UUID.test(value)) return value.toLowerCase();
  throw new options.Invalid(`${source} '${value}' is no UUID, as uuidgen makes one`, options.exitCodeFor(source ?? ''));
}

/** A list in JSON, as a path may have any character in it. */
function allowedRoots(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  const roots = parseJson(text);
  if (Array.isArray(roots) && roots.every((root) => typeof root === 'string' && root.startsWith('/'))) return roots;
  throw new options.Invalid(
    `ATD_ALLOWED_ROOTS is ${text}, which is no list in JSON of absolute paths`,
    ExitCode.configuration,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function formatName(value: string | undefined): FormatName | null {
  if (value === undefined) return null;
  const name = FORMAT_NAMES.find((format) => format === value.toLowerCase());
  if (name !== undefined) return name;
  throw new options.Invalid(
    `${options.unknownWord('format', value, FORMAT_NAMES)} (known: ${FORMAT_NAMES.join(', ')})`,
  );
}
