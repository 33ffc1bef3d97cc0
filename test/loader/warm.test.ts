/** The bundled loader as `as_cli.launch: warm` keeps it, against ClickHouse: what it does for a job is what a process would. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../../lib/types.js';
import { compileSinkRules } from '../../lib/worker/attempt/classify.js';
import { supervise } from '../../lib/worker/attempt/supervise.js';
import { WarmLauncher } from '../../lib/worker/launch/warm.js';
import { Authority, whyNoCertificates } from '../sandbox/certificates.js';
import { execute } from '../sandbox/clickhouse-client.js';
import { command } from '../support/commands.js';
import { asCli, type Bench, connectionVariables, startBench } from './as-cli.js';
import { serveTls } from './tls-front.js';

const WARM = fileURLToPath(new URL('../../lib/loader/warm.js', import.meta.url));

let bench: Bench;
const launcher = new WarmLauncher(() => {});

before(async () => {
  bench = await startBench();
});
after(async () => {
  await launcher.close();
  await bench.stop();
});

function connection(): Record<string, string> {
  return { ...connectionVariables(bench.clickhouse), ATD_OUTPUT: 'json' };
}

async function warmly(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const output = { stdout: '', stderr: '' };
  const kept = {
    name: launcher.name,
    pid: launcher.pid,
    close: () => launcher.close(),
    launch: (...[wanted, sink]: Parameters<WarmLauncher['launch']>) =>
      launcher.launch(wanted, {
        started: sink.started,
        stdout: (chunk) => {
          output.stdout += Buffer.from(chunk).toString();
          sink.stdout(chunk);
        },
        stderr: (chunk) => {
          output.stderr += Buffer.from(chunk).toString();
          sink.stderr(chunk);
        },
      }),
  };
  const outcome: Outcome = await supervise(command(process.execPath, [WARM, ...args], { env }), {
    launcher: kept,
    sink: compileSinkRules({ exitCodes: [69, 75], patterns: [] }),
    onStarted: () => {},
    onSignalled: () => {},
    onLine: null,
    onRequest: () => {},
  });
  return { code: outcome.exitCode, outcome, ...output };
}

async function load(file: string, table: string, env: Readonly<Record<string, string>> = {}) {
  return await warmly(['ingest', 'records', '--file', file, '--table-name', table, '--create-table'], {
    ...connection(),
    ...env,
  });
}

async function countOf(table: string): Promise<unknown> {
  return (await bench.rows(`SELECT count() AS n FROM ${table}`))[0]?.['n'];
}

test('a warm loader ends, fails and says what a process of its own would', async () => {
  const good = await bench.write('good.csv', 'a,b\n1,x\n2,y\n');
  const bad = await bench.write('bad.csv', 'a,b\n1,x\nnot a number,y\n');
  const parquet = await bench.write('bad.parquet', 'PAR1 is how it begins');
  await execute(bench.clickhouse, 'CREATE TABLE strict (a UInt8, b String) ENGINE = MergeTree ORDER BY a');
  const records = (file: string, ...more: string[]) => {
    return ['ingest', 'records', '--file', file, '--table-name', 'strict', ...more];
  };
  const cases: readonly (readonly [code: number, args: readonly string[], env?: Record<string, string>])[] = [
    [64, records(good, '--bogus')],
    [64, ['ingest']],
    [65, records(bad)],
    [65, records(parquet)],
    [66, records(bench.path('missing.csv'))],
    [69, records(good), { CLICKHOUSE_PORT: '1' }],
    [77, records(good), { CLICKHOUSE_PASSWORD: 'wrong' }],
    [78, records(good, '--schema-file', bench.path('missing.json'))],
    [0, ['--help']],
  ];
  for (const [code, args, changes] of cases) {
    const env = { ...connection(), ...changes };
    const [process, warm] = [await asCli(args, env), await warmly(args, env)];
    assert.deepEqual([process.code, warm.code], [code, code], `${args.join(' ')}: ${process.stderr} ${warm.stderr}`);
    const [ofWarm, ofProcess] = [warm, process].map(({ stdout }) =>
      stdout.replace(/"queryId":"[^"]+"/, '"queryId":"?"'),
    );
    assert.deepEqual([ofWarm, warm.stderr], [ofProcess, process.stderr], args.join(' '));
  }
  const loaded = await warmly(records(good), connection());
  assert.deepEqual([loaded.outcome.rows, loaded.outcome.bytes], [2, 12], loaded.stderr);
});

test('a token that comes again adds no row, and each job has its own', async () => {
  const file = await bench.write('token.csv', 'a,b\n1,x\n2,y\n');
  for (let i = 0; i < 3; i++) assert.equal((await load(file, 'tokens', { ATD_DEDUP_TOKEN: 't/0/1/0@1' })).code, 0);
  assert.equal(await countOf('tokens'), 2);
  assert.equal((await load(file, 'tokens', { ATD_DEDUP_TOKEN: 't/0/2/0@1' })).code, 0);
  assert.equal(await countOf('tokens'), 4);
  // Without a token every load counts.
  for (let i = 0; i < 2; i++) assert.equal((await load(file, 'tokens')).code, 0);
  assert.equal(await countOf('tokens'), 8);
});

test('a table that was changed or made anew between two jobs is loaded as it is now', async () => {
  const narrow = await bench.write('narrow.csv', 'a\n1\n');
  const wide = await bench.write('wide.csv', 'a,b\n2,x\n');
  assert.equal((await load(narrow, 'changing')).code, 0);
  assert.equal((await load(wide, 'changing')).code, 65);
  await execute(bench.clickhouse, "ALTER TABLE changing ADD COLUMN b String DEFAULT 'none'");
  assert.equal((await load(wide, 'changing')).code, 0);
  assert.deepEqual(await bench.rows('SELECT b FROM changing ORDER BY b'), [{ b: 'none' }, { b: 'x' }]);
  await execute(bench.clickhouse, 'DROP TABLE changing SYNC');
  assert.equal((await load(narrow, 'changing')).code, 0);
  assert.equal(await countOf('changing'), 1);
});

test('password and schema file are read anew for each job', async () => {
  const [password, schema] = [bench.path('password'), bench.path('schema.json')];
  const file = await bench.write('rotated.csv', 'a\n1\n');
  const { CLICKHOUSE_PASSWORD: right = '', ...rest } = connection();
  await warmly(['--help']);
  const { pid } = launcher;
  const rotated = (table: string) =>
    warmly(
      [
        ...['ingest', 'records', '--file', file, '--table-name', table, '--create-table'],
        ...['--db-password-file', password, '--schema-file', schema],
      ],
      rest,
    );
  for (const [table, written, type, code] of [
    ['rotated_1', right, 'UInt8', 0],
    ['rotated_2', 'wrong', 'UInt8', 77],
    ['rotated_3', right, 'String', 0],
  ] as const) {
    writeFileSync(password, `${written}\n`);
    writeFileSync(schema, JSON.stringify({ a: type }));
    const { code: found, stderr } = await rotated(table);
    assert.equal(found, code, stderr);
    assert.equal(launcher.pid, pid, 'by one process');
    if (code !== 0) continue;
    const columns = `SELECT type FROM system.columns WHERE database = currentDatabase() AND table = '${table}'`;
    assert.deepEqual(await bench.rows(columns), [{ type }]);
  }
});

test('the authorities are read anew for each job', { skip: whyNoCertificates }, async (t) => {
  const file = await bench.write('secure.csv', 'a\n1\n');
  const trusted = bench.path('trusted.pem');
  const [old, renewed] = ['old', 'renewed'].map((name) => new Authority(dirname(file), name)) as [Authority, Authority];
  const fronts = await Promise.all(
    [old, renewed].map((authority, n) => serveTls(bench.clickhouse, authority.issue(`server-${n}`))),
  );
  t.after(() => {
    for (const front of fronts) front.close();
  });
  const pids = new Set<number | null>();
  for (const [trust, codes] of [
    [old, [0, 78]],
    // What was trusted at the job before has an open connection, which is not used any more.
    [renewed, [78, 0]],
  ] as const) {
    copyFileSync(trust.file, trusted);
    for (const [n, { port }] of fronts.entries()) {
      const secure = { CLICKHOUSE_SECURE: 'true', CLICKHOUSE_CA_FILE: trusted, CLICKHOUSE_PORT: String(port) };
      const { code, stderr } = await load(file, 'secure', secure);
      assert.equal(code, codes[n], stderr);
      pids.add(launcher.pid);
    }
  }
  assert.equal(pids.size, 1, 'by one process');
  assert.equal(await countOf('secure'), 2);
});

test('jobs share a connection, and one that the server closed in between is made anew', async (t) => {
  const sockets: Socket[] = [];
  let connections = 0;
  const proxy = createServer((client) => {
    connections++;
    const server = connect(bench.clickhouse.port, bench.clickhouse.host);
    sockets.push(client, server);
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const through = { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String((proxy.address() as AddressInfo).port) };
  const file = await bench.write('shared.csv', 'a\n1\n');
  for (let i = 0; i < 3; i++) assert.equal((await load(file, 'shared', through)).code, 0);
  assert.equal(connections, 1);
  for (const socket of sockets.splice(0)) socket.destroy();
  assert.equal((await load(file, 'shared', through)).code, 0);
  assert.equal(connections, 2);
  // Another user is another connection, and the first is not used for him.
  const stranger = { ...through, CLICKHOUSE_USER: `nobody-${randomUUID().slice(0, 8)}` };
  assert.equal((await load(file, 'shared', stranger)).code, 77);
  assert.equal((await load(file, 'shared', through)).code, 0);
  assert.equal(await countOf('shared'), 5);
});
