import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CommandRules, commandTemplate, buildCommand as fillIn } from '../../../lib/core/rules/command.js';
import type { Command, Job } from '../../../lib/types.js';
import { COMMAND } from '../../support/engine.js';

const JOB: Job = {
  id: 'files/3/7/0',
  topic: 'files',
  partition: 3,
  offset: 7,
  index: 0,
  file: '/in/a file.parquet',
  tenant: 'acme',
  table: 'atd_acme',
  lane: 'normal',
  format: null,
  bytes: 1,
  timestamp: 99,
  traceparent: null,
};

function buildCommand(job: Job, attempt: number, rules: CommandRules): Command {
  return fillIn(job, attempt, commandTemplate(rules));
}

it('a child is told which load it is where the rows are to say so, the same at every attempt', () => {
  const rules = { ...COMMAND, loadIdOf: (token: string, generation: number) => `${generation}:${token}` };
  const replayed: Job = { ...JOB, replay: { token: 'files/0/1/0@5', generation: 2 } };
  const idOf = (job: Job, attempt: number, given: CommandRules = rules) =>
    buildCommand(job, attempt, given).env['ATD_LOAD_ID'];
  assert.equal(idOf(JOB, 1), `0:${buildCommand(JOB, 1, rules).env['ATD_DEDUP_TOKEN']}`);
  assert.equal(idOf(JOB, 2), idOf(JOB, 1));
  assert.equal(idOf(replayed, 1), '2:files/0/1/0@5');
  assert.equal(idOf(JOB, 1, COMMAND), undefined);
});

const PASSWORD = 'hunter2 & more';
const CLICKHOUSE = COMMAND.clickhouse;

/** Every option that may be left out, in the order of the command line: what sets it, and what it then adds. */
const OPTIONS: readonly (readonly [args: readonly string[], set: (rules: CommandRules) => CommandRules])[] = [
  [['--create-table'], (rules) => ({ ...rules, createTable: true })],
  [['--batch-size', '10000'], (rules) => ({ ...rules, batchSize: 10_000 })],
  [['--schema-file', '/etc/schema.json'], (rules) => ({ ...rules, schemaFile: '/etc/schema.json' })],
  [['--db-host', 'db'], (rules) => ({ ...rules, clickhouse: { ...rules.clickhouse, host: 'db' } })],
  [['--db-port', '8123'], (rules) => ({ ...rules, clickhouse: { ...rules.clickhouse, port: 8_123 } })],
  [['--db-database', 'logs'], (rules) => ({ ...rules, clickhouse: { ...rules.clickhouse, database: 'logs' } })],
  [['--db-user', 'loader'], (rules) => ({ ...rules, clickhouse: { ...rules.clickhouse, user: 'loader' } })],
  [
    ['--db-password', PASSWORD],
    (rules) => ({ ...rules, passwordIn: 'argv', clickhouse: { ...rules.clickhouse, password: PASSWORD } }),
  ],
  [['--skip-unknown', '--x=y z'], (rules) => ({ ...rules, additionalArgs: ['--skip-unknown', '--x=y z'] })],
];

describe('buildCommand: the argument vector', () => {
  it('is exactly the documented one for every combination of options that are set or not', () => {
    for (let combination = 0; combination < 2 ** OPTIONS.length; combination += 1) {
      const chosen = OPTIONS.filter((_, i) => (combination & (1 << i)) !== 0);
      const rules = chosen.reduce((built, [, set]) => set(built), COMMAND);
      assert.deepEqual(buildCommand(JOB, 1, rules).args, [
        ...['ingest', 'records', '--file', '/in/a file.parquet', '--table-name', 'atd_acme'],
        ...chosen.flatMap(([args]) => args),
      ]);
    }
  });

  it('says how tables are made to the bundled loader alone, and where tables are made', () => {
    const tables = { engine: 'MergeTree', orderBy: 'a, b', partitionBy: 'c', onCluster: '{cluster}', durable: true };
    const shape = ['--engine', 'MergeTree', '--order-by', 'a, b', '--partition-by', 'c', '--on-cluster', '{cluster}'];
    const said = (changes: Partial<CommandRules>): readonly string[] =>
      buildCommand(JOB, 1, { ...COMMAND, tables, additionalArgs: ['--last'], ...changes }).args.slice(6);
    assert.deepEqual(said({ createTable: true }), ['--create-table', ...shape, '--durable', '--last']);
    assert.deepEqual(said({}), ['--durable', '--last']);
    assert.deepEqual(said({ createTable: true, bundled: false }), ['--create-table', '--last']);
  });

  it('begins with what the loader needs before it, as the bundled one', () => {
    const command = buildCommand(JOB, 1, { ...COMMAND, executable: '/usr/bin/node', executableArgs: ['/opt/as-cli'] });
    assert.equal(command.file, '/usr/bin/node');
    assert.deepEqual(command.args.slice(0, 3), ['/opt/as-cli', 'ingest', 'records']);
  });

  it("sets the variables of AppSentinels' as-cli for a loader that is not the bundled one", () => {
    const given = { host: 'db', port: 8_123, database: 'logs', user: 'loader', password: PASSWORD, secure: false };
    const variables = (changes: Partial<CommandRules>) =>
      Object.entries(buildCommand(JOB, 1, { ...COMMAND, ...changes }).env).filter(([name]) => name.startsWith('AS_'));
    assert.deepEqual(variables({ clickhouse: given }), []);
    assert.deepEqual(variables({ bundled: false }), []);
    assert.deepEqual(Object.fromEntries(variables({ bundled: false, clickhouse: given })), {
      AS_DB_HOST: 'db',
      AS_DB_PORT: '8123',
      AS_DB_DATABASE: 'logs',
      AS_DB_USER: 'loader',
      AS_DB_PASSWORD: PASSWORD,
    });
    const onArgv = Object.fromEntries(variables({ bundled: false, clickhouse: given, passwordIn: 'argv' }));
    assert.equal(onArgv['AS_DB_PASSWORD'], undefined);
  });

  it('holds the password nowhere unless it is asked for there', () => {
    const everything = OPTIONS.reduce((built, [, set]) => set(built), COMMAND);
    const command = buildCommand(JOB, 1, { ...everything, passwordIn: 'environment' });
    assert.ok(!command.args.includes('--db-password'));
    assert.ok(!JSON.stringify(command.args).includes(PASSWORD));
    assert.equal(command.env['CLICKHOUSE_PASSWORD'], PASSWORD);
  });

  it('has the password only there when it is asked for there', () => {
    const command = buildCommand(JOB, 1, {
      ...COMMAND,
      passwordIn: 'argv',
      clickhouse: { ...CLICKHOUSE, password: PASSWORD },
    });
    assert.ok(command.args.includes(PASSWORD));
    assert.ok(!JSON.stringify(command.env).includes(PASSWORD));
  });
});

describe('buildCommand: the rest', () => {
  it('gives the child what is passed on of the environment and the marks of its job, nothing else', () => {
    const { env } = buildCommand(JOB, 2, { ...COMMAND, environment: { PATH: '/bin', ATD_ATTEMPT: 'inherited' } });
    assert.deepEqual(env, {
      PATH: '/bin',
      ATD_JOB_ID: 'files/3/7/0',
      ATD_DEDUP_TOKEN: 'files/3/7/0@99',
      ATD_ATTEMPT: '2',
      ATD_TENANT: 'acme',
      ATD_OUTPUT: 'json',
    });
  });

  it('hands on the directories that files must lie in, where there are any', () => {
    const { env } = buildCommand(JOB, 1, { ...COMMAND, allowedRoots: ['/in', '/a:b'] });
    assert.equal(env['ATD_ALLOWED_ROOTS'], '["/in","/a:b"]');
  });

  it('has the same deduplication token at every attempt, and another for another record with the same offset', () => {
    const tokenOf = (job: Job, attempt: number) => buildCommand(job, attempt, COMMAND).env['ATD_DEDUP_TOKEN'];
    assert.equal(tokenOf(JOB, 1), tokenOf(JOB, 5));
    assert.notEqual(tokenOf(JOB, 1), tokenOf({ ...JOB, timestamp: 100 }, 1));
    assert.notEqual(tokenOf(JOB, 1), tokenOf({ ...JOB, id: 'files/3/7/1' }, 1));
  });

  it('names no tenant where there is none, hands the trace on, and asks for TLS if that is set', () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    const rules = { ...COMMAND, clickhouse: { ...CLICKHOUSE, secure: true } };
    const { env } = buildCommand({ ...JOB, tenant: null, traceparent }, 1, rules);
    assert.equal(env['ATD_TENANT'], '');
    assert.equal(env['TRACEPARENT'], traceparent);
    assert.equal(env['CLICKHOUSE_SECURE'], 'true');
  });

  it('carries the limits and what is to be checked before the start', () => {
    const command = buildCommand(JOB, 1, { ...COMMAND, allowedRoots: ['/in'], timeoutMs: 5, graceMs: 3 });
    assert.deepEqual(command.input, { file: '/in/a file.parquet', allowedRoots: ['/in'], settling: null });
    assert.deepEqual([command.timeoutMs, command.graceMs], [5, 3]);
  });
});
