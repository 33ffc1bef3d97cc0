import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type Config, describeConfig, type LoadedConfig, loadConfig, shownSettings } from '../../lib/config/load.js';
import { environmentName, listSettings } from '../../lib/config/schema.js';
import { isAtdError } from '../../lib/errors.js';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'atd-config-'));
});
after(() => rmSync(directory, { recursive: true }));

function write(name: string, content: string): string {
  const file = join(directory, name);
  writeFileSync(file, content);
  return file;
}

type Env = Readonly<Record<string, string>>;

/** Loads a file of this content (null for no file) with this environment and these arguments. */
function load(yaml: string | null, env: Env = {}, args: Env = {}): LoadedConfig {
  return loadConfig({ file: yaml === null ? null : write('atd.yaml', yaml), env, args });
}

/** The complaints, one per line, without the heading. */
function complaints(yaml: string | null, env: Env = {}, args: Env = {}): string[] {
  const message = refusal(() => load(yaml, env, args));
  const [heading, ...lines] = message.split('\n');
  assert.equal(heading, 'the configuration is not valid:');
  return lines.map((line) => line.trim().replaceAll(directory, ''));
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    assert.ok(isAtdError(error) && error.code === 'ATD_CONFIG_INVALID', String(error));
    return error.message;
  }
  return assert.fail('the configuration was taken');
}

/** A file as the service that this one replaces uses it. */
const ORIGINAL = `
kafka:
  topic: atd-topic
  bootstrap_servers: localhost:9092
  group_id: atd-ingestion-group
  auto_offset_reset: earliest
  enable_auto_commit: true
  poll_timeout_ms: 1000
clickhouse:
  host: localhost
  port: 9000
  database: default
  user: default
  password: ''
as_cli:
  executable: as-cli
  timeout: 300
  additional_args: []
thread_pool_size: 4
log_level: WARNING
log_file: null
auto_create_tables: true
table_prefix: atd
default_table: atd_logs
batch_size: 10000
schema_file: null
service:
  retry:
    enabled: true
    max_attempts: 3
    backoff_seconds: 5
`;

describe('loadConfig: sources', () => {
  it('needs none: the defaults are valid', () => {
    const { config, warnings } = load(null);
    assert.equal(config.kafka.topic, 'atd-topic');
    assert.equal(config.thread_pool_size, 4);
    assert.deepEqual(warnings, []);
  });

  it('go from the default over the file and the environment to the argument', () => {
    const yaml = 'kafka: { topic: file }';
    const env = { ATD_KAFKA_TOPIC: 'environment' };
    assert.equal(load('{}').config.kafka.topic, 'atd-topic');
    assert.equal(load(yaml).config.kafka.topic, 'file');
    assert.equal(load(yaml, env).config.kafka.topic, 'environment');
    assert.equal(load(yaml, env, { 'kafka.topic': 'argument' }).config.kafka.topic, 'argument');
  });

  it('leave the rest of a group as it is', () => {
    assert.equal(load('kafka: { topic: mine }').config.kafka.group_id, 'atd-ingestion');
  });

  it('include a variable for every setting', () => {
    for (const [key, { format, default: value }] of listSettings()) {
      if (format !== 'whole' || typeof value !== 'number') continue;
      const { config } = load(null, { [environmentName(key)]: String(value + 1) });
      const read = key.split('.').reduce<unknown>((group, name) => (group as Record<string, unknown>)[name], config);
      assert.equal(read, value + 1, key);
    }
  });

  it('include the old names of variables, over which the new ones win', () => {
    const env = { LOG_LEVEL: 'DEBUG', KAFKA_TOPIC: 'old', ALLOWED_TENANTS: 'acme, globex' };
    const { config } = load('log_level: ERROR', env);
    assert.equal(config.log_level, 'debug');
    assert.equal(config.kafka.topic, 'old');
    assert.deepEqual(config.tenants.allowed, ['acme', 'globex']);
    assert.equal(load(null, { ...env, ATD_KAFKA_TOPIC: 'new' }).config.kafka.topic, 'new');
  });

  it('count an empty variable as not set', () => {
    assert.equal(load('kafka: { topic: file }', { ATD_KAFKA_TOPIC: '' }).config.kafka.topic, 'file');
  });
});

describe('loadConfig: the file', () => {
  it('of the replaced service works unchanged', () => {
    const { config, warnings } = load(ORIGINAL);
    assert.deepEqual(config.kafka.bootstrap_servers, ['localhost:9092']);
    assert.equal(config.clickhouse.password, null);
    assert.equal(config.log_level, 'warn');
    assert.equal(config.log_file, null);
    assert.equal(config.service.retry.backoff_seconds, 5);
    assert.deepEqual(warnings, [
      'kafka.enable_auto_commit has no effect: an offset is committed when its files are loaded',
    ]);
  });

  it('may be empty, and may have groups of which everything is commented out', () => {
    assert.equal(load('').config.thread_pool_size, 4);
    assert.equal(load('# nothing\n').config.thread_pool_size, 4);
    assert.equal(load('kafka:\n  # topic: x\nthread_pool_size: 2\n').config.thread_pool_size, 2);
  });

  const LEVELS = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error', CRITICAL: 'error', warn: 'warn' };
  for (const [level, read] of Object.entries(LEVELS)) {
    it(`may say ${level} for ${read}`, () => assert.equal(load(`log_level: ${level}`).config.log_level, read));
  }

  const REFUSED: readonly (readonly [what: string, content: string, why: RegExp])[] = [
    ['is a list', '- a\n- b\n', /holds no settings: it must be a YAML mapping$/],
    ['is a text', 'nonsense', /holds no settings: it must be a YAML mapping$/],
    ['is not YAML', 'kafka: [\n', /^cannot read the configuration file .*atd\.yaml: .* at line \d+, column \d+$/],
    ['has a key twice', 'batch_size: 1\nbatch_size: 2\n', /Map keys must be unique at line 2, column 1$/],
  ];
  for (const [what, content, why] of REFUSED) {
    it(`is refused when it ${what}`, () =>
      assert.match(
        refusal(() => load(content)),
        why,
      ));
  }

  it('is refused when it cannot be read', () => {
    const missing = join(directory, 'missing.yaml');
    const message = refusal(() => loadConfig({ file: missing, env: {}, args: {} }));
    assert.match(message, /^cannot read the configuration file .*missing\.yaml: ENOENT/);
    assert.match(
      refusal(() => loadConfig({ file: directory, env: {}, args: {} })),
      /EISDIR/,
    );
  });
});

describe('loadConfig: complaints', () => {
  const FILE = '(from file /atd.yaml)';
  const CASES: readonly (readonly [yaml: string, complaint: string])[] = [
    ['thread_pool_size: 0', `thread_pool_size must be from 1 to 256; it is 0 ${FILE}`],
    ['ledger: { enabled: maybe }', `ledger.enabled must be true, false or auto; it is "maybe" ${FILE}`],
    ['ledger: { enabled: 1 }', `ledger.enabled must be true, false or auto; it is 1 ${FILE}`],
    ['thread_pool_size: 2.5', `thread_pool_size must be a whole number, or auto; it is 2.5 ${FILE}`],
    ['thread_pool_size: 5x', `thread_pool_size must be a whole number, or auto; it is "5x" ${FILE}`],
    ['thread_pool_size: 1e1000', `thread_pool_size must be a whole number, or auto; it is null ${FILE}`],
    ['thread_pool_size: { a: 1 }', `thread_pool_size must be a whole number, or auto; it is {"a":1} ${FILE}`],
    ['kafka: { topic: }', `kafka.topic must not be empty; it is null ${FILE}`],
    ["kafka: { topic: '' }", `kafka.topic must not be empty; it is "" ${FILE}`],
    ['kafka: { topic: 5 }', `kafka.topic must be a text; it is 5 ${FILE}`],
    [
      'kafka: { auto_offset_reset: none }',
      `kafka.auto_offset_reset must be one of earliest, latest; it is "none" ${FILE}`,
    ],
    ['kafka: 5', 'kafka must be a mapping of settings (from file /atd.yaml)'],
    ['kafka: { topics: x }', 'kafka.topics is not a setting (from file /atd.yaml); did you mean kafka.topic?'],
    ['kafka_topic: x', 'kafka_topic is not a setting (from file /atd.yaml); did you mean kafka.topic?'],
    ['frobnicate: 1', 'frobnicate is not a setting (from file /atd.yaml)'],
    ['kafka: { bootstrap_servers: [] }', `kafka.bootstrap_servers must name at least one broker; it is [] ${FILE}`],
    ...(
      [
        ['127.0.0.1', '"127.0.0.1" has no port (often 9092)'],
        ['::1', '"::1" is none'],
        ["'[::1]'", '"[::1]" is none'],
        ['::1:9092', '"::1:9092" is none'],
        ['PLAINTEXT://a:9092', 'leave out the scheme of "PLAINTEXT://a:9092"'],
        ['http://x/', 'leave out the scheme of "http://x/"'],
        ['kafka:abc', '"kafka:abc" is none'],
        ['a:0', '"a:0" is none'],
        ['a:65536', '"a:65536" is none'],
        ['a b:9092', '"a b:9092" is none'],
        ['a:9092/x', '"a:9092/x" is none'],
        ['user@a:9092', '"user@a:9092" is none'],
        ['9092', '9092 is no text'],
        ["'[::g]:9092'", '"[::g]:9092" is none'],
        ["'[1]:9092'", '"[1]:9092" is none'],
        ["'[a]:9092'", '"[a]:9092" is none'],
        ["'[::1]9092'", '"[::1]9092" is none'],
        ['999.1.1.1:9092', '"999.1.1.1:9092" is none'],
        ['10.0.0:9092', '"10.0.0:9092" is none'],
        ['-a:9092', '"-a:9092" is none'],
      ] as const
    ).map(([broker, why]): [string, string] => {
      const shown = JSON.stringify([parse(broker)]);
      const what =
        why.startsWith('leave') || /no (?:port|text)/.test(why) ? why : `an IPv6 address in brackets; ${why}`;
      const joined = what.startsWith('an IPv6')
        ? `must be a list of host:port, ${what}`
        : `must be a list of host:port; ${what}`;
      return [`kafka: { bootstrap_servers: [${broker}] }`, `kafka.bootstrap_servers ${joined}; it is ${shown} ${FILE}`];
    }),
    ['as_cli: { timeout: soon }', `as_cli.timeout must be a number; it is "soon" ${FILE}`],
    ['as_cli: { timeout: 0 }', `as_cli.timeout must be from 0.001 to 86400; it is 0 ${FILE}`],
    ['as_cli: { additional_args: [1] }', `as_cli.additional_args must be a text; it is [1] ${FILE}`],
    ['as_cli: { additional_args: {} }', `as_cli.additional_args must be a list of texts; it is {} ${FILE}`],
    ['auto_create_tables: maybe', `auto_create_tables must be true or false; it is "maybe" ${FILE}`],
    [
      'log_level: loud',
      `log_level must be one of error, warn, info, debug (or a Python level name); it is "loud" ${FILE}`,
    ],
    ['table_prefix: a-b', `table_prefix must match ^[A-Za-z_][A-Za-z0-9_]*$; it is "a-b" ${FILE}`],
    ['ingest: { allowed_roots: [in] }', `ingest.allowed_roots must match ^\\/; it is ["in"] ${FILE}`],
    [
      'service: { circuit_breaker: { exit_codes: [0] } }',
      `service.circuit_breaker.exit_codes must be from 1 to 255; it is [0] ${FILE}`,
    ],
    [
      'service: { circuit_breaker: { patterns: ["("] } }',
      'service.circuit_breaker.patterns holds "(", not a regular expression',
    ],
    ['as_cli: { failure_patterns: ["["] }', 'as_cli.failure_patterns holds "[", not a regular expression'],
    [
      'service: { circuit_breaker: { patterns: ["ECONNREFUSED|"] } }',
      'service.circuit_breaker.patterns holds "ECONNREFUSED|", which matches every text, even an empty one',
    ],
    [
      'as_cli: { failure_patterns: ["^Error:", ".*"] }',
      'as_cli.failure_patterns holds ".*", which matches every text, even an empty one',
    ],
    [
      "as_cli: { success_pattern: '|loaded' }",
      'as_cli.success_pattern is "|loaded", which matches every text, even an empty one',
    ],
    ...['[::1]', 'http://localhost', 'localhost:9464', '127.0.0.1:9464', '*', '0.0.0', 'a b'].map(
      (host): [string, string] => [
        `http: { host: '${host}' }`,
        `http.host ("${host}") must be a name or an address alone, without scheme, brackets and port`,
      ],
    ),
    ["as_cli: { success_pattern: '(' }", 'as_cli.success_pattern is "(", not a regular expression'],
    [
      'service: { retry: { backoff_seconds: 10, max_backoff_seconds: 5 } }',
      'service.retry.backoff_seconds must not exceed service.retry.max_backoff_seconds',
    ],
    [
      'as_cli: { grace: 60 }\nservice: { shutdown: { deadline_seconds: 60 } }',
      'service.shutdown.deadline_seconds (60) must exceed as_cli.grace (60)',
    ],
    [
      'kafka: { sasl: { mechanism: plain, username: me } }',
      'kafka.sasl.mechanism is set, and neither kafka.sasl.password nor kafka.sasl.password_file is; a secret that only ' +
        'the systemd unit has is found as docs/operations.md says under "Check as the unit does"',
    ],
    [
      'kafka: { sasl: { mechanism: plain, password: x } }',
      'kafka.sasl.mechanism is set, and kafka.sasl.username is not',
    ],
    [
      'kafka: { sasl: { username: me, password: x } }',
      'kafka.sasl.username is set, and kafka.sasl.mechanism is not: the service would not authenticate at all',
    ],
    [
      'kafka: { sasl: { password: x } }',
      'kafka.sasl.password is set, and kafka.sasl.mechanism is not: the service would not authenticate at all',
    ],
    [
      'tables: { engine: Log }',
      'tables.engine ("Log") is no engine of the MergeTree family, which alone remembers what was inserted',
    ],
    [
      "tables: { order_by: 'a) SETTINGS x = (1' }",
      'tables.order_by ("a) SETTINGS x = (1") is no list of columns or expressions',
    ],
    ["tables: { partition_by: 'a; b' }", 'tables.partition_by ("a; b") is no list of columns or expressions'],
    [
      "tables: { on_cluster: 'a b' }",
      'tables.on_cluster ("a b") is neither the name of a cluster nor a macro such as {cluster}',
    ],
    [
      'schema_file: /no/such',
      "schema_file cannot be read: ENOENT: no such file or directory, access '/no/such'; correct the path, or let this user read it",
    ],
  ];
  for (const [yaml, complaint] of CASES) {
    it(`say of ${yaml.replaceAll('\n', '; ')} what is wrong`, () => assert.deepEqual(complaints(yaml), [complaint]));
  }

  it('name the variable or the argument that a value came from', () => {
    assert.deepEqual(complaints('thread_pool_size: 3', { ATD_THREAD_POOL_SIZE: '0' }), [
      'thread_pool_size must be from 1 to 256; it is 0 (from environment ATD_THREAD_POOL_SIZE)',
    ]);
    assert.deepEqual(complaints(null, { LOG_LEVEL: 'loud' }), [
      'log_level must be one of error, warn, info, debug (or a Python level name); it is "loud" (from environment LOG_LEVEL)',
    ]);
    assert.deepEqual(complaints(null, {}, { 'kafka.topic': '' }), [
      'kafka.topic must not be empty; it is "" (from argument --topic)',
    ]);
  });

  it('come all at once, of whatever kind they are', () => {
    const yaml =
      'tread_pool_size: 2\nbatch_size: -1\nschema_file: /no/such\nkafka: { topic: "", ssl: { enabled: 2 } }\n';
    const lines = complaints(yaml, { ATD_HTTP_PORT: '70000', ATD_CLICKHOUSE_PASSWORD_FILE: '/no/such' });
    assert.deepEqual(lines.map((line) => line.split(' ', 1)[0]).sort(), [
      'batch_size',
      'clickhouse.password_file',
      'http.port',
      'kafka.ssl.enabled',
      'kafka.topic',
      'schema_file',
      'tread_pool_size',
    ]);
  });
});

describe('loadConfig: values that come as text', () => {
  const READ: readonly (readonly [name: string, text: string, read: (config: Config) => unknown, value: unknown])[] = [
    ['ATD_THREAD_POOL_SIZE', ' 8 ', (config) => config.thread_pool_size, 8],
    ['ATD_AS_CLI_TIMEOUT', '0.5', (config) => config.as_cli.timeout, 0.5],
    ['ATD_AUTO_CREATE_TABLES', 'No', (config) => config.auto_create_tables, false],
    ['ATD_KAFKA_SSL_ENABLED', '1', (config) => config.kafka.ssl.enabled, true],
    ['ATD_KAFKA_BOOTSTRAP_SERVERS', 'a:1, b:2,', (config) => config.kafka.bootstrap_servers, ['a:1', 'b:2']],
    [
      'ATD_KAFKA_BOOTSTRAP_SERVERS',
      '[::1]:9092,b:2',
      (config) => config.kafka.bootstrap_servers,
      ['[::1]:9092', 'b:2'],
    ],
    [
      'ATD_KAFKA_BOOTSTRAP_SERVERS',
      '[fe80::1%eth0]:1',
      (config) => config.kafka.bootstrap_servers,
      ['[fe80::1%eth0]:1'],
    ],
    ['ATD_HTTP_HOST', '::', (config) => config.http.host, '::'],
    ['ATD_HTTP_HOST', 'atd_host.local.', (config) => config.http.host, 'atd_host.local.'],
    ['ATD_KAFKA_BOOTSTRAP_SERVERS', '["[fe80::1]:1"]', (config) => config.kafka.bootstrap_servers, ['[fe80::1]:1']],
    ['ATD_AS_CLI_ADDITIONAL_ARGS', '["--x", "a,b"]', (config) => config.as_cli.additional_args, ['--x', 'a,b']],
    ['ATD_SERVICE_RETRY_PERMANENT_EXIT_CODES', '3,4', (config) => config.service.retry.permanent_exit_codes, [3, 4]],
  ];
  for (const [name, text, read, value] of READ) {
    it(`reads ${name}=${text}`, () => assert.deepEqual(read(load(null, { [name]: text }).config), value));
  }
});

/** What a password of Kafka needs beside it. */
const SASL = { ATD_KAFKA_SASL_MECHANISM: 'plain', ATD_KAFKA_SASL_USERNAME: 'me' };

describe('loadConfig: secrets', () => {
  const SECRET = 'hunter2 with more';

  it('come from a file, without its last line end, before the value itself', () => {
    const file = write('secret', `${SECRET}\n`);
    const { config } = load(`clickhouse: { password: other, password_file: ${file} }`);
    assert.equal(config.clickhouse.password, SECRET);
    const sasl = {
      ATD_KAFKA_SASL_MECHANISM: 'plain',
      ATD_KAFKA_SASL_USERNAME: 'me',
      ATD_KAFKA_SASL_PASSWORD_FILE: file,
    };
    assert.equal(load(null, sasl).config.kafka.sasl.password, SECRET);
  });

  it('are complained about when their file is missing, empty, or could not be handed to a child', () => {
    const files: readonly (readonly [file: string, why: RegExp])[] = [
      [join(directory, 'missing'), /^clickhouse\.password_file cannot be used: \/missing: ENOENT/],
      [
        write('empty', '\n'),
        /^clickhouse\.password_file cannot be used: \/empty: must not be empty; name a file that holds the password alone$/,
      ],
      [write('nul', 'a\0b'), /^clickhouse\.password_file cannot be used: \/nul: must not contain a NUL; name a file/],
      [
        directory,
        /^clickhouse\.password_file cannot be used: .*: it is a directory; name a file that holds the password/,
      ],
    ];
    for (const [file, why] of files) {
      const [complaint] = complaints(`clickhouse: { password_file: ${file} }`);
      assert.match(complaint ?? '', why);
    }
  });

  it('are in no complaint', () => {
    assert.deepEqual(complaints('clickhouse: { password: 12345 }'), [
      'clickhouse.password must be a text; it is a secret (from file /atd.yaml)',
    ]);
    for (const yaml of [
      `clickhouse:\n  password: "${SECRET}\n`,
      `clickhouse:\n  password: @${SECRET}\n`,
      `clickhouse:\n  password: *${SECRET}\n`,
      `clickhouse: { password: '${SECRET}' }}\n`,
    ]) {
      assert.ok(
        !refusal(() => load(yaml)).includes('hunter2'),
        refusal(() => load(yaml)),
      );
    }
  });

  it('are masked where the settings are shown', () => {
    const { config } = load(null, { ATD_CLICKHOUSE_PASSWORD: SECRET, ...SASL, ATD_KAFKA_SASL_PASSWORD: SECRET });
    const shown = describeConfig(config);
    assert.ok(!JSON.stringify(shown).includes('hunter2'));
    assert.equal((shown['clickhouse'] as Record<string, unknown>)['password'], '(set)');
    assert.equal((describeConfig(load(null).config)['clickhouse'] as Record<string, unknown>)['password'], null);
    assert.deepEqual((shown['kafka'] as Record<string, unknown>)['topic'], 'atd-topic');
  });

  it('are masked among the arguments of the loader, joined to their names or behind them', () => {
    const args = [
      '--db-password',
      SECRET,
      `--api-token=${SECRET}`,
      '--db-password-file',
      '/p',
      `--x=1`,
      '--db-password',
    ];
    const { config } = load(`as_cli: { additional_args: ${JSON.stringify(args)} }`);
    const shown = (describeConfig(config)['as_cli'] as Record<string, unknown>)['additional_args'];
    const masked = [
      '--db-password',
      '(set)',
      '--api-token=(set)',
      '--db-password-file',
      '/p',
      '--x=1',
      '--db-password',
    ];
    assert.deepEqual(shown, masked);
    assert.deepEqual(config.as_cli.additional_args, args);
  });

  for (const [given, shown] of [
    [`--api-key=${SECRET}`, '--api-key=(set)'],
    [`--DB_PASSWORD=${SECRET}`, '--DB_PASSWORD=(set)'],
    [`--db-passwd=${SECRET}`, '--db-passwd=(set)'],
    [`--db-password ${SECRET}`, '--db-password (set)'],
    ['--url=https://user:hunter2@db:8123/x', '--url=https://(set)@db:8123/x'],
    ['http://db:8123/?user=a&password=hunter2&x=1', 'http://db:8123/?user=a&password=(set)&x=1'],
    ['--at=https://db/a@b', '--at=https://db/a@b'],
  ] as const) {
    it(`are masked in ${given.replace(/hunter2(?: with more)?/, '…')}`, () => {
      const { config } = load(`as_cli: { additional_args: ${JSON.stringify([given])} }`);
      assert.deepEqual((describeConfig(config)['as_cli'] as Record<string, unknown>)['additional_args'], [shown]);
    });
  }

  it('are not quoted where arguments of the loader are no list of texts', () => {
    for (const yaml of [
      `[ --db-password: ${SECRET} ]`,
      `{ --db-password: ${SECRET} }`,
      `[ --db-password, ${SECRET}, 1 ]`,
      `'["--db-password", "${SECRET}"'`,
    ]) {
      const said = refusal(() => load(`as_cli: { additional_args: ${yaml} }`));
      assert.match(said, /as_cli\.additional_args must be/);
      assert.ok(!said.includes('hunter2'), said);
    }
  });

  it('are masked where the address of ClickHouse has one, which it should not', () => {
    const { config, warnings } = load('clickhouse: { host: "https://user:hunter2@db" }');
    const shown = `${JSON.stringify(describeConfig(config))} ${warnings.join()}`;
    assert.match(shown, /https:\/\/\(set\)@db/);
    assert.ok(!shown.includes('hunter2'), shown);
  });

  it('are not shown where each setting says which file, variable or argument it came from', () => {
    const secret = write('secret', SECRET);
    const file = write(
      'origins.yaml',
      `kafka: { topic: of-file, group_id: of-file }\nclickhouse: { password_file: ${secret} }\n`,
    );
    const env = { ATD_KAFKA_GROUP_ID: 'of-environment', ATD_KAFKA_SASL_PASSWORD: SECRET, ...SASL };
    const { config, origins } = loadConfig({ file, env, args: { 'kafka.topic': 'of-argument' } });
    const all = new Map(shownSettings(config, origins).map(({ name, ...rest }) => [name, rest]));
    const shown = (name: string) => {
      const { value, origin, from } = all.get(name) ?? {};
      return [value, origin, from];
    };
    assert.deepEqual(shown('kafka.topic'), ['of-argument', 'argument', '--topic']);
    assert.deepEqual(shown('kafka.group_id'), ['of-environment', 'environment', 'ATD_KAFKA_GROUP_ID']);
    assert.deepEqual(shown('kafka.sasl.password'), ['(set)', 'environment', 'ATD_KAFKA_SASL_PASSWORD']);
    assert.deepEqual(shown('clickhouse.password'), ['(set)', 'file', file]);
    assert.deepEqual(shown('clickhouse.password_file'), [secret, 'file', file]);
    assert.deepEqual(shown('http.port'), [9464, 'default', '']);
    assert.equal(all.size, listSettings().length);
    assert.ok(!JSON.stringify([...all]).includes('hunter2'));
  });
});

describe('the loaded configuration', () => {
  it('cannot be changed, at any depth', () => {
    const { config } = load('kafka: { bootstrap_servers: ["a:1"] }');
    assert.throws(() => Object.assign(config, { thread_pool_size: 9 }), TypeError);
    assert.throws(() => Object.assign(config.service.retry, { max_attempts: 9 }), TypeError);
    assert.throws(() => (config.kafka.bootstrap_servers as string[]).push('b'), TypeError);
  });

  it('does not carry over into the next one', () => {
    load('kafka: { bootstrap_servers: ["a:1"], topic: x }');
    assert.deepEqual(load(null).config.kafka.bootstrap_servers, ['localhost:9092']);
  });

  it('comes with a warning when it starts at the latest offset', () => {
    assert.match(
      load('kafka: { auto_offset_reset: latest }').warnings.join(),
      /announced before the first start is not loaded/,
    );
  });

  it('takes readable files and paths with any character', () => {
    const place = join(directory, 'größe');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'schema.json'), '{"a": "String"}');
    assert.equal(load(`schema_file: ${join(place, 'schema.json')}`).config.schema_file, join(place, 'schema.json'));
  });
});

describe('a switch that may be left to the service', () => {
  const enabled = (text: string) =>
    loadConfig({ file: null, env: { ATD_LEDGER_ENABLED: text }, args: {} }).config.ledger.enabled;

  it('is on, off or auto, by each of their names', () => {
    for (const text of ['true', 'yes', 'on', '1']) assert.equal(enabled(text), true, text);
    for (const text of ['false', ' No', 'OFF', '0']) assert.equal(enabled(text), false, text);
    for (const text of ['auto', ' Auto ']) assert.equal(enabled(text), 'auto', text);
  });
});
