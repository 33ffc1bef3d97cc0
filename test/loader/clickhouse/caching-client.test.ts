/** What a kept connection asks ClickHouse again, and what it does not. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { cachingClient, DEFINITION_MS } from '../../../lib/loader/clickhouse/caching-client.js';
import { type ClickHouse, connect } from '../../../lib/loader/clickhouse/client.js';
import { execute } from '../../sandbox/clickhouse-client.js';
import { type Bench, startBench } from '../as-cli.js';

const ONE = "SELECT 'a' AS name, 'UInt8' AS type";
const SHOW = 'SHOW CREATE TABLE remembered';

let bench: Bench;
let asked: string[];
let now: number;
let kept: ClickHouse;

before(async () => {
  bench = await startBench();
  await execute(bench.clickhouse, 'CREATE TABLE remembered (a UInt8) ENGINE = MergeTree ORDER BY a');
});
after(() => bench.stop());

beforeEach(() => {
  const { host, port, user, password } = bench.clickhouse;
  const clickhouse = connect({
    ...{ host, port, user, password, database: 'default', secure: false, ca: null },
    ...{ connectMs: 5_000, silenceMs: 30_000 },
  });
  asked = [];
  now = 1_000;
  const noted = <Args extends readonly [string, ...unknown[]], Answer>(ask: (...args: Args) => Answer) => {
    return (...args: Args): Answer => {
      asked.push(args[0]);
      return ask(...args);
    };
  };
  const { columns, inspect, definition } = clickhouse;
  kept = cachingClient(
    { ...clickhouse, columns: noted(columns), inspect: noted(inspect), definition: noted(definition) },
    () => now,
  );
});

test('data that is in the statement is looked at once for the same settings', async () => {
  for (const settings of [{}, {}, { max_query_size: 1_000 }, {}]) {
    assert.deepEqual(await kept.inspect(ONE, settings), [{ name: 'a', type: 'UInt8', kind: '' }]);
  }
  assert.deepEqual(asked, [ONE, ONE]);
});

test('a statement that fails is asked again, and so is a very long one', async () => {
  const long = `${ONE} /* ${'x'.repeat(70_000)} */`;
  for (const round of [1, 2]) {
    await assert.rejects(kept.inspect('SELECT nothing', {}), `round ${round}`);
    await kept.inspect(long, {});
  }
  assert.deepEqual(asked, ['SELECT nothing', long, 'SELECT nothing', long]);
});

test('of many statements the one that was used least lately is forgotten', async () => {
  const numbered = (n: number): string => `${ONE} LIMIT ${n}`;
  for (let n = 1; n <= 16; n += 1) await kept.inspect(numbered(n), {});
  await kept.inspect(numbered(1), {});
  await kept.inspect(numbered(17), {});
  asked = [];
  await kept.inspect(numbered(1), {});
  await kept.inspect(numbered(2), {});
  assert.deepEqual(asked, [numbered(2)]);
});

test('a definition is believed for a minute, and the columns of a table are always asked for', async () => {
  const first = await kept.definition(SHOW);
  await execute(bench.clickhouse, 'ALTER TABLE remembered ADD COLUMN b String');
  now += DEFINITION_MS - 1;
  assert.equal(await kept.definition(SHOW), first);
  now += 1;
  assert.match(await kept.definition(SHOW), /`b` String/);
  assert.equal((await kept.columns('DESCRIBE TABLE remembered', {})).length, 2);
  await execute(bench.clickhouse, 'ALTER TABLE remembered DROP COLUMN b');
  assert.equal((await kept.columns('DESCRIBE TABLE remembered', {})).length, 1);
  assert.deepEqual(asked, [SHOW, SHOW, 'DESCRIBE TABLE remembered', 'DESCRIBE TABLE remembered']);
});
