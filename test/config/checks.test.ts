import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isInjected, warnOfVariables } from '../../lib/config/checks.js';
import { loadConfig } from '../../lib/config/load.js';

/** What Kubernetes puts into the environment for a Service called `atd-http` with the port 9464. */
const INJECTED = {
  ATD_HTTP_SERVICE_HOST: '10.96.3.4',
  ATD_HTTP_SERVICE_PORT: '9464',
  ATD_HTTP_SERVICE_PORT_METRICS: '9464',
  ATD_HTTP_PORT: 'tcp://10.96.3.4:9464',
  ATD_HTTP_PORT_9464_TCP: 'tcp://10.96.3.4:9464',
  ATD_HTTP_PORT_9464_TCP_PROTO: 'tcp',
  ATD_HTTP_PORT_9464_TCP_PORT: '9464',
  ATD_HTTP_PORT_9464_TCP_ADDR: '10.96.3.4',
  ATD_CLICKHOUSE_PORT: 'udp://10.96.1.2:8123',
};

describe('notify.webhook', () => {
  const given = (webhook: string) => loadConfig({ file: null, env: { ATD_NOTIFY_WEBHOOK: webhook }, args: {} });

  it('is an address, and is not quoted where it is none', () => {
    assert.equal(given('https://hooks.example/a/b').config.notify.webhook, 'https://hooks.example/a/b');
    for (const wrong of ['hooks.example/secret', 'ftp://hooks.example/secret', 'https://[secret', '/secret']) {
      assert.throws(
        () => given(wrong),
        (error: Error) =>
          /notify\.webhook must be an address that begins with https:\/\/ or http:\/\//.test(error.message) &&
          !error.message.includes('secret'),
        wrong,
      );
    }
    assert.throws(
      () => given('https://user:secret@hooks.example/a'),
      (error: Error) => /without a user and a password/.test(error.message) && !error.message.includes('secret'),
    );
  });
});

describe('variables of the environment', () => {
  it('that Kubernetes injects are passed over in silence, and do not count as settings', () => {
    for (const [name, value] of Object.entries(INJECTED)) assert.ok(isInjected(name, value), name);
    const { config, warnings } = loadConfig({ file: null, env: INJECTED, args: {} });
    assert.deepEqual([config.http.port, config.clickhouse.port, warnings], [9464, null, []]);
  });

  it('of settings are not taken for injected ones', () => {
    assert.equal(loadConfig({ file: null, env: { ATD_HTTP_PORT: '9000' }, args: {} }).config.http.port, 9000);
    assert.equal(isInjected('ATD_CLICKHOUSE_HOST', 'tcp://10.0.0.1:80'), false);
  });

  it('that look like settings and are none are a warning with the nearest name', () => {
    assert.deepEqual(warnOfVariables({ ATD_KAFKA_BOOTSTRAP_SERVER: 'a:1', ATD_XYZZY_PLUGH: '1', PATH: '/bin' }), [
      'the variable ATD_KAFKA_BOOTSTRAP_SERVER is no setting; did you mean ATD_KAFKA_BOOTSTRAP_SERVERS?',
      'the variable ATD_XYZZY_PLUGH is no setting',
    ]);
  });

  it('that are known are no warning', () => {
    assert.deepEqual(warnOfVariables({ ATD_CONFIG: 'x', ATD_THREAD_POOL_SIZE: '3', ATD_JOB_ID: 't/0/1/0' }), []);
  });
});

describe('settings that are accepted and do not do what they say', () => {
  const warnings = (args: Readonly<Record<string, string>>) => loadConfig({ file: null, env: {}, args }).warnings;

  it('are a warning: tenants that no message can name', () => {
    assert.deepEqual(warnings({ 'tenants.allowed': 'acme, ACME ,a_1' }), []);
    for (const tenant of ['my-tenant', 'a.b', '_a', 'ä', 'a'.repeat(64)]) {
      const [warning, ...others] = warnings({ 'tenants.allowed': `acme,${tenant}` });
      assert.match(warning ?? '', new RegExp(`^tenants\\.allowed has "${tenant}", but its messages are refused`));
      assert.deepEqual(others, []);
    }
  });

  it('are a warning: a ClickHouse that is more than a host', () => {
    for (const host of ['ch', 'ch-1.local', '10.0.0.1', '::1'])
      assert.deepEqual(warnings({ 'clickhouse.host': host }), []);
    for (const host of ['http://ch', 'ch:8123', '[::1]', 'ch/', '10.0.0.256']) {
      const [warning, ...others] = warnings({ 'clickhouse.host': host });
      assert.ok(warning?.startsWith(`clickhouse.host ("${host}") is no name or address alone`), warning);
      assert.deepEqual(others, []);
    }
  });
});
