/** What is answered of loads: from a real ClickHouse with what is on its way there, and from memory where that does not answer. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Ledger } from '../../lib/ledger/ledger.js';
import type { Load } from '../../lib/ledger/load.js';
import { LoadAnswers } from '../../lib/ledger/load-answers.js';
import { ANY_LOAD, type LoadQuery } from '../../lib/ledger/load-filter.js';
import { LedgerReader } from '../../lib/ledger/reader.js';
import { RecentLoads } from '../../lib/ledger/recent-loads.js';
import { LedgerStore } from '../../lib/ledger/store.js';
import { toRow } from '../../lib/ledger/table.js';
import { Deferred } from '../../lib/util/deferred.js';
import { createLedgerPlace, LOAD } from '../support/ledger.js';

const ALL = { filter: ANY_LOAD, limit: 100 };
/** Of a ClickHouse that does answer, however busy the machine is. */
const PATIENT_MS = 120_000;

function id(n: number): string {
  return `00000000-0000-8000-8000-00000000000${n}`;
}

/** What a run keeps in memory. */
function memory(follow: (rows: readonly Load[]) => void = () => undefined) {
  let next: readonly Load[] = [];
  const recent = new RecentLoads({ of: () => next }, follow);
  const take = (...changes: readonly Partial<Load>[]) => {
    next = changes.map((change) => ({ ...LOAD, ...change }));
    recent.observe({ type: 'tick' }, [], 0);
  };
  return { recent, take };
}

function seen({ loads, ...rest }: Awaited<ReturnType<LoadAnswers['list']>>) {
  return { ...rest, loads: loads.map(({ loadId, status }) => `${loadId.at(-1)} ${status}`) };
}

/** A ClickHouse that takes connections and says nothing. */
async function silentPort(t: TestContext): Promise<number> {
  const server = createServer((socket) => t.after(() => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

describe('the answer to who asks for loads', () => {
  it('has what former runs and other instances have done, and what is not in the table yet, each file once', async (t) => {
    const place = await createLedgerPlace(t);
    const now = Math.round(performance.timeOrigin + performance.now());
    const before: readonly Partial<Load>[] = [
      { loadId: id(1), status: 'given-up', finishedAt: now - 9_000, instance: 'host/0' },
      { loadId: id(2), status: 'failed', attempt: 1, finishedAt: now - 8_000 },
      { loadId: id(3), status: 'loaded', finishedAt: now - 7_000 },
      // Beyond the day that is looked at first.
      { loadId: id(5), status: 'loaded', finishedAt: now - 3 * 86_400_000 },
      { loadId: id(1), status: 'failed', finishedAt: now - 2 * 86_400_000 },
    ];
    await place.store.write(
      before.map((change) => JSON.stringify(toRow({ ...LOAD, ...change }))),
      'run-0',
    );
    // It is never started, so that nothing of this run reaches the table.
    const events = { log: () => undefined, onRefused: () => undefined };
    const waiting = new Ledger(
      {
        ...{ directory: null, required: false, run: 'run-1' },
        store: { write: () => new Promise(() => undefined) } as never,
      },
      events,
    );
    const { recent, take } = memory((rows) => waiting.add(rows));
    const answers = new LoadAnswers({
      recent,
      ledger: waiting,
      reader: new LedgerReader(place.store, place.table, 120),
      answerMs: PATIENT_MS,
    });
    assert.equal(waiting.unwrittenSince, null);
    assert.deepEqual(seen(await answers.list(ALL)), {
      ...{ from: 'ledger', problem: null },
      loads: ['3 loaded', '2 failed', '1 given-up', '5 loaded'],
    });
    take({ loadId: id(2), status: 'loaded', attempt: 2, finishedAt: now + 1 }, { loadId: id(4), finishedAt: now + 2 });
    assert.equal(waiting.unwrittenSince, now + 1);
    assert.deepEqual(seen(await answers.list(ALL)).loads, [
      '4 loaded',
      '2 loaded',
      '3 loaded',
      '1 given-up',
      '5 loaded',
    ]);
    assert.deepEqual(seen(await answers.list({ ...ALL, limit: 2 })).loads, ['4 loaded', '2 loaded']);
    const attempts = await answers.list({ ...ALL, filter: { ...ANY_LOAD, status: 'failed' } });
    assert.deepEqual(seen(attempts).loads, ['2 failed', '1 failed']);
    const one = await answers.rowsOf(id(2));
    assert.deepEqual([one.from, ...one.loads.map(({ attempt }) => attempt)], ['ledger', 1, 2]);
    assert.deepEqual((await answers.rowsOf(id(9))).loads, []);
  });

  it('is of this run where there is no ledger', async () => {
    const { recent, take } = memory();
    const answers = new LoadAnswers({ recent, ledger: null, reader: null });
    take({ loadId: id(1) });
    assert.deepEqual(seen(await answers.list(ALL)), { loads: ['1 loaded'], from: 'memory', problem: null });
    assert.equal((await answers.rowsOf(id(1))).loads.length, 1);
  });

  it('is of this run, with the reason, where ClickHouse does not answer, or refuses', async (t) => {
    const { clickHouse, table } = await createLedgerPlace(t);
    const { recent, take } = memory();
    take({ loadId: id(1) });
    const at = (connection: { readonly port: number; readonly password: string }, answerMs: number) => {
      const { host, user } = clickHouse;
      const store = new LedgerStore(table, () => ({ host, user, secure: false, caFile: null, ...connection }));
      t.after(() => store.close());
      return new LoadAnswers({ recent, ledger: null, reader: new LedgerReader(store, table, 10), answerMs });
    };
    const { port, password } = clickHouse;
    const silent = at({ port: await silentPort(t), password }, 200);
    for (const ask of [silent.list(ALL), silent.list(ALL), silent.rowsOf(id(1))]) {
      const { problem, from, loads } = await ask;
      assert.deepEqual([from, loads.length, problem], ['memory', 1, 'ClickHouse has not answered for 0.2 s']);
    }
    // Whoever asks next is not kept waiting.
    assert.equal((await silent.list({ ...ALL, limit: 1 })).from, 'memory');
    const refused = await at({ port, password: 'wrong' }, PATIENT_MS).list(ALL);
    assert.equal(refused.from, 'memory');
    assert.match(refused.problem ?? '', /[Aa]uthentication|password/);
  });

  it('asks ClickHouse once at a time for the same, and for few things', async () => {
    const asked: string[] = [];
    const answer = new Deferred<readonly Load[]>();
    const { recent } = memory();
    const reader = {
      list: ({ limit }: LoadQuery) => {
        asked.push(String(limit));
        return answer.promise;
      },
    };
    const answers = new LoadAnswers({ recent, ledger: null, reader: reader as never });
    const all = Array.from({ length: 20 }, (_, n) => answers.list({ ...ALL, limit: 1 + (n % 10) }));
    assert.deepEqual(asked, ['1', '2', '3', '4', '5', '6', '7', '8']);
    answer.resolve([LOAD]);
    const told = await Promise.all(all);
    assert.equal(told.filter(({ from }) => from === 'ledger').length, 16);
    assert.equal(told[8]?.problem, 'too many ask for it at once');
  });

  it('is of the ledger still where one question failed or takes for ever', async () => {
    const { recent } = memory();
    const refused = Object.assign(new Error('Cannot compile regular expression'), { code: '427' });
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const endless = new Deferred<readonly Load[]>();
    const byLimit: Record<number, () => Promise<readonly Load[]>> = {
      1: () => Promise.reject(refused),
      2: () => endless.promise,
      3: () => Promise.reject(away),
    };
    const reader = { list: ({ limit }: LoadQuery) => byLimit[limit]?.() ?? Promise.resolve([LOAD]) };
    const answers = new LoadAnswers({ recent, ledger: null, reader: reader as never, answerMs: 500 });
    const from = async (limit: number) => {
      const answer = await answers.list({ ...ALL, limit });
      return [answer.from, answer.problem];
    };
    assert.deepEqual(await from(1), ['memory', 'Cannot compile regular expression']);
    assert.deepEqual(await from(9), ['ledger', null]);
    const late = from(2);
    assert.deepEqual(await from(9), ['ledger', null]);
    assert.deepEqual(await late, ['memory', 'ClickHouse has not answered for 0.5 s']);
    assert.deepEqual(await from(9), ['ledger', null]);
    assert.deepEqual(await from(3), ['memory', 'connect ECONNREFUSED']);
    assert.deepEqual(await from(9), ['memory', 'connect ECONNREFUSED']);
  });
});
