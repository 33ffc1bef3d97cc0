/** Questions to the ledger in a real ClickHouse, and the same of what is kept in memory: the answers are the same. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Load } from '../../lib/ledger/load.js';
import { readLoadQuery } from '../../lib/ledger/load-filter.js';
import {
  GROUPINGS,
  type Group,
  groupQuestion,
  groupsOf,
  listQuestion,
  rowsQuestion,
} from '../../lib/ledger/queries.js';
import { RecentLoads } from '../../lib/ledger/recent-loads.js';
import { type LedgerRow, toLoad, toRow } from '../../lib/ledger/table.js';
import { createLedgerPlace, LOAD } from '../support/ledger.js';

const AT = LOAD.finishedAt;

function id(n: number): string {
  return `00000000-0000-8000-8000-00000000000${n}`;
}

const LOADS: readonly Load[] = [
  { loadId: id(1), status: 'failed', attempt: 1, path: '/in/a.csv', finishedAt: AT, reason: '/in/a.csv: row 3' },
  { loadId: id(1), status: 'loaded', attempt: 2, path: '/in/a.csv', finishedAt: AT + 1_000, reason: '' },
  { loadId: id(2), status: 'failed', path: '/in/b.csv', finishedAt: AT + 2_000, reason: '/in/b.csv: row 17' },
  {
    ...{ loadId: id(2), status: 'given-up', path: '/in/b.csv', finishedAt: AT + 2_000, reason: '/in/b.csv: row 17' },
    disposition: 'permanent-failure',
  },
  {
    ...{
      loadId: id(3),
      status: 'skipped',
      tenant: null,
      table: '',
      path: '',
      finishedAt: AT + 3_000,
      reason: 'no JSON',
    },
    disposition: 'invalid-message',
  },
  { loadId: id(4), status: 'loaded', path: '/in/deep/(a+b)?.csv', finishedAt: AT + 4_000, tenant: 'globex' },
  { loadId: id(4), status: 'superseded', path: '/in/deep/(a+b)?.csv', finishedAt: AT + 5_000, tenant: 'globex' },
].map((changes) => ({ ...LOAD, ...changes }) as Load);

const QUERIES = [
  ...['', 'limit=2', `since=${AT + 2_000}`, `since=${AT + 5_001}`, 'tenant=ACME', 'tenant=', 'status=loaded'],
  ...['status=given-up', 'status=failed', 'status=superseded', `status=failed&since=${AT + 1}`, 'file=/in/?.csv'],
  ...['file=*', 'file=/in/*(a%2Bb)?.csv', "file=*'*", 'status=skipped&file=', "tenant='; DROP TABLE x"],
  ...['text=B.CSV', 'text=row', 'text=row&status=failed', 'text=a.csv&status=loaded', 'text=GLOB', 'text=no json'],
  ...['text=row 3&status=given-up', 'text=%25', "text='", 'text=(a%2Bb)&since=0'],
];

async function fill(t: TestContext) {
  const place = await createLedgerPlace(t);
  await place.store.write(
    LOADS.map((load) => JSON.stringify(toRow(load))),
    'run-1',
  );
  let next: readonly Load[] = [];
  const recent = new RecentLoads({ of: () => next }, () => undefined);
  for (const load of LOADS) {
    next = [load];
    recent.observe({ type: 'tick' }, [], 0);
  }
  return { ...place, recent };
}

function queryOf(text: string) {
  const query = readLoadQuery(new Map(new URLSearchParams(text)));
  assert.ok(!('problem' in query), text);
  return query;
}

describe('a question to the ledger', () => {
  it('for loads has the answer that memory has', async (t) => {
    const { store, table, recent } = await fill(t);
    for (const text of QUERIES) {
      const { query, parameters } = listQuestion(table, queryOf(text));
      const found = (await store.query<LedgerRow>(query, parameters)).map(toLoad);
      assert.deepEqual(found, recent.list(queryOf(text)), text);
    }
    const { query, parameters } = listQuestion(table, queryOf(''));
    const states = (await store.query<LedgerRow>(query, parameters)).map(toLoad);
    assert.deepEqual(
      states.map(({ loadId, status }) => [loadId, status]),
      [
        [id(4), 'loaded'],
        [id(3), 'skipped'],
        [id(2), 'given-up'],
        [id(1), 'loaded'],
      ],
    );
  });

  it('for groups has the answer that memory has, and one group for reasons that differ in a name or a number', async (t) => {
    const { store, table, recent } = await fill(t);
    for (const by of GROUPINGS) {
      for (const text of ['limit=50', 'limit=50&status=failed', 'limit=1']) {
        const { query, parameters } = groupQuestion(table, queryOf(text), by);
        const rows = await store.query<Record<keyof Group, string>>(query, parameters);
        const groups = rows.map(({ name, loads, latestAt }) => ({
          name,
          loads: Number(loads),
          latestAt: Number(latestAt),
        }));
        const all = recent.list({ ...queryOf(text), limit: 1_000 });
        assert.deepEqual(groups, groupsOf(all, by, queryOf(text).limit), `${by} ${text}`);
      }
    }
    const { query, parameters } = groupQuestion(table, queryOf('status=failed'), 'reason');
    assert.deepEqual(
      (await store.query<Group>(query, parameters)).map(({ name, loads }) => [name, Number(loads)]),
      [['FILE: row N', 2]],
    );
  });

  it('for one load has all its rows, the oldest first', async (t) => {
    const { store, table, recent } = await fill(t);
    for (const one of [id(1), id(2), id(9)]) {
      const { query, parameters } = rowsQuestion(table, one);
      assert.deepEqual((await store.query<LedgerRow>(query, parameters)).map(toLoad), recent.rowsOf(one));
    }
  });
});
