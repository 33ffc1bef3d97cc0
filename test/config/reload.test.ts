import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../lib/config/load.js';
import { planReload } from '../../lib/config/reload.js';
import { type Config, listSettings } from '../../lib/config/schema.js';

function configured(args: Readonly<Record<string, string>> = {}): Config {
  return loadConfig({ file: null, env: {}, args }).config;
}

describe('a reload', () => {
  it('takes over what may change, and lists what needs a restart and stays', () => {
    const running = configured({ log_level: 'info', 'kafka.topic': 'one', thread_pool_size: '4' });
    const read = configured({
      log_level: 'debug',
      'kafka.topic': 'two',
      thread_pool_size: 'auto',
      'service.retry.max_attempts': '7',
      'tenants.allowed': 'acme,globex',
    });
    const { config, changed, needRestart } = planReload(running, read);
    assert.deepEqual(changed, [
      'thread_pool_size: 4 -> "auto"',
      'log_level: "info" -> "debug"',
      'tenants.allowed: [] -> ["acme","globex"]',
      'service.retry.max_attempts: 3 -> 7',
    ]);
    assert.deepEqual(needRestart, ['kafka.topic']);
    const { retry } = config.service;
    assert.deepEqual([config.log_level, config.thread_pool_size, retry.max_attempts], ['debug', 'auto', 7]);
    assert.deepEqual([config.kafka, config.tenants.allowed], [running.kafka, ['acme', 'globex']]);
  });

  it('of the same settings changes nothing', () => {
    assert.deepEqual(planReload(configured(), configured()), { config: configured(), changed: [], needRestart: [] });
  });

  it('that takes a change back has nothing left that needs a restart', () => {
    const running = configured({ 'http.port': '1' });
    const { config, needRestart } = planReload(running, configured({ 'http.port': '2', log_level: 'warn' }));
    assert.deepEqual(needRestart, ['http.port']);
    assert.deepEqual(planReload(config, configured({ 'http.port': '1', log_level: 'warn' })).needRestart, []);
  });

  it('shows no secret', () => {
    const read = configured({ 'clickhouse.password': 'geheim', 'clickhouse.user': 'loader' });
    const { changed, config } = planReload(configured(), read);
    assert.deepEqual(changed, ['clickhouse.user: null -> "loader"', 'clickhouse.password: changed']);
    assert.equal(config.clickhouse.password, 'geheim');
  });

  it('cuts a value without end', () => {
    const tenants = Array.from({ length: 1_000 }, (_, at) => `tenant${at}`).join(',');
    const [text = ''] = planReload(configured(), configured({ 'tenants.allowed': tenants })).changed;
    assert.ok(text.startsWith('tenants.allowed: [] -> ["tenant0",') && text.endsWith('…') && text.length < 300, text);
  });

  const APART: readonly (readonly [
    what: string,
    before: Readonly<Record<string, string>>,
    after: Readonly<Record<string, string>>,
    why: RegExp,
  ])[] = [
    [
      'slots beyond a queue that stays as short as it is',
      { 'ingest.max_queued_jobs': '8' },
      { 'ingest.max_queued_jobs': '100', thread_pool_size: '50' },
      /not beside ingest\.max_queued_jobs as .*only a restart changes:\n {2}thread_pool_size \(50\) must not exceed/,
    ],
    [
      'a user without the way to log in',
      {},
      { 'kafka.sasl.mechanism': 'plain', 'kafka.sasl.username': 'me', 'kafka.sasl.password': 'x' },
      /kafka\.sasl\.mechanism is not: the service would not authenticate/,
    ],
    [
      'a way to log in without its user',
      { 'kafka.sasl.mechanism': 'plain', 'kafka.sasl.username': 'me', 'kafka.sasl.password': 'x' },
      {},
      /kafka\.sasl\.mechanism is set, and kafka\.sasl\.username is not/,
    ],
  ];
  for (const [what, before, after, why] of APART) {
    it(`is refused where it would come to ${what}`, () => {
      assert.throws(() => planReload(configured(before), configured(after)), {
        code: 'ATD_CONFIG_INVALID',
        message: why,
      });
    });
  }

  it('takes over each setting that says so, and no other', () => {
    // With a way to log in, for its user alone makes no sense.
    const running = configured({
      'kafka.sasl.mechanism': 'plain',
      'kafka.sasl.username': 'me',
      'kafka.sasl.password': 'x',
      'notify.webhook': 'https://example.com/',
    });
    for (const [key, { reloadable }] of listSettings()) {
      const read = changedAt(running, key);
      const { config, changed, needRestart } = planReload(running, read);
      assert.deepEqual([changed.length, needRestart], reloadable ? [1, []] : [0, [key]], key);
      assert.deepEqual(config, reloadable ? read : running, key);
    }
  });
});

/** The same with another value at one place; no file that it names is looked at. */
function changedAt(running: Config, key: string): Config {
  const config = structuredClone(running) as unknown as Record<string, unknown>;
  const path = key.split('.');
  const name = path.pop() as string;
  const group = path.reduce((inner, part) => inner[part] as Record<string, unknown>, config);
  group[name] = otherThan(group[name]);
  return config as unknown as Config;
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return typeof value[0] === 'number' ? [71] : ['y'];
  return `${value ?? 'x'}y`;
}
