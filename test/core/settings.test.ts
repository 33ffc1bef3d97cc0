import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EngineConfig, engineSettings } from '../../lib/core/settings.js';

const CONFIG: EngineConfig = {
  clickhouse: { host: 'db', port: 8_123, database: 'logs', user: 'loader', password: 'secret', secure: true },
  as_cli: {
    timeout: 300,
    grace: 0.5,
    additional_args: ['--skip-unknown'],
    password_in: 'argv',
    pass_env: ['PATH', 'TZ', 'HOME'],
  },
  kafka: { commit_interval_ms: 250 },
  thread_pool_size: 7,
  auto_create_tables: true,
  table_prefix: 'p',
  default_table: 'd',
  batch_size: 10,
  schema_file: '/schema.json',
  tenants: { allowed: [' Acme', 'globex'] },
  ingest: {
    allowed_roots: ['/in'],
    max_message_bytes: 1_024,
    max_queued_jobs: 11,
    max_queued_bytes: 12,
    max_uncommitted: 13,
  },
  service: {
    retry: {
      enabled: true,
      max_attempts: 4,
      max_timeouts: 2,
      max_interruptions: 7,
      backoff_seconds: 1.5,
      max_backoff_seconds: 60,
      permanent_exit_codes: [65],
    },
    circuit_breaker: { threshold: 3, dead_letters: 9, open_seconds: 2, max_open_seconds: 30 },
  },
};
const LOADER = { file: '/usr/bin/node', args: ['/opt/as-cli'] };

describe('engineSettings', () => {
  it('hands each part its slice, in milliseconds', () => {
    assert.deepEqual(engineSettings(CONFIG, LOADER, { PATH: '/bin', TZ: 'UTC', SECRET: 'x' }), {
      slots: 7,
      records: {
        maxMessageBytes: 1_024,
        commitIntervalMs: 250,
        routing: { tablePrefix: 'p', defaultTable: 'd', allowedTenants: ['acme', 'globex'] },
      },
      maxUncommitted: 13,
      load: { jobs: 11, bytes: 12 },
      command: {
        executable: '/usr/bin/node',
        executableArgs: ['/opt/as-cli'],
        createTable: true,
        batchSize: 10,
        schemaFile: '/schema.json',
        clickhouse: CONFIG.clickhouse,
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
      },
      breaker: { threshold: 3, deadLetters: 9, openMs: 2_000, maxOpenMs: 30_000 },
    });
  });

  it('means one attempt when retries are switched off', () => {
    const { retry, circuit_breaker } = CONFIG.service;
    const config = { ...CONFIG, service: { circuit_breaker, retry: { ...retry, enabled: false } } };
    assert.equal(engineSettings(config, LOADER, {}).retry.maxAttempts, 1);
  });
});
