import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Load } from '../../lib/ledger/load.js';
import { readLoadQuery } from '../../lib/ledger/load-filter.js';
import { RecentLoads } from '../../lib/ledger/recent-loads.js';

const LOAD: Load = {
  ...{
    loadId: 'a',
    token: 't',
    generation: 0,
    status: 'loaded',
    attempt: 1,
    tenant: 'acme',
    table: 'atd_acme',
    path: '/a',
  },
  ...{ topic: 'files', partition: 0, offset: 5, index: 0, lane: 'normal', announcedAt: 1, takenAt: 2, startedAt: 3 },
  ...{
    finishedAt: 4,
    result: 'succeeded',
    disposition: null,
    rows: 7,
    bytes: 70,
    exitCode: 0,
    signal: null,
    reason: '',
  },
  ...{ instance: 'host/1', version: '1', loader: 'bundled', stderr: '', queryId: null },
  ...{ size: null, modifiedAt: null, cpuMs: null, peakMemory: null },
};

/** What is kept of these rows, one event after the other. */
function keep(rows: readonly Partial<Load>[], kept = 1_000) {
  const followed: Load[] = [];
  let next: readonly Load[] = [];
  const recent = new RecentLoads({ of: () => next }, (made) => followed.push(...made), kept);
  for (const row of rows) {
    next = [{ ...LOAD, ...row }];
    recent.observe({ type: 'tick' }, [], 0);
  }
  const list = (query = '') => {
    const wanted = readLoadQuery(new Map(new URLSearchParams(query)));
    if ('problem' in wanted) throw new Error(wanted.problem);
    return recent.list(wanted).map(({ loadId, status }) => `${loadId} ${status}`);
  };
  return { recent, list, followed };
}

describe('the last loads', () => {
  it('are the states of files, the latest first, whatever came before them', () => {
    const { list, recent, followed } = keep([
      { loadId: 'a', status: 'failed', finishedAt: 1 },
      { loadId: 'b', status: 'loaded', finishedAt: 2 },
      { loadId: 'a', status: 'loaded', finishedAt: 3 },
      { loadId: 'c', status: 'failed', finishedAt: 4 },
      { loadId: 'd', status: 'failed', finishedAt: 5 },
      { loadId: 'd', status: 'given-up', finishedAt: 5 },
    ]);
    assert.deepEqual(list(), ['d given-up', 'c failed', 'a loaded', 'b loaded']);
    assert.deepEqual(list('limit=2'), ['d given-up', 'c failed']);
    assert.deepEqual(
      recent.rowsOf('d').map(({ status }) => status),
      ['failed', 'given-up'],
    );
    assert.deepEqual(recent.rowsOf('x'), []);
    assert.equal(followed.length, 6);
  });

  it('are attempts where these are asked for', () => {
    const { list } = keep([
      { loadId: 'a', status: 'failed', finishedAt: 1 },
      { loadId: 'a', status: 'failed', finishedAt: 2 },
      { loadId: 'a', status: 'loaded', finishedAt: 3 },
      { loadId: 'b', status: 'superseded', finishedAt: 4 },
    ]);
    assert.deepEqual(list('status=failed'), ['a failed', 'a failed']);
    assert.deepEqual(list('status=superseded'), ['b superseded']);
    assert.deepEqual(list('status=loaded'), ['a loaded']);
  });

  it('are what counts, where another instance has loaded it', () => {
    const { list } = keep([
      { loadId: 'a', status: 'loaded', finishedAt: 1 },
      { loadId: 'a', status: 'superseded', finishedAt: 2 },
    ]);
    assert.deepEqual(list(), ['a loaded']);
  });

  it('are so many, and failing attempts push out no final state', () => {
    const finals = [1, 2, 3, 4].map((n) => ({ loadId: `f${n}`, finishedAt: n }));
    const failing = Array.from(
      { length: 20 },
      (_, n) => ({ loadId: 'x', status: 'failed', finishedAt: 10 + n }) as const,
    );
    const { list, recent } = keep([...finals, ...failing], 3);
    assert.deepEqual(list(), ['x failed', 'f4 loaded', 'f3 loaded', 'f2 loaded']);
    assert.equal(recent.rowsOf('x').length, 3);
  });

  it('are chosen by time, tenant, status and file', () => {
    const { list } = keep([
      { loadId: 'a', tenant: 'acme', path: '/data/a.csv', finishedAt: 1_000 },
      { loadId: 'b', tenant: null, path: '/data/b.csv', status: 'skipped', finishedAt: 2_000 },
      { loadId: 'c', tenant: 'initech', path: '/data/deep/a.json', finishedAt: 3_000 },
    ]);
    assert.deepEqual(list('since=2000'), ['c loaded', 'b skipped']);
    assert.deepEqual(list('since=1970-01-01T00:00:03Z'), ['c loaded']);
    assert.deepEqual(list('tenant=ACME'), ['a loaded']);
    assert.deepEqual(list('tenant='), ['b skipped']);
    assert.deepEqual(list('status=skipped'), ['b skipped']);
    assert.deepEqual(list('file=/data/*a.*'), ['c loaded', 'a loaded']);
    assert.deepEqual(list('file=/data/?.csv'), ['b skipped', 'a loaded']);
    assert.deepEqual(list('file=a'), []);
  });
});

describe('a question for loads', () => {
  for (const [query, problem] of [
    ['sinse=1', 'sinse is not known; did you mean since?'],
    ['colour=red', 'colour is not known; known are since, tenant, status, file, text, limit'],
    ['since=yesterday', 'since yesterday is no time, such as 2026-11-28T05:00:00Z'],
    ['status=loded', 'status loded is not known; did you mean loaded?'],
    ['status=x', 'status x is not known; one of loaded, failed, given-up, skipped, superseded, undone'],
    ['limit=0', 'limit 0 is no number from 1 on'],
    ['limit=many', 'limit many is no number from 1 on'],
  ] as const) {
    it(`is answered by what is wrong with it: ${query}`, () => {
      assert.deepEqual(readLoadQuery(new Map(new URLSearchParams(query))), { problem });
    });
  }
});
