/** The command line and the environment of `ingest records`, as a value. An argument wins over the environment. */
import { nearest } from '../core/nearest.js';
import { ExitCode } from '../errors.js';
import { FORMAT_NAMES, type FormatName } from './formats.js';
import type { TableName } from './sql.js';

export interface OptionSpec {
  readonly name: string;
  /** Null for a switch. */
  readonly value: string | null;
  readonly help: string;
}

/** The one list of options; the help is made of it. */
export const RECORDS_OPTIONS: readonly OptionSpec[] = [
  { name: 'file', value: 'F', help: 'the file to load (required)' },
  { name: 'table-name', value: 'T', help: 'the table, or database.table (required)' },
  { name: 'create-table', value: null, help: 'create the table if it does not exist' },
  { name: 'batch-size', value: 'N', help: 'rows of one inserted block (10000)' },
  { name: 'schema-file', value: 'S', help: 'JSON object of column name -> ClickHouse type for --create-table' },
  { name: 'format', value: 'NAME', help: `${FORMAT_NAMES.join(', ')} (by extension, then by contents)` },
  { name: 'skip-unknown', value: null, help: 'leave out columns that the table does not have' },
  { name: 'ttl-hours', value: 'N', help: 'a created table forgets rows N hours after MsgHeader_MessageTime' },
  { name: 'db-host', value: 'H', help: 'ClickHouse host (CLICKHOUSE_HOST, localhost)' },
  { name: 'db-port', value: 'P', help: 'its HTTP port (CLICKHOUSE_PORT, 8123, with --db-secure 8443)' },
  { name: 'db-database', value: 'D', help: 'database (CLICKHOUSE_DATABASE, default)' },
  { name: 'db-user', value: 'U', help: 'user (CLICKHOUSE_USER, default)' },
  { name: 'db-password', value: 'W', help: 'password; CLICKHOUSE_PASSWORD is safer, as `ps` does not show it' },
  { name: 'db-secure', value: null, help: 'use HTTPS (CLICKHOUSE_SECURE=true)' },
  { name: 'json', value: null, help: 'report the result as one line of JSON (ATD_OUTPUT=json)' },
  { name: 'help', value: null, help: 'show this help' },
];

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

export interface RecordsRequest {
  readonly file: string;
  readonly table: TableName;
  readonly createTable: boolean;
  readonly schemaFile: string | null;
  readonly ttlHours: number | null;
  readonly format: FormatName | null;
  readonly batchSize: number;
  readonly skipUnknown: boolean;
  readonly json: boolean;
  readonly deduplicationToken: string | null;
  readonly connection: Connection;
}

export type RecordsArguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'request'; readonly request: RecordsRequest }
  | { readonly kind: 'invalid'; readonly exitCode: ExitCode; readonly reason: string };

/** Thrown and caught within this file only. */
class Invalid extends Error {
  readonly exitCode: ExitCode;

  constructor(reason: string, exitCode: ExitCode = ExitCode.usage) {
    super(reason);
    this.exitCode = exitCode;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function parseRecordsArguments(args: readonly string[], env: Environment): RecordsArguments {
  try {
    const given = readOptions(args);
    if (given.has('help')) return { kind: 'help' };
    return { kind: 'request', request: toRequest(given, env) };
  } catch (error) {
    if (error instanceof Invalid) return { kind: 'invalid', exitCode: error.exitCode, reason: error.message };
    throw error;
  }
}

/** `--name value`, `--name=value` and switches; `-h` is `--help`. Node's own parser takes a millisecond to load. */
function readOptions(args: readonly string[]): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const word = args[index] as string;
    if (!word.startsWith('-')) throw new Invalid(`unexpected argument '${word}'`);
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const spec = RECORDS_OPTIONS.find(
      (option) => name === `--${option.name}` || (name === '-h' && option.name === 'help'),
    );
    if (spec === undefined) {
      const known = RECORDS_OPTIONS.map((option) => `--${option.name}`);
      throw new Invalid(unknownWord('option', name, known));
    }
    const joined = equals < 0 ? null : word.slice(equals + 1);
    if (spec.value === null && joined !== null) throw new Invalid(`--${spec.name} takes no value`);
    const value = spec.value === null ? '' : (joined ?? args[++index]);
    if (value === undefined) throw new Invalid(`--${spec.name} needs a value`);
    given.set(spec.name, value);
  }
  return given;
}

/** `unknown option '--tabel-name' (did you mean '--table-name'?)` */
export function unknownWord(what: string, word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return `unknown ${what} '${word}'${meant === null ? '' : ` (did you mean '${meant}'?)`}`;
}

function toRequest(given: ReadonlyMap<string, string>, env: Environment): RecordsRequest {
  const createTable = given.has('create-table');
  const ttl = given.get('ttl-hours');
  if (ttl !== undefined && !createTable)
    throw new Invalid('--ttl-hours needs --create-table: a table is never changed');
  const schemaFile = given.get('schema-file') ?? null;
  return {
    file: required(given, 'file'),
    table: tableName(required(given, 'table-name')),
    createTable,
    schemaFile: schemaFile === '' ? null : schemaFile,
    ttlHours: ttl === undefined ? null : integer('--ttl-hours', ttl, 1, 1_000_000),
    format: formatName(given.get('format')),
    batchSize: integer('--batch-size', given.get('batch-size') ?? '10000', 1, 10_000_000),
    skipUnknown: given.has('skip-unknown'),
    json: given.has('json') || env['ATD_OUTPUT'] === 'json',
    deduplicationToken: env['ATD_DEDUP_TOKEN'] || null,
    connection: connection(given, env),
  };
}

function connection(given: ReadonlyMap<string, string>, env: Environment): Connection {
  const secure = given.has('db-secure') || flag('CLICKHOUSE_SECURE', env['CLICKHOUSE_SECURE']);
  const either = (option: string, variable: string, otherwise: string): { value: string; source: string } => {
    const argument = given.get(option);
    if (argument !== undefined) return { value: argument, source: `--${option}` };
    return { value: env[variable] || otherwise, source: variable };
  };
  const host = either('db-host', 'CLICKHOUSE_HOST', 'localhost');
  if (!/^[A-Za-z0-9._:-]+$/.test(host.value)) {
    throw new Invalid(
      `${host.source} '${host.value}' is not a host name or address (no scheme, port or path)`,
      exitCodeFor(host.source),
    );
  }
  const port = either('db-port', 'CLICKHOUSE_PORT', secure ? '8443' : '8123');
  const database = either('db-database', 'CLICKHOUSE_DATABASE', 'default');
  if (database.value === '') throw new Invalid('--db-database is empty');
  return {
    host: host.value,
    port: integer(port.source, port.value, 1, 65_535),
    secure,
    database: database.value,
    user: either('db-user', 'CLICKHOUSE_USER', 'default').value,
    password: either('db-password', 'CLICKHOUSE_PASSWORD', '').value,
  };
}

/** A wrong variable is the configuration's fault, a wrong argument the caller's. */
function exitCodeFor(source: string): ExitCode {
  return source.startsWith('--') ? ExitCode.usage : ExitCode.configuration;
}

function flag(variable: string, value: string | undefined): boolean {
  if (value === undefined || value === '' || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1') return true;
  throw new Invalid(`${variable} '${value}' is neither true nor false`, ExitCode.configuration);
}

function required(given: ReadonlyMap<string, string>, name: string): string {
  const value = given.get(name);
  if (value === undefined) throw new Invalid(`--${name} is missing`);
  if (value === '') throw new Invalid(`--${name} is empty`);
  return value;
}

function tableName(value: string): TableName {
  const match = /^(?:([A-Za-z_][A-Za-z0-9_]*)\.)?([A-Za-z_][A-Za-z0-9_]*)$/.exec(value);
  if (!match?.[2]) {
    throw new Invalid(
      `--table-name '${value}' is not a table name (letters, digits and underscores, or database.table)`,
    );
  }
  return { database: match[1] ?? null, table: match[2] };
}

function formatName(value: string | undefined): FormatName | null {
  if (value === undefined) return null;
  const name = FORMAT_NAMES.find((format) => format === value.toLowerCase());
  if (!name) throw new Invalid(`${unknownWord('format', value, FORMAT_NAMES)} (known: ${FORMAT_NAMES.join(', ')})`);
  return name;
}

function integer(source: string, value: string, min: number, max: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new Invalid(`${source} '${value}' is not a whole number from ${min} to ${max}`, exitCodeFor(source));
}
