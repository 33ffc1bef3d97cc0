import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Report } from '../../../lib/cli/status-view.js';
import type { LoadEntry } from '../../../lib/feed/load-entries.js';
import { NOTHING_KNOWN, nextState, type PageState, type PageStatus, serviceNow } from '../../../lib/page/view/state.js';
import { verdictOf } from '../../../lib/page/view/verdict.js';
import { entry, knows, NOW, status } from './known.js';

/** What the service answers is what the page reads; else this does not compile. */
export const asThePageReadsIt: (report: Report) => PageStatus = (report) => report;

function say(changes: Partial<PageStatus>, loads: readonly LoadEntry[] = []) {
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
    const loads = [entry({ fate: 'given-up', at: NOW - 60_000 }), entry({ fate: 'given-up', at: NOW - 16 * 60_000 })];
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
  const give = (state: PageState, run: string, first: number, ...files: string[]) =>
    nextState(state, { type: 'loads', loads: { run, first, skipped: 0, loads: files.map((file) => entry({ file })) } });
  const files = (state: PageState) => state.loads.map(({ file }) => file);

  it('has the last loads first, each once, also over a restart of the service', () => {
    let state = give(NOTHING_KNOWN, 'a', 1, '/1', '/2');
    state = give(state, 'a', 2, '/2', '/3');
    assert.deepEqual(files(state), ['/3', '/2', '/1']);
    assert.deepEqual(files(give(state, 'b', 1, '/1')), ['/1', '/3', '/2', '/1']);
  });

  it('keeps few loads, and remembers for longer what was given up', () => {
    let state = nextState(NOTHING_KNOWN, {
      ...{ type: 'loads', loads: { run: 'a', first: 1, skipped: 0, loads: [entry({ fate: 'given-up' })] } },
    });
    for (let n = 0; n < 30; n += 1) state = give(state, 'a', 2 + n * 10, ...Array.from({ length: 10 }, () => '/x'));
    assert.deepEqual([state.loads.length, state.givenUp.length], [200, 1]);
  });

  it('counts times by the clock of the service', () => {
    const state = nextState(NOTHING_KNOWN, { type: 'status', status: status({ at: NOW + 5_000 }), now: NOW });
    assert.equal(serviceNow(state, NOW + 1_000), NOW + 6_000);
  });
});
