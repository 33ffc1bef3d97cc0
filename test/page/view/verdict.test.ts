import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '../../../lib/cli/status-view.js';
import type { Load } from '../../../lib/ledger/load.js';
import { NOTHING_KNOWN, nextState, type PageState, type PageStatus, serviceNow } from '../../../lib/page/view/state.js';
import { verdictOf } from '../../../lib/page/view/verdict.js';
import { knows, load, NOW, status } from './known.js';

/** What the service answers is what the page reads; else this does not compile. */
export const asThePageReadsIt: (report: Report) => PageStatus = (report) => report;

function say(changes: Partial<PageStatus>, loads: readonly Load[] = []) {
  const { mood, words, reasons } = verdictOf(knows(changes, loads), NOW);
  return [mood, words, ...reasons];
}

describe('what the page says of the service', () => {
  const PARTITION = { topic: 't', partition: 0, flood: null } as PageStatus['partitions'][number];
  const TROUBLE = { cause: null, reason: 'ECONNREFUSED', since: NOW - 65_000 } as const;
  const CASES: readonly (readonly [changes: Partial<PageStatus>, ...said: readonly string[]])[] = [
    [{}, 'good', 'Well, and other instances read all partitions'],
    [{ partitions: [PARTITION] }, 'good', 'Well, and nothing to do'],
    [{ partitions: [PARTITION], state: 'paused' }, 'good', 'Well, and reading no more for now: enough waits'],
    [{ state: 'starting' }, 'attention', 'Starting'],
    [{ state: 'draining' }, 'attention', 'Stopping: what runs is finished, nothing new begins'],
    [
      { breaker: { ...TROUBLE, state: 'open', until: NOW + 9_000 } },
      ...['bad', 'All loads are held back for 1 min: one is tried in 9 s', 'ECONNREFUSED'],
    ],
    [
      { breaker: { ...TROUBLE, state: 'half-open', until: null } },
      ...['bad', 'All loads are held back for 1 min: one is being tried now', 'ECONNREFUSED'],
    ],
    [{ ready: { ok: false, reasons: ['no pool', 'no topic'] } }, 'bad', 'Not well', 'no pool', 'no topic'],
    [{ live: { ok: false, reasons: ['no\u202eheart'] } }, 'bad', 'Not well', 'no‹U+202E›heart'],
    [
      { commits: { unacknowledgedSince: NOW, reason: 'not authorised', startsHeld: true } },
      ...['bad', 'No load is started: commits are not acknowledged', 'not authorised'],
    ],
    [
      {
        heldTables: [{ table: 'atd_a' } as never],
        settings: { needRestart: ['kafka.topic'], lastReload: { at: 1, error: 'no' } },
      },
      ...['attention', 'Well, and other instances read all partitions', '1 table held back'],
      ...['the last reload was refused: no', 'settings that need a restart: kafka.topic'],
    ],
  ];
  for (const [changes, ...said] of CASES) {
    it(`is: ${said[1]} (${said[0]}${said.length > 2 ? `, ${said.slice(2).join(', ')}` : ''})`, () => {
      assert.deepEqual(say(changes), said);
    });
  }

  it('names files that were given up for a quarter of an hour', () => {
    const loads = [60_000, 16 * 60_000].map((ago) => load({ status: 'given-up', finishedAt: NOW - ago }));
    assert.deepEqual(say({}, loads).slice(2), ['1 file given up in the last 15 min']);
    assert.equal(say({}, loads)[0], 'attention');
  });

  it('is that nothing is known before the first answer, and after the last one', () => {
    assert.deepEqual(verdictOf(NOTHING_KNOWN, NOW).words, 'Asking the service how it is');
    const lost = nextState(knows({}), { type: 'lost', now: NOW - 5_000 });
    const { mood, words, reasons } = verdictOf(nextState(lost, { type: 'lost', now: NOW }), NOW);
    assert.deepEqual([mood, words], ['unknown', 'No answer from the service for 5 s']);
    assert.match(reasons[0] ?? '', /What you see is from before/);
  });
});

describe('what the page knows', () => {
  const give = (state: PageState, ...loads: readonly Load[]) =>
    nextState(state, { type: 'loads', loads: { skipped: 0, loads } });
  const paths = (state: PageState) => state.loads.map(({ path }) => path);
  const [first, second, third] = [3, 2, 1].map((ago) =>
    load({ path: `/${4 - ago}`, finishedAt: NOW - ago * 1_000 }),
  ) as [Load, Load, Load];
  const found = (state: PageState, ...loads: readonly Load[]) =>
    nextState(state, { type: 'found', filter: state.filter, answer: { loads, from: 'ledger', problem: null } });

  it('has the last loads first, each once, however often and by whichever way it comes', () => {
    let state = give(NOTHING_KNOWN, first, second);
    state = give(state, second, third);
    assert.deepEqual(paths(state), ['/3', '/2', '/1']);
    const before = load({ path: '/0', finishedAt: NOW - 9_000 });
    assert.deepEqual(paths(found(state, third, second, before)), ['/3', '/2', '/1', '/0']);
  });

  it('has a file as its latest row has it, and its attempts where these are wanted', () => {
    const failed = load({ status: 'failed', finishedAt: NOW - 2_000 });
    const again = { ...failed, attempt: 2, finishedAt: NOW - 1_000 };
    const givenUp: Load = { ...again, status: 'given-up' };
    let state = give(NOTHING_KNOWN, failed);
    assert.deepEqual([state.loads.length, state.givenUp.length], [1, 0]);
    state = give(state, again, givenUp);
    assert.deepEqual([state.loads.map(({ status }) => status), state.givenUp.length], [['given-up'], 1]);
    const replayed: Load = { ...givenUp, status: 'loaded', finishedAt: NOW };
    assert.deepEqual([give(state, replayed).givenUp.length, give(state, replayed).loads.length], [0, 1]);
    const attempts = nextState(NOTHING_KNOWN, { type: 'filter', filter: { text: '', status: 'failed' } });
    assert.deepEqual(
      found(give(attempts, failed, again, givenUp), again, failed).loads.map(({ attempt }) => attempt),
      [2, 1],
    );
  });

  it('keeps what the filter wants, and takes no answer to a former one', () => {
    const filter = { text: '/2', status: 'all' } as const;
    const state = nextState(give(NOTHING_KNOWN, first, second), { type: 'filter', filter });
    assert.deepEqual(paths(give(state, third)), ['/2']);
    const late = { loads: [third], from: 'ledger', problem: null } as const;
    assert.deepEqual(paths(nextState(state, { type: 'found', filter: NOTHING_KNOWN.filter, answer: late })), ['/2']);
  });

  it('keeps few loads, and remembers for longer what was given up', () => {
    let state = give(NOTHING_KNOWN, load({ status: 'given-up', finishedAt: NOW - 1 }));
    for (let n = 0; n < 30; n += 1) state = give(state, ...Array.from({ length: 10 }, () => load()));
    assert.deepEqual([state.loads.length, state.givenUp.length], [200, 1]);
  });

  it('counts times by the clock of the service', () => {
    const state = nextState(NOTHING_KNOWN, { type: 'status', status: status({ at: NOW + 5_000 }), now: NOW });
    assert.equal(serviceNow(state, NOW + 1_000), NOW + 6_000);
  });
});
