/** How ClickHouse is reached and as whom: the same options and variables for every command. */
import { ExitCode } from '../../errors.js';
import { type Environment, exitCodeFor, type Given, Invalid, integer, type OptionSpec } from './options.js';

export const CONNECTION_OPTIONS: readonly OptionSpec[] = [
  { name: 'db-host', value: 'H', help: 'ClickHouse host (CLICKHOUSE_HOST, localhost)' },
  { name: 'db-port', value: 'P', help: 'its HTTP port (CLICKHOUSE_PORT, 8123, with --db-secure 8443)' },
  { name: 'db-database', value: 'D', help: 'database (CLICKHOUSE_DATABASE, default)' },
  { name: 'db-user', value: 'U', help: 'user (CLICKHOUSE_USER, default)' },
  { name: 'db-password', value: 'W', help: 'password; CLICKHOUSE_PASSWORD is safer, as `ps` does not show it' },
  { name: 'db-password-file', value: 'F', help: 'file that holds the password (CLICKHOUSE_PASSWORD_FILE)' },
  { name: 'db-secure', value: null, help: 'use HTTPS (CLICKHOUSE_SECURE=true); certificates are always verified' },
  { name: 'db-ca-file', value: 'F', help: 'PEM file of the authorities to trust (CLICKHOUSE_CA_FILE, those of Node)' },
  { name: 'connect-timeout', value: 'S', help: 'seconds to wait for a connection (10)' },
  { name: 'timeout', value: 'S', help: 'seconds that ClickHouse may be silent during an insert (600)' },
];

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Certificates of the authorities to trust instead of those that Node knows. */
  readonly ca: string | null;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly connectMs: number;
  readonly silenceMs: number;
}

/** The text of a file. @throws Error whose message says why it cannot be read */
export type ReadText = (path: string) => string;

interface Sourced {
  readonly value: string;
  /** The option or the variable that it came from. */
  readonly source: string;
}

export function readConnection(given: Given, env: Environment, readText: ReadText): Connection {
  const either = (option: string, variable: string): Sourced | null => {
    const argument = given.get(option);
    if (argument !== undefined) return { value: argument, source: `--${option}` };
    const value = env[variable];
    return value ? { value, source: variable } : null;
  };
  const secure = given.has('db-secure') || flag('CLICKHOUSE_SECURE', env['CLICKHOUSE_SECURE']);
  const database = either('db-database', 'CLICKHOUSE_DATABASE')?.value ?? 'default';
  if (database === '') throw new Invalid('--db-database is empty');
  const port = either('db-port', 'CLICKHOUSE_PORT') ?? { value: secure ? '8443' : '8123', source: '--db-port' };
  return {
    host: hostName(either('db-host', 'CLICKHOUSE_HOST')),
    port: integer(port.source, port.value, 1, 65_535),
    secure,
    ca: authorities(either('db-ca-file', 'CLICKHOUSE_CA_FILE'), secure, readText),
    database,
    user: either('db-user', 'CLICKHOUSE_USER')?.value ?? 'default',
    password: password(given, env, readText),
    connectMs: integer('--connect-timeout', given.get('connect-timeout') ?? '10', 1, 3600) * 1000,
    silenceMs: integer('--timeout', given.get('timeout') ?? '600', 1, 86_400) * 1000,
  };
}

function hostName(host: Sourced | null): string {
  if (host === null) return 'localhost';
  if (/^[A-Za-z0-9._:-]+$/.test(host.value)) return host.value;
  throw new Invalid(
    `${host.source} '${host.value}' is not a host name or address (no scheme, port or path)`,
    exitCodeFor(host.source),
  );
}

/** An argument wins over a variable, and the password itself over the file that holds it. */
function password(given: Given, env: Environment, readText: ReadText): string {
  const argument = given.get('db-password');
  const file = given.get('db-password-file');
  if (argument !== undefined && file !== undefined) {
    throw new Invalid('--db-password and --db-password-file are given; leave out one of them');
  }
  if (argument !== undefined) return argument;
  if (file !== undefined) return secretIn({ value: file, source: '--db-password-file' }, readText);
  if (env['CLICKHOUSE_PASSWORD']) return env['CLICKHOUSE_PASSWORD'];
  const variable = env['CLICKHOUSE_PASSWORD_FILE'];
  return variable ? secretIn({ value: variable, source: 'CLICKHOUSE_PASSWORD_FILE' }, readText) : '';
}

function secretIn(file: Sourced, readText: ReadText): string {
  // Editors end a file with a line end, which belongs to no password.
  const secret = contentsOf(file, readText).replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new Invalid(`${file.source} '${file.value}' is empty; write the password into it`, ExitCode.configuration);
}

function authorities(file: Sourced | null, secure: boolean, readText: ReadText): string | null {
  if (file === null) return null;
  if (!secure) {
    if (file.source === 'CLICKHOUSE_CA_FILE') return null;
    throw new Invalid('--db-ca-file needs --db-secure: without HTTPS there is no certificate to verify');
  }
  const text = contentsOf(file, readText);
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new Invalid(`${file.source} '${file.value}' holds no certificate in PEM format`, ExitCode.configuration);
}

function contentsOf({ source, value }: Sourced, readText: ReadText): string {
  try {
    return readText(value);
  } catch (error) {
    throw new Invalid(`${source} '${value}' cannot be read: ${(error as Error).message}`, ExitCode.configuration);
  }
}

function flag(variable: string, value: string | undefined): boolean {
  if (value === undefined || value === '' || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1') return true;
  throw new Invalid(`${variable} '${value}' is neither true nor false`, ExitCode.configuration);
}
