/** What the loader asks of a cluster, and makes of its answers: there is none here, so a server of Node answers as one would. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asCli, type Ended } from './as-cli.js';

let directory: string;
let file: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atd-cluster-'));
  file = join(directory, 'a.csv');
  await writeFile(file, 'id\n1\n');
});

after(() => rm(directory, { recursive: true }));

/** What the node says of its table, and how often it does not know it before it does. */
interface Node {
  readonly engine?: string;
  readonly rest?: string;
  readonly replicas?: number;
  readonly unknown?: number;
  readonly version?: string;
}

interface Seen extends Ended {
  /** Statements without their data, in order. */
  readonly statements: readonly string[];
  /** Of the insert into the table; null where none came. */
  readonly settings: URLSearchParams | null;
}

const ID = { name: 'id', type: 'Int64', default_type: '' };

async function load(node: Node, args: readonly string[] = [], token = ''): Promise<Seen> {
  const { engine = 'MergeTree', rest = `${engine} ORDER BY id`, replicas = 0 } = node;
  let unknown = node.unknown ?? 0;
  const statements: string[] = [];
  let settings: URLSearchParams | null = null;
  const row = {
    version: node.version ?? '26.7.2.1',
    ...{ database: 'default', name: 't', uuid: '', engine, viewDatabases: [], views: [] },
    statement: `CREATE TABLE default.t (\`id\` Int64) ENGINE = ${rest}`,
  };
  const answerTo = (statement: string): object | null => {
    if (statement.includes('system.settings')) return { name: 'deduplicate_insert_select' };
    if (statement.includes('system.replicated_merge_tree_settings')) return { value: '3600' };
    if (statement.includes('system.replicas')) return { replicas };
    if (statement.includes('system.tables')) return row;
    return statement.startsWith('DESCRIBE') ? ID : null;
  };
  const server = createServer(async (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://localhost');
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const statement = searchParams.get('query') ?? body;
    statements.push(statement);
    if (statement.startsWith('INSERT INTO `t`')) settings = searchParams;
    response.setHeader('X-ClickHouse-Summary', '{"written_rows":"1"}');
    if (statement.startsWith('DESCRIBE TABLE `t`') && unknown-- > 0) {
      response.writeHead(404, { 'X-ClickHouse-Exception-Code': '60' });
      response.end('Code: 60. DB::Exception: Table default.t does not exist. (UNKNOWN_TABLE)');
      return;
    }
    const answer = answerTo(statement);
    response.end(answer === null ? '' : JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const command = ['ingest', 'records', '--file', file, '--table-name', 't', '--json', '--db-host', '127.0.0.1'];
  const ended = await asCli([...command, '--db-port', String(port), ...args], { ATD_DEDUP_TOKEN: token });
  server.close();
  return { ...ended, statements, settings };
}

/** Exit code and whose failure it is. */
function failure({ code, stdout }: Ended): unknown {
  return [code, JSON.parse(stdout).scope];
}

test('a table is created on each node, and one that has it not yet asks for another try', async () => {
  const args = ['--create-table', '--on-cluster', '{cluster}', '--engine', 'ReplicatedMergeTree', '--order-by', 'id'];
  const made = await load({ unknown: 1 }, args);
  assert.equal(made.code, 0, made.stderr);
  const create = made.statements.find((statement) => statement.startsWith('CREATE')) ?? '';
  assert.match(
    create,
    /^CREATE TABLE IF NOT EXISTS `t` ON CLUSTER '\{cluster\}' .* ENGINE = ReplicatedMergeTree ORDER BY \(id\) /,
  );
  const late = await load({ unknown: 2 }, args);
  assert.deepEqual(failure(late), [75, 'table'], late.stderr);
  assert.equal(late.settings, null);
});

test('shards have the rows before a load into a Distributed table is done', async () => {
  const rest = "Distributed('c', 'default', 'local', cityHash64(id))";
  const { code, stderr, settings } = await load({ engine: 'Distributed', rest }, [], 't/0/1/0@1');
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const sent = ['distributed_foreground_insert', 'insert_distributed_one_random_shard', 'insert_deduplication_token'];
  assert.deepEqual(
    sent.map((name) => settings?.get(name)),
    ['1', '0', 't/0/1/0@1/10000'],
  );
  assert.equal(settings?.get('deduplicate_insert'), 'enable');
});

test('a version of which it is not known which settings it has is asked', async () => {
  const { code, settings } = await load({ version: '26.1.3.4' }, [], 't/0/1/0@1');
  assert.equal(code, 0);
  assert.equal(settings?.get('deduplicate_insert_select'), 'enable_even_for_bad_queries');
  assert.ok(!settings?.has('deduplicate_insert'));
});

test('rows that are shared out by chance are refused under a token, and loaded without one', async () => {
  const node = { engine: 'Distributed', rest: "Distributed('c', 'default', 'local', rand())" };
  const refused = await load(node, [], 't/0/1/0@1');
  assert.deepEqual(failure(refused), [78, 'table']);
  assert.match(refused.stderr, /shares out its rows by rand\(\), .*; make its sharding key depend on the row alone/);
  assert.equal(refused.settings, null, 'nothing was sent');
  assert.equal((await load(node)).code, 0);
});

test('a replicated table that forgets after an hour is warned of', async () => {
  const { code, stderr } = await load({ engine: 'ReplicatedMergeTree' }, [], 't/0/1/0@1');
  assert.equal(code, 0);
  assert.match(stderr, /warning: table default\.t remembers an insert for 3600 seconds/);
});

test('durable means two replicas, where there are two', async () => {
  const settings = 'SETTINGS fsync_after_insert = 1, fsync_part_directory = 1';
  const node = { engine: 'ReplicatedMergeTree', rest: `ReplicatedMergeTree('/t', 'r') ORDER BY id ${settings}` };
  const two = await load({ ...node, replicas: 2 }, ['--durable']);
  assert.deepEqual({ code: two.code, stderr: two.stderr }, { code: 0, stderr: '' });
  assert.equal(two.settings?.get('insert_quorum'), '2');
  const one = await load({ ...node, replicas: 1 }, ['--durable']);
  assert.deepEqual(failure(one), [78, 'table']);
  assert.match(
    one.stderr,
    /wants each part on two replicas, and the table has 1; add a replica, or leave out --durable/,
  );
  assert.equal(one.settings, null);
});
