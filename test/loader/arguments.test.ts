import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Environment, parseRecordsArguments, type RecordsRequest } from '../../lib/loader/arguments.js';

const REQUIRED = ['--file', '/d/a.parquet', '--table-name', 'atd_acme'];

function request(args: readonly string[], env: Environment = {}): RecordsRequest {
  const parsed = parseRecordsArguments(args, env);
  assert.equal(parsed.kind, 'request', JSON.stringify(parsed));
  return (parsed as Extract<typeof parsed, { kind: 'request' }>).request;
}

test('the file and the table are enough, everything else has a default', () => {
  assert.deepEqual(request(REQUIRED), {
    file: '/d/a.parquet',
    table: { database: null, table: 'atd_acme' },
    createTable: false,
    schemaFile: null,
    ttlHours: null,
    format: null,
    batchSize: 10_000,
    skipUnknown: false,
    json: false,
    deduplicationToken: null,
    connection: { host: 'localhost', port: 8123, secure: false, database: 'default', user: 'default', password: '' },
  });
});

test('the whole command line is understood, with and without an equals sign', () => {
  const apart = [
    ...['--file', 'a.csv', '--table-name', 'db1.t', '--create-table', '--batch-size', '500', '--schema-file', 's.json'],
    ...['--format', 'csv', '--db-host', '::1', '--db-port', '1', '--db-database', 'd', '--db-user', 'u'],
    ...['--db-password', '-w=1', '--db-secure', '--skip-unknown', '--ttl-hours', '24', '--json'],
  ];
  const joined = [
    ...['--file=a.csv', '--table-name=db1.t', '--create-table', '--batch-size=500', '--schema-file=s.json'],
    ...['--format=csv', '--db-host=::1', '--db-port=1', '--db-database=d', '--db-user=u'],
    ...['--db-password=-w=1', '--db-secure', '--skip-unknown', '--ttl-hours=24', '--json'],
  ];
  const expected: RecordsRequest = {
    file: 'a.csv',
    table: { database: 'db1', table: 't' },
    createTable: true,
    schemaFile: 's.json',
    ttlHours: 24,
    format: 'csv',
    batchSize: 500,
    skipUnknown: true,
    json: true,
    deduplicationToken: null,
    connection: { host: '::1', port: 1, secure: true, database: 'd', user: 'u', password: '-w=1' },
  };
  assert.deepEqual(request(apart), expected);
  assert.deepEqual(request(joined), expected);
});

test('arguments win over the environment and the environment over the defaults', () => {
  const env = {
    CLICKHOUSE_HOST: 'ch',
    CLICKHOUSE_PORT: '9',
    CLICKHOUSE_DATABASE: 'logs',
    CLICKHOUSE_USER: 'loader',
    CLICKHOUSE_PASSWORD: 'secret',
    ATD_DEDUP_TOKEN: 'topic/0/17/0',
  };
  const fromEnvironment = request(REQUIRED, env);
  assert.deepEqual(fromEnvironment.connection, {
    host: 'ch',
    port: 9,
    secure: false,
    database: 'logs',
    user: 'loader',
    password: 'secret',
  });
  assert.equal(fromEnvironment.deduplicationToken, 'topic/0/17/0');
  const both = request([...REQUIRED, '--db-host', 'h', '--db-password', ''], env);
  assert.equal(both.connection.host, 'h');
  assert.equal(both.connection.password, '');
  assert.equal(both.connection.user, 'loader');
  assert.equal(request(REQUIRED, { CLICKHOUSE_HOST: '', ATD_DEDUP_TOKEN: '' }).deduplicationToken, null);
});

test('HTTPS has a port of its own', () => {
  assert.equal(request([...REQUIRED, '--db-secure']).connection.port, 8443);
});

test('a supervisor asks for HTTPS and for JSON by the environment', () => {
  const { connection, json } = request(REQUIRED, { CLICKHOUSE_SECURE: 'true', ATD_OUTPUT: 'json' });
  assert.deepEqual([connection.secure, connection.port, json], [true, 8443, true]);
  assert.equal(request(REQUIRED, { CLICKHOUSE_SECURE: 'false', ATD_OUTPUT: '' }).connection.secure, false);
  assert.equal(parseRecordsArguments(REQUIRED, { CLICKHOUSE_SECURE: 'perhaps' }).kind, 'invalid');
});

test('help wins over everything that is missing', () => {
  assert.deepEqual(parseRecordsArguments(['--help'], {}), { kind: 'help' });
  assert.deepEqual(parseRecordsArguments(['--file', 'x', '-h'], {}), { kind: 'help' });
});

const INVALID: readonly (readonly [args: readonly string[], reason: RegExp])[] = [
  [[], /--file is missing/],
  [['--file', 'x'], /--table-name is missing/],
  [['--file', '', '--table-name', 't'], /--file is empty/],
  [['--file'], /--file needs a value/],
  [[...REQUIRED, 'stray'], /unexpected argument 'stray'/],
  [[...REQUIRED, '--tabel-name', 't'], /unknown option '--tabel-name' \(did you mean '--table-name'\?\)/],
  [[...REQUIRED, '--quite-unlike'], /unknown option '--quite-unlike'$/],
  [[...REQUIRED, '--json=yes'], /--json takes no value/],
  [[...REQUIRED, '--format', 'parket'], /unknown format 'parket' \(did you mean 'parquet'\?\)/],
  [[...REQUIRED, '--batch-size', '0'], /--batch-size '0' is not a whole number from 1 to 10000000/],
  [[...REQUIRED, '--batch-size', '1e3'], /--batch-size '1e3'/],
  [[...REQUIRED, '--db-port', '70000'], /--db-port '70000' .* 65535/],
  [[...REQUIRED, '--db-host', 'http://x:8123'], /--db-host 'http:\/\/x:8123' is not a host name/],
  [[...REQUIRED, '--ttl-hours', '5'], /--ttl-hours needs --create-table/],
  [['--file', 'x', '--table-name', 'a-b'], /--table-name 'a-b' is not a table name/],
  [['--file', 'x', '--table-name', '1a'], /not a table name/],
  [['--file', 'x', '--table-name', 'a.b.c'], /not a table name/],
  [['--file', 'x', '--table-name', 'a`; DROP TABLE b'], /not a table name/],
];

test('every misuse is a usage error that names the argument', () => {
  for (const [args, reason] of INVALID) {
    const parsed = parseRecordsArguments(args, {});
    assert.equal(parsed.kind, 'invalid', args.join(' '));
    if (parsed.kind !== 'invalid') continue;
    assert.equal(parsed.exitCode, 64);
    assert.match(parsed.reason, reason);
  }
});

test('a wrong variable is an error of the configuration', () => {
  const parsed = parseRecordsArguments(REQUIRED, { CLICKHOUSE_PORT: 'x' });
  assert.equal(parsed.kind === 'invalid' && parsed.exitCode, 78);
});
