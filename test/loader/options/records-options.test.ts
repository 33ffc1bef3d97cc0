import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Environment, Parsed } from '../../../lib/loader/options/options.js';
import { parseRecordsArguments, type RecordsRequest } from '../../../lib/loader/options/records-options.js';

const REQUIRED = ['--file', '/d/a.parquet', '--table-name', 'atd_acme'];

const LOAD_ID = '0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0e';

/** What the files hold that may be named. */
const FILES: Readonly<Record<string, string>> = {
  '/run/secrets/password': 'from a file\n',
  '/run/secrets/empty': '\n',
  '/etc/ca.pem': '-----BEGIN CERTIFICATE-----\n',
  '/etc/not-a-ca': 'hello',
};

function parsed(args: readonly string[], env: Environment = {}): Parsed<RecordsRequest> {
  return parseRecordsArguments(args, env, (path) => {
    const text = FILES[path];
    if (text === undefined) throw new Error('ENOENT: no such file or directory');
    return text;
  });
}

function request(args: readonly string[], env: Environment = {}): RecordsRequest {
  const result = parsed(args, env);
  assert.equal(result.kind, 'request', JSON.stringify(result));
  return (result as Extract<typeof result, { kind: 'request' }>).request;
}

test('the file and the table are enough, everything else has a default', () => {
  assert.deepEqual(request(REQUIRED), {
    file: '/d/a.parquet',
    allowedRoots: [],
    table: { database: null, table: 'atd_acme' },
    createTable: false,
    schemaFile: null,
    ttlHours: null,
    making: {
      engine: 'MergeTree',
      orderBy: null,
      partitionBy: null,
      onCluster: null,
      durable: false,
      provenance: false,
    },
    format: null,
    batchSize: null,
    skipUnknown: false,
    allowRounding: false,
    nullAsDefault: false,
    progress: false,
    json: false,
    deduplicationToken: null,
    generation: 0,
    loadId: null,
    connection: {
      ...{ host: 'localhost', port: 8123, secure: false, ca: null, database: 'default', user: 'default', password: '' },
      ...{ connectMs: 10_000, silenceMs: 600_000 },
    },
  });
});

test('the whole command line is understood, with and without an equals sign', () => {
  const apart = [
    ...['--file', 'a.csv', '--table-name', 'db1.t', '--create-table', '--batch-size', '500', '--schema-file', 's.json'],
    ...['--format', 'csv', '--db-host', '::1', '--db-port', '1', '--db-database', 'd', '--db-user', 'u'],
    ...['--db-password', '-w=1', '--db-secure', '--skip-unknown', '--ttl-hours', '24', '--json', '--progress'],
    ...['--allow-rounding', '--null-as-default', '--generation', '2', '--durable', '--on-cluster', '{cluster}'],
    ...['--engine', 'ReplacingMergeTree(v)', '--order-by', 'a, cityHash64(b)', '--partition-by', 'toYYYYMM(t)'],
    ...['--db-ca-file', '/etc/ca.pem', '--connect-timeout', '3', '--timeout', '60'],
    ...['--load-id', '0C9F0A4E-3E55-8A0B-9C1D-2F6A7B8C9D0E'],
  ];
  const joined = [
    ...['--file=a.csv', '--table-name=db1.t', '--create-table', '--batch-size=500', '--schema-file=s.json'],
    ...['--format=csv', '--db-host=::1', '--db-port=1', '--db-database=d', '--db-user=u'],
    ...['--db-password=-w=1', '--db-secure', '--skip-unknown', '--ttl-hours=24', '--json', '--progress'],
    ...['--allow-rounding', '--null-as-default', '--generation=2', '--durable', '--on-cluster={cluster}'],
    ...['--engine=ReplacingMergeTree(v)', '--order-by=a, cityHash64(b)', '--partition-by=toYYYYMM(t)'],
    ...['--db-ca-file=/etc/ca.pem', '--connect-timeout=3', '--timeout=60'],
    '--load-id=0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0e',
  ];
  const expected: RecordsRequest = {
    file: 'a.csv',
    allowedRoots: [],
    table: { database: 'db1', table: 't' },
    createTable: true,
    schemaFile: 's.json',
    ttlHours: 24,
    making: {
      ...{ engine: 'ReplacingMergeTree(v)', orderBy: 'a, cityHash64(b)', partitionBy: 'toYYYYMM(t)' },
      ...{ onCluster: '{cluster}', durable: true, provenance: true },
    },
    format: 'csv',
    batchSize: 500,
    skipUnknown: true,
    allowRounding: true,
    nullAsDefault: true,
    progress: true,
    json: true,
    deduplicationToken: null,
    generation: 2,
    loadId: '0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0e',
    connection: {
      ...{ host: '::1', port: 1, secure: true, ca: '-----BEGIN CERTIFICATE-----\n', database: 'd', user: 'u' },
      ...{ password: '-w=1', connectMs: 3_000, silenceMs: 60_000 },
    },
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
    ca: null,
    database: 'logs',
    user: 'loader',
    password: 'secret',
    connectMs: 10_000,
    silenceMs: 600_000,
  });
  assert.equal(fromEnvironment.deduplicationToken, 'topic/0/17/0');
  const both = request([...REQUIRED, '--db-host', 'h', '--db-password', ''], env);
  assert.equal(both.connection.host, 'h');
  assert.equal(both.connection.password, '');
  assert.equal(both.connection.user, 'loader');
  assert.equal(request(REQUIRED, { CLICKHOUSE_HOST: '', ATD_DEDUP_TOKEN: '' }).deduplicationToken, null);
});

test('the generation of a token comes from either, and is 0 otherwise', () => {
  const env = { ATD_GENERATION: '3' };
  assert.equal(request(REQUIRED, env).generation, 3);
  assert.equal(request([...REQUIRED, '--generation', '0'], env).generation, 0);
  assert.equal(request(REQUIRED, { ATD_GENERATION: '' }).generation, 0);
});

test('the load id comes from either, and only a UUID is one', () => {
  const env = { ATD_LOAD_ID: '0C9F0A4E-3E55-8A0B-9C1D-2F6A7B8C9D0E' };
  assert.equal(request(REQUIRED, env).loadId, '0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0e');
  assert.equal(request(REQUIRED, env).making.provenance, true);
  assert.equal(request(REQUIRED, { ATD_LOAD_ID: '' }).loadId, null);
  for (const id of ['', '7', "0c9f0a4e-3e55-8a0b-9c1d-2f6a7b8c9d0'"]) {
    assert.equal(parsed([...REQUIRED, '--load-id', id], env).kind, 'invalid', id);
  }
});

test('HTTPS has a port of its own', () => {
  assert.equal(request([...REQUIRED, '--db-secure']).connection.port, 8443);
});

test('a supervisor asks for HTTPS and for JSON by the environment', () => {
  const { connection, json } = request(REQUIRED, { CLICKHOUSE_SECURE: 'true', ATD_OUTPUT: 'json' });
  assert.deepEqual([connection.secure, connection.port, json], [true, 8443, true]);
  assert.equal(request(REQUIRED, { CLICKHOUSE_SECURE: 'false', ATD_OUTPUT: '' }).connection.secure, false);
  assert.equal(parsed(REQUIRED, { CLICKHOUSE_SECURE: 'perhaps' }).kind, 'invalid');
});

test('the password may stand in a file, and the nearest source of it wins', () => {
  const file = '/run/secrets/password';
  const password = (args: readonly string[], env: Environment = {}): string =>
    request([...REQUIRED, ...args], env).connection.password;
  assert.equal(password(['--db-password-file', file]), 'from a file');
  assert.equal(password([], { CLICKHOUSE_PASSWORD_FILE: file }), 'from a file');
  assert.equal(password(['--db-password-file', file], { CLICKHOUSE_PASSWORD: 'x' }), 'from a file');
  assert.equal(password([], { CLICKHOUSE_PASSWORD: 'x', CLICKHOUSE_PASSWORD_FILE: file }), 'x');
  assert.equal(password(['--db-password', 'y'], { CLICKHOUSE_PASSWORD_FILE: file }), 'y');
});

test('the authorities to trust come from a file, where there is a certificate to verify', () => {
  const ca = (args: readonly string[], env: Environment = {}): string | null =>
    request([...REQUIRED, ...args], env).connection.ca;
  assert.match(ca(['--db-secure'], { CLICKHOUSE_CA_FILE: '/etc/ca.pem' }) ?? '', /BEGIN CERTIFICATE/);
  assert.equal(ca([], { CLICKHOUSE_CA_FILE: '/etc/ca.pem' }), null);
});

test('help wins over everything that is missing', () => {
  assert.deepEqual(parsed(['--help']), { kind: 'help' });
  assert.deepEqual(parsed(['--file', 'x', '-h']), { kind: 'help' });
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
  [[...REQUIRED, '--create-table', '--ttl-hours', '1000000'], /--ttl-hours '1000000' .* from 1 to 262800/],
  [[...REQUIRED, '--db-password', 'x', '--db-password-file', 'y'], /leave out one of them/],
  [[...REQUIRED, '--db-ca-file', '/etc/ca.pem'], /--db-ca-file needs --db-secure/],
  [[...REQUIRED, '--generation', '-1'], /--generation '-1' is not a whole number from 0/],
  [[...REQUIRED, '--engine', 'MergeTree'], /--engine needs --create-table/],
  [[...REQUIRED, '--create-table', '--engine', 'Log'], /--engine 'Log' is none of the MergeTree family/],
  [[...REQUIRED, '--create-table', '--engine', 'MergeTree() AS SELECT 1'], /--engine/],
  [[...REQUIRED, '--create-table', '--order-by', 'a) SETTINGS x = (1'], /--order-by .* is no list of columns/],
  [[...REQUIRED, '--create-table', '--order-by', ''], /--order-by/],
  [[...REQUIRED, '--create-table', '--partition-by', 'a; DROP TABLE b'], /--partition-by/],
  [[...REQUIRED, '--create-table', '--partition-by', 'a -- b'], /--partition-by/],
  [
    [...REQUIRED, '--create-table', '--partition-by', 'toDate(_loaded_at)', '--load-id', LOAD_ID],
    /--partition-by .* another one in each attempt/,
  ],
  [[...REQUIRED, '--create-table', '--on-cluster', "a' b"], /--on-cluster .* is neither the name of a cluster/],
  [[...REQUIRED, '--timeout', '0'], /--timeout '0' is not a whole number from 1 to 86400/],
  [['--file', 'x', '--table-name', 'a-b'], /--table-name 'a-b' is not a table name/],
  [['--file', 'x', '--table-name', '1a'], /not a table name/],
  [['--file', 'x', '--table-name', 'a.b.c'], /not a table name/],
  [['--file', 'x', '--table-name', 'a`; DROP TABLE b'], /not a table name/],
];

test('the directories that a file must lie below come by the environment, as a list in JSON', () => {
  const roots = ['/data/a:b', '/data/\n"c"'];
  assert.deepEqual(request(REQUIRED, { ATD_ALLOWED_ROOTS: JSON.stringify(roots) }).allowedRoots, roots);
  assert.deepEqual(request(REQUIRED, { ATD_ALLOWED_ROOTS: '' }).allowedRoots, []);
});

test('every misuse is a usage error that names the argument', () => {
  for (const [args, reason] of INVALID) {
    const result = parsed(args);
    assert.equal(result.kind, 'invalid', args.join(' '));
    if (result.kind !== 'invalid') continue;
    assert.equal(result.exitCode, 64);
    assert.match(result.reason, reason);
  }
});

const MISCONFIGURED: readonly (readonly [args: readonly string[], env: Environment, reason: RegExp])[] = [
  [[], { ATD_GENERATION: 'second' }, /ATD_GENERATION 'second' is not a whole number/],
  ...['/data', '{}', '["data"]', '[1]', '["/data"'].map(
    (text) => [[], { ATD_ALLOWED_ROOTS: text }, /ATD_ALLOWED_ROOTS is .*, which is no list in JSON/] as const,
  ),
  [[], { ATD_LOAD_ID: 'first' }, /ATD_LOAD_ID 'first' is no UUID/],
  [[], { CLICKHOUSE_PORT: 'x' }, /CLICKHOUSE_PORT 'x' is not a whole number/],
  [[], { CLICKHOUSE_PASSWORD_FILE: '/nowhere' }, /CLICKHOUSE_PASSWORD_FILE '\/nowhere' cannot be read: ENOENT/],
  [['--db-password-file', '/run/secrets/empty'], {}, /--db-password-file '\/run\/secrets\/empty' is empty/],
  [['--db-secure', '--db-ca-file', '/etc/not-a-ca'], {}, /--db-ca-file '\/etc\/not-a-ca' holds no certificate/],
];

test('a wrong variable or file is an error of the configuration', () => {
  for (const [args, env, reason] of MISCONFIGURED) {
    const result = parsed([...REQUIRED, ...args], env);
    assert.equal(result.kind === 'invalid' && result.exitCode, 78);
    assert.match(result.kind === 'invalid' ? result.reason : '', reason);
  }
});
