/** What a kept connection asks ClickHouse again, and what it does not: Node's HTTP server notes what arrives. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { cachingClient, FACTS_MS } from '../../../lib/loader/clickhouse/caching-client.js';
import { type ClickHouse, connect } from '../../../lib/loader/clickhouse/client.js';

const ONE = "SELECT 'a' AS name, 'UInt8' AS type";
const FACTS = 'SELECT version()';
const DESCRIBE = 'DESCRIBE TABLE kept';

let server: Server;
let asked: string[];
let now: number;
let kept: ClickHouse;
/** The type of the one column of everything. */
let type: string;

before(async () => {
  server = createServer(async (request, response) => {
    let statement = '';
    for await (const chunk of request) statement += String(chunk);
    asked.push(statement);
    const isRefused = statement === 'SELECT nothing';
    response.writeHead(isRefused ? 404 : 200, { 'X-ClickHouse-Query-Id': 'q' });
    if (isRefused) response.end('Code: 47. DB::Exception: Unknown identifier. (UNKNOWN_IDENTIFIER)');
    else if (statement.startsWith(FACTS)) response.end(JSON.stringify({ version: type }));
    else response.end(JSON.stringify({ name: 'a', type }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(() => server.close());

beforeEach(() => {
  const { port } = server.address() as AddressInfo;
  const clickhouse = connect({
    ...{ host: '127.0.0.1', port, user: 'u', password: 'p', database: 'd', secure: false, ca: null },
    ...{ connectMs: 5_000, silenceMs: 30_000 },
  });
  asked = [];
  now = 1_000;
  type = 'UInt8';
  kept = cachingClient(clickhouse, () => now);
  after(() => clickhouse.close());
});

test('data that is in the statement is looked at once for the same settings', async () => {
  for (const settings of [{}, {}, { max_query_size: 1_000 }, {}]) {
    assert.deepEqual(await kept.inspect(ONE, settings), [{ name: 'a', type: 'UInt8', kind: '' }]);
  }
  assert.deepEqual(asked, [ONE, ONE]);
});

test('data that is in the statement is looked at anew after a minute, as another version may have another type for it', async () => {
  await kept.inspect(ONE, {});
  type = 'UInt16';
  now += FACTS_MS - 1;
  assert.deepEqual(await kept.inspect(ONE, {}), [{ name: 'a', type: 'UInt8', kind: '' }]);
  now += 1;
  assert.deepEqual(await kept.inspect(ONE, {}), [{ name: 'a', type: 'UInt16', kind: '' }]);
  assert.deepEqual(asked, [ONE, ONE]);
});

test('a statement that fails is asked again, and so is a very long one', async () => {
  // The settings stand before it in what is looked up.
  const longest = ONE.padEnd(64 * 1024 - '{} '.length);
  for (const round of [1, 2]) {
    await assert.rejects(kept.inspect('SELECT nothing', {}), `round ${round}`);
    await kept.inspect(longest, {});
    await kept.inspect(`${longest} `, {});
  }
  assert.deepEqual(asked, ['SELECT nothing', longest, `${longest} `, 'SELECT nothing', `${longest} `]);
});

test('of many statements the one that was used least lately is forgotten', async () => {
  const numbered = (n: number): string => `${ONE} LIMIT ${n}`;
  for (let n = 1; n <= 16; n += 1) await kept.inspect(numbered(n), {});
  await kept.inspect(numbered(1), {});
  assert.equal(asked.length, 16);
  await kept.inspect(numbered(17), {});
  asked = [];
  for (const n of [1, 17, 3, 4, 5]) await kept.inspect(numbered(n), {});
  assert.deepEqual(asked, []);
  await kept.inspect(numbered(2), {});
  assert.deepEqual(asked, [numbered(2)]);
});

test('what is asked anew is used as lately as what is new', async () => {
  const statements = Array.from({ length: 17 }, (_, n) => `${FACTS} ${n}`);
  for (const statement of statements.slice(0, 16)) await kept.facts(statement);
  now += FACTS_MS;
  await kept.facts(statements[0] as string);
  await kept.facts(statements[16] as string);
  asked = [];
  await kept.facts(statements[0] as string);
  assert.deepEqual(asked, []);
});

test('a fact is believed for a minute, and the columns of a table are always asked for', async () => {
  assert.equal(FACTS_MS, 60_000);
  const first = await kept.facts(FACTS);
  assert.deepEqual(first, [{ version: 'UInt8' }]);
  await kept.columns(DESCRIBE, {});
  type = 'String';
  now += FACTS_MS - 1;
  assert.equal(await kept.facts(FACTS), first);
  now += 1;
  assert.deepEqual(await kept.facts(FACTS), [{ version: 'String' }]);
  assert.deepEqual(await kept.columns(DESCRIBE, {}), [{ name: 'a', type: 'String', kind: '' }]);
  assert.deepEqual(asked, [FACTS, DESCRIBE, FACTS, DESCRIBE]);
});
