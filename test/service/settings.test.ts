import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig } from '../../lib/config/load.js';
import type { Config } from '../../lib/config/schema.js';
import { loadIdOf } from '../../lib/ledger/load-id.js';
import { workerSettings } from '../../lib/service/adapters.js';
import { engineSettings, hasLedger, ledgerConnection, ledgerTable } from '../../lib/service/settings.js';

const directory = mkdtempSync(join(tmpdir(), 'atd-settings-'));
after(() => rmSync(directory, { recursive: true }));
const SCHEMA_FILE = join(directory, 'schema.json');
writeFileSync(SCHEMA_FILE, '{"time": "DateTime"}');

/** Another value than the default for each setting that the engine is given. */
const GIVEN = {
  'clickhouse.host': 'db',
  'clickhouse.port': '8123',
  'clickhouse.database': 'logs',
  'clickhouse.user': 'loader',
  'clickhouse.password': 'secret',
  'clickhouse.secure': 'true',
  'as_cli.timeout': '300',
  'as_cli.grace': '0.5',
  'as_cli.additional_args': '--skip-unknown',
  'as_cli.password_in': 'argv',
  'as_cli.pass_env': 'PATH,TZ,HOME',
  'kafka.commit_interval_ms': '250',
  'kafka.session_timeout_ms': '30000',
  thread_pool_size: '7',
  auto_create_tables: 'true',
  table_prefix: 'p',
  default_table: 'd',
  batch_size: '10',
  schema_file: SCHEMA_FILE,
  'tenants.allowed': ' Acme,globex',
  'tenants.required': 'true',
  'ingest.settle_seconds': '30',
  'tenants.unknown': 'hold',
  'tenants.hold_seconds': '20',
  'ingest.allowed_roots': '/in',
  'ingest.max_message_bytes': '2048',
  'ingest.max_queued_jobs': '11',
  'ingest.max_queued_bytes': '2097152',
  'ingest.max_uncommitted': '13',
  'service.retry.max_attempts': '4',
  'service.retry.max_timeouts': '2',
  'service.retry.max_interruptions': '7',
  'service.retry.backoff_seconds': '1.5',
  'service.retry.max_backoff_seconds': '60',
  'service.retry.permanent_exit_codes': '65',
  'service.circuit_breaker.threshold': '3',
  'service.circuit_breaker.dead_letters': '9',
  'service.circuit_breaker.open_seconds': '2',
  'service.circuit_breaker.max_open_seconds': '30',
  'ingest.max_waiting_jobs': '17',
  'tenants.set_aside': 'topic',
  'kafka.topic': 'announced',
  'tenants.weights': 'Acme=2.5',
  'tenants.max_loads': '5',
};

function configured(more: Readonly<Record<string, string>> = {}): Config {
  return loadConfig({ file: null, env: {}, args: { ...GIVEN, ...more } }).config;
}

const LOADER = {
  ...{ file: '/usr/bin/node', args: ['/opt/as-cli'], loadArgs: ['/opt/warm'] },
  ...({ bundled: true, launch: 'warm' } as const),
};

describe('engineSettings', () => {
  it('hands each part its slice, in milliseconds', () => {
    assert.deepEqual(engineSettings(configured(), LOADER, { PATH: '/bin', TZ: 'UTC', SECRET: 'x' }), {
      slots: 7,
      adaptiveSlots: false,
      sessionTimeoutMs: 30_000,
      records: {
        maxMessageBytes: 2_048,
        commitIntervalMs: 250,
        boot: null,
        holdUnknownMs: 20_000,
        routing: {
          tablePrefix: 'p',
          defaultTable: 'd',
          allowedTenants: new Set(['acme', 'globex']),
          tenantRequired: true,
          reservedTables: new Set(['atd__loads', 'atd__loads_current', 'atd__loads_acts']),
        },
        waiting: { of: 'announced', topic: 'announced.waiting' },
      },
      maxUncommitted: 13,
      settleMs: 30_000,
      load: { jobs: 11, waiting: 17, bytes: 2_097_152 },
      awaitsControl: true,
      maxDeadLettersInRow: 9,
      fairness: { weights: new Map([['acme', 2.5]]), maxRunning: 5, share: 56 },
      command: {
        executable: '/usr/bin/node',
        executableArgs: ['/opt/warm'],
        bundled: true,
        createTable: true,
        batchSize: 10,
        schemaFile: SCHEMA_FILE,
        tables: { engine: null, orderBy: null, partitionBy: null, onCluster: null, durable: false },
        clickhouse: configured().clickhouse,
        passwordIn: 'argv',
        additionalArgs: ['--skip-unknown'],
        timeoutMs: 300_000,
        graceMs: 500,
        allowedRoots: ['/in'],
        environment: { PATH: '/bin', TZ: 'UTC' },
      },
      retry: {
        maxAttempts: 4,
        maxTimeouts: 2,
        maxInterruptions: 7,
        backoffMs: 1_500,
        maxBackoffMs: 60_000,
        maxUnchargedMs: 30_000,
        permanentExitCodes: [65],
        unavailableExitCodes: [69, 75],
      },
      breaker: { threshold: 3, openMs: 2_000, maxOpenMs: 30_000 },
    });
  });

  it('has the ledger say which load a row is of, where it is to be said', () => {
    const { command } = engineSettings(configured({ 'ingest.provenance': 'true' }), LOADER, {});
    assert.equal(command.loadIdOf?.('files/0/1/0@5', 1), loadIdOf('files/0/1/0@5', 1));
  });

  it('lets one tenant have every slot, and a share of the queue that keeps them all busy', () => {
    const fairness = (slots: string) => {
      const args = { thread_pool_size: slots };
      return engineSettings(loadConfig({ file: null, env: {}, args }).config, LOADER, {}).fairness;
    };
    assert.deepEqual(fairness('2'), { weights: new Map(), maxRunning: 2, share: 32 });
    assert.deepEqual(fairness('64'), { weights: new Map(), maxRunning: 64, share: 512 });
  });

  it('gives the AS_ variables of its own environment to a loader that is not the bundled one, and to no other', () => {
    const environment = { PATH: '/bin', AS_DB_CONTAINER: 'ch', ASPECT: 'x', ATD_AS_CLI_TIMEOUT: '1' };
    const passed = (bundled: boolean) =>
      engineSettings(configured(), { ...LOADER, bundled }, environment).command.environment;
    assert.deepEqual(passed(true), { PATH: '/bin' });
    assert.deepEqual(passed(false), { PATH: '/bin', AS_DB_CONTAINER: 'ch' });
  });

  it('leaves the batch size to the bundled loader unless it is configured, and gives any other one 10000', () => {
    const batchSize = (bundled: boolean, more: Readonly<Record<string, number | string | null>>) => {
      const { config } = loadConfig({ file: null, env: {}, args: {} });
      return engineSettings({ ...config, ...more } as Config, { ...LOADER, bundled }, {}).command.batchSize;
    };
    for (const bundled of [true, false]) {
      assert.equal(batchSize(bundled, { batch_size: 10_000 }), 10_000);
      assert.equal(batchSize(bundled, { batch_size: 500 }), 500);
      assert.equal(batchSize(bundled, { batch_size: null }), null);
    }
    assert.equal(batchSize(true, {}), null);
    assert.equal(batchSize(true, { batch_size: 'auto' }), null);
    assert.equal(batchSize(false, {}), 10_000);
  });

  it('names the database default where a server is named and no database', () => {
    const database = (args: Readonly<Record<string, string>>) =>
      engineSettings(loadConfig({ file: null, env: {}, args }).config, LOADER, {}).command.clickhouse.database;
    assert.equal(database({}), null);
    assert.equal(database({ 'clickhouse.user': 'loader' }), null);
    assert.equal(database({ 'clickhouse.host': 'db' }), 'default');
    assert.equal(database({ 'clickhouse.port': '8123' }), 'default');
    assert.equal(database({ 'clickhouse.host': 'db', 'clickhouse.database': 'logs' }), 'logs');
  });

  it('means one attempt when retries are switched off', () => {
    const config = configured({ 'service.retry.enabled': 'false' });
    assert.equal(engineSettings(config, LOADER, {}).retry.maxAttempts, 1);
  });
});

describe('workerSettings', () => {
  it('judges the bundled loader by its exit code alone', () => {
    const { sinkUnavailable, stdoutFailures } = workerSettings(configured(), LOADER);
    assert.deepEqual([sinkUnavailable.patterns, stdoutFailures], [[], null]);
  });

  it('judges any other loader by its words too, unless its exit code is said to be permanent', () => {
    const other = { ...LOADER, bundled: false };
    const { sinkUnavailable, stdoutFailures } = workerSettings(configured(), other);
    assert.ok(sinkUnavailable.patterns.length > 0);
    assert.deepEqual(sinkUnavailable.vagueExitCodes, [0, 1]);
    assert.deepEqual(stdoutFailures?.failurePatterns, configured().as_cli.failure_patterns);
    const permanent = configured({ 'service.retry.permanent_exit_codes': '1,65' });
    assert.deepEqual(workerSettings(permanent, other).sinkUnavailable.vagueExitCodes, [0]);
  });
});

describe('the ledger', () => {
  const settings = (args: Readonly<Record<string, string>>) => loadConfig({ file: null, env: {}, args }).config;

  it('is there for the bundled loader with a host, and otherwise where it is asked for', () => {
    const found = (enabled: string, host: string, bundled: boolean) =>
      hasLedger(settings({ 'ledger.enabled': enabled, 'clickhouse.host': host }), { bundled });
    assert.deepEqual(
      [found('auto', 'db', true), found('auto', '', true), found('auto', 'db', false)],
      [true, false, false],
    );
    assert.deepEqual([found('true', '', false), found('false', 'db', true)], [true, false]);
  });

  it('is where the files go, unless it is to be elsewhere', () => {
    const table = ledgerTable(settings({ 'clickhouse.host': 'db' }));
    assert.deepEqual(table, {
      ...{ database: 'default', name: 'atd__loads', retentionDays: 400, onCluster: null, isReplicated: false },
    });
    const other = {
      ...{
        'clickhouse.database': 'logs',
        'ledger.database': 'ops',
        'ledger.table': 'runs',
        'ledger.retention_days': '7',
      },
      ...{ 'tables.engine': 'ReplicatedReplacingMergeTree', 'tables.on_cluster': '{cluster}' },
    };
    assert.deepEqual(ledgerTable(settings(other)), {
      ...{ database: 'ops', name: 'runs', retentionDays: 7, onCluster: '{cluster}', isReplicated: true },
    });
    assert.equal(ledgerTable(settings({ 'clickhouse.database': 'logs' })).database, 'logs');
  });

  it('is reached as the bundled loader reaches ClickHouse, with its certificates', () => {
    const plain = ledgerConnection(settings({ 'clickhouse.host': 'db' }), {});
    assert.deepEqual(plain, { host: 'db', port: 8123, secure: false, caFile: null, user: 'default', password: '' });
    const secure = {
      'clickhouse.host': 'db',
      'clickhouse.secure': 'true',
      'clickhouse.user': 'u',
      'clickhouse.password': 'p',
    };
    const of = (args: Readonly<Record<string, string>>) =>
      ledgerConnection(settings({ ...secure, ...args }), { CLICKHOUSE_CA_FILE: '/env.pem' });
    assert.deepEqual(of({}), { host: 'db', port: 8443, secure: true, caFile: '/env.pem', user: 'u', password: 'p' });
    assert.equal(of({ 'as_cli.additional_args': '--db-ca-file,/a.pem' }).caFile, '/a.pem');
    assert.equal(of({ 'as_cli.additional_args': '--db-ca-file=/b.pem' }).caFile, '/b.pem');
    assert.equal(of({ 'clickhouse.port': '9' }).port, 9);
  });
});
