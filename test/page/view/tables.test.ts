import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LoadAnswer } from '../../../lib/ledger/load-answers.js';
import type { Act } from '../../../lib/page/view/act.js';
import { requestOf, resultText } from '../../../lib/page/view/acts.js';
import { figuresOf, trendOf } from '../../../lib/page/view/figures.js';
import { letterTable } from '../../../lib/page/view/letters.js';
import { seriesOf } from '../../../lib/page/view/series.js';
import { nextState, type PageFilter, type PageHistory, type PageState } from '../../../lib/page/view/state.js';
import {
  failureGroups,
  heldTable,
  loadTable,
  partitionTable,
  runningTable,
  type Table,
  tenantTable,
} from '../../../lib/page/view/tables.js';
import { knows, load, NOW } from './known.js';

const HISTORY: PageHistory = { at: NOW, stepMs: 10_000, speeds: [], lags: [], visible: { all: null, tenants: [] } };

function texts({ rows }: Table): string[] {
  return rows.map(({ cells }) => cells.map((cell) => (typeof cell === 'string' ? cell : cell.text)).join(' | '));
}

describe('the tables of the page', () => {
  it('have the loads that run, each with its share of the deadline', () => {
    const job = { id: 'a', file: '/in/x.csv', tenant: null } as never;
    const running = [
      { job, attempt: 1, startedAt: NOW - 30_000, lastLine: 'row\u202e 7' },
      { job, attempt: 2, startedAt: NOW - 270_000 },
    ];
    const table = runningTable(knows({ running }), NOW);
    assert.deepEqual(texts(table), [
      'x.csv | (no tenant) | 30 s of 5 min | row‹U+202E› 7',
      'x.csv | (no tenant) | 4 min 30 s of 5 min, attempt 2 | –',
    ]);
    assert.deepEqual(
      table.rows.map(({ cells }) => (cells[2] as { share: number; mood?: string }).mood),
      [undefined, 'attention'],
    );
    assert.equal(runningTable(knows({}), NOW).note, 'Nothing is being loaded.');
  });

  it('have the last loads, those that are searched for', () => {
    const loads = [
      load({ finishedAt: NOW - 5_000 }),
      load({ status: 'failed', reason: 'exit code 1', attempt: 2, finishedAt: NOW - 4_000, tenant: 'globex' }),
      load({ status: 'given-up', reason: 'no\u202esuch', startedAt: null, path: '/in/\u0007' }),
    ];
    const state = knows({}, loads);
    assert.deepEqual(texts(loadTable(state, NOW)), [
      '✕ given up | ‹U+0007› | no‹U+202E›such | acme | – | 0 s ago',
      '↻ failed | a.csv | exit code 1 | globex | 20 ms, attempt 2 | 4 s ago',
      '✓ loaded | a.csv | 2 rows, 4.0 KiB | acme | 20 ms | 5 s ago',
    ]);
    const filtered = (text: string, status: PageFilter['status']) =>
      loadTable(nextState(state, { type: 'filter', filter: { text, status } }), NOW);
    assert.equal(filtered(' GLOB', 'all').rows.length, 1);
    assert.equal(filtered('a.csv', 'loaded').rows.length, 1);
    assert.equal(filtered('q', 'all').rows.length, 0);
  });

  it('say where the loads of before are, and that there are none only when that is known', () => {
    const note = (state: PageState) => loadTable(state, NOW).note;
    assert.equal(note(knows({})), '');
    const found = (state: PageState, answer: Omit<LoadAnswer, 'loads'>) =>
      nextState(state, { type: 'found', filter: state.filter, answer: { loads: [], ...answer } });
    assert.equal(note(found(knows({}), { from: 'ledger', problem: null })), 'No load has ended yet.');
    const wanted = nextState(knows({}), { type: 'filter', filter: { text: 'q', status: 'all' } });
    assert.equal(note(found(wanted, { from: 'ledger', problem: null })), 'No load is like that.');
    const loaded = knows({}, [load()]);
    assert.match(note(found(loaded, { from: 'memory', problem: null })), /^There is no ledger: loads from before/);
    assert.match(note(found(loaded, { from: 'memory', problem: 'no\u202e' })), /not to be had now: no‹U\+202E›$/);
  });

  it('have the tenants with most to do first, and a button each where something can be changed', () => {
    const load = { weight: 1, due: 0, isPaused: false };
    const total = { attempts: 3, rows: 1, bytes: 1 };
    const changes = {
      permitsChanges: true,
      tenants: [{ ...load, tenant: 'acme', waiting: 1, running: 1 }],
      totals: { tenants: [{ ...total, tenant: null, loaded: 1_200, failed: 2 }], others: null },
      pauses: [{ tenant: 'late', since: NOW, until: null, by: 'm', reason: '' }],
    };
    const history = {
      ...HISTORY,
      visible: { all: null, tenants: [{ tenant: 'acme', p50: 900, p95: 1_500, loads: 9 }] },
    };
    const state = nextState(knows(changes), { type: 'history', history });
    const table = tenantTable(state, '');
    assert.deepEqual(texts(table), [
      'acme | 1 | 1 | 0 | 0 | 900 ms | 1.5 s',
      '(no tenant) | 0 | 0 | 1,200 | 2 | – | –',
      'late (paused) | 0 | 0 | 0 | 0 | – | –',
    ]);
    const button = { text: 'Resume', label: 'Resume late', act: { kind: 'resume', tenant: 'late' } };
    assert.deepEqual(table.rows[2]?.buttons, [button]);
    assert.equal(tenantTable(knows({ ...changes, permitsChanges: false }), '').rows[0]?.buttons, undefined);
    assert.equal(tenantTable(state, 'ACM').rows.length, 1);
    const many = Array.from({ length: 500 }, (_, n) => ({ ...load, tenant: `t${n}`, waiting: 0, running: 0 }));
    const { rows, note } = tenantTable(knows({ tenants: many }), '');
    assert.deepEqual([rows.length, note], [100, 'and 400 more; the filter finds them']);
  });

  it('have what is held back and paused, and the partitions', () => {
    const changes = {
      heldTables: [{ table: 'atd_a', jobs: 3, since: NOW - 9_000, reason: 'no grant' } as never],
      heldTenants: [{ tenant: 'new', records: 2, since: NOW, until: NOW + 5_000 }],
      pauses: [{ tenant: null, since: NOW - 1_000, until: NOW + 9_000, by: 'maria', reason: 'disk' }],
      partitions: [
        { ...{ topic: 't', partition: 3, paused: true, pausedSince: NOW - 7_000, flood: null, frontier: 12, lag: 40 } },
      ].map((each) => ({ ...each, oldestAt: NOW - 3_000, uncommitted: 5, incomplete: 4, completedAhead: 0 })),
    };
    assert.deepEqual(texts(heldTable(knows(changes), NOW)), [
      '(no tenant) |  | paused for 1 s, for another 9 s | by maria: disk',
      'table atd_a | 3 files | held back for 9 s | no grant',
      'tenant new | 2 messages | for another 5 s | is not on the allow-list',
    ]);
    assert.deepEqual(texts(partitionTable(knows(changes), NOW)), [
      't/3 | not read for 7 s: enough waits | 40 | 3 s | 12 | 5',
    ]);
  });

  it('have failures once that differ in numbers, files and quoted words alone, most of them first', () => {
    const failed = (reason: string, tenant: string, stderrTail = '') =>
      load({ status: 'given-up', disposition: 'permanent-failure', reason, tenant, stderr: stderrTail });
    const loads = [
      failed('no file /in/7.csv', 'a'),
      failed('/in/1.csv:12: "x" is odd', 'acme', 'one | two\u001b'),
      failed('/in/22.csv:7: "y" is odd', 'globex'),
    ];
    const timed = loads.map((each, index) => ({ ...each, finishedAt: NOW - 2 + index }));
    const [first, second, ...rest] = failureGroups(knows({}, timed), NOW + 2_000);
    assert.deepEqual(failureGroups(knows({}, timed), NOW + 25 * 3_600_000), [], 'the day after');
    assert.deepEqual(
      [first?.title, second?.title, rest],
      ['2 × /in/22.csv:7: "y" is odd', '1 × no file /in/7.csv', []],
    );
    assert.equal(first?.note, 'permanent-failure; globex, acme; the last one 2 s ago');
    assert.equal(first?.stderr, 'one\ntwo‹U+001B›');
  });
});

describe('the figures of the page', () => {
  const value = (changes: Parameters<typeof knows>[0], id: string) => {
    const figure = figuresOf(knows(changes)).find((each) => each.id === id);
    return [figure?.value, figure?.note, figure?.mood];
  };

  it('say how far behind the service is, and until when', () => {
    assert.deepEqual(value({}, 'lag'), ['nothing', 'all that was announced is done', 'plain']);
    const lag = { messages: 1_204, fileBytes: 1, secondsLeft: 240 };
    assert.deepEqual(value({ lag }, 'lag'), ['1,204 messages', 'done in 4 min', 'plain']);
    const standing = { ...lag, secondsLeft: null };
    assert.deepEqual(value({ lag: standing }, 'lag'), [
      '1,204 messages',
      'nothing was done in the last 5 min',
      'attention',
    ]);
    assert.equal(value({ lag: { ...lag, messages: null } }, 'lag')[0], 'not known');
  });

  it('say whether that grows', () => {
    const before = (messages: number, ago = 290_000): PageHistory => ({ ...HISTORY, lags: [[NOW - ago, messages]] });
    assert.deepEqual(
      [trendOf(50, before(100)), trendOf(150, before(100)), trendOf(105, before(100)), trendOf(9, before(100, 20_000))],
      [', falling\u00a0↘', ', rising\u00a0↗', ', steady', ''],
    );
  });

  it('draw a line for each step since the start, and say it in words', () => {
    const speeds = [{ at: NOW - 20_000, loaded: 30, failed: 0, rows: 9_000, bytes: 40_960 }];
    const history = { ...HISTORY, speeds, lags: [[NOW - 10_000, 12]] as const };
    const [lag, files, , bytes] = seriesOf(history, NOW - 25_000);
    assert.deepEqual(files?.values, [0, 3, 0, null]);
    assert.deepEqual(lag?.values, [null, null, 12, null]);
    assert.equal(bytes?.words, 'Now 0 B/s, at most 4.0 KiB/s in the last hour');
    assert.deepEqual(
      [seriesOf(history, 0)[0]?.times.length, seriesOf(HISTORY, NOW)[0]?.words],
      [360, 'Nothing is known yet'],
    );
  });
});

describe('a change by the page', () => {
  const WISH = { by: ' maria ', reason: 'disk', minutes: '90', slots: '' };

  it('is a request of /api/v1', () => {
    const { path, body } = requestOf({ kind: 'pause', tenant: 'acme' }, WISH);
    assert.deepEqual([path, body], ['api/v1/tenants/acme/pause', { by: 'maria', reason: 'disk', seconds: 5_400 }]);
    assert.equal(requestOf({ kind: 'resume', tenant: null }, WISH).path, 'api/v1/tenants/-/resume');
    assert.deepEqual(requestOf({ kind: 'pause', tenant: 'a' }, { ...WISH, minutes: ' ' }).body, {
      by: 'maria',
      reason: 'disk',
    });
    const signed = { by: 'maria', reason: 'disk' };
    const asked = (act: Act, changes: Partial<typeof WISH> = {}) => {
      const request = requestOf(act, { ...WISH, ...changes });
      return [request.path, request.body, request.fields.slice(2)];
    };
    const letters = ['3/1204', '0/7'];
    assert.deepEqual(asked({ kind: 'reload' }), ['api/v1/reload', signed, []]);
    assert.deepEqual(asked({ kind: 'drain' }), ['api/v1/drain', signed, []]);
    assert.deepEqual(asked({ kind: 'join' }), ['api/v1/resume', signed, []]);
    assert.deepEqual(asked({ kind: 'scale', slots: 4 }), ['api/v1/scale', { ...signed, slots: 4 }, ['slots']]);
    assert.deepEqual(asked({ kind: 'scale', slots: 4 }, { slots: '8' })[1], { ...signed, slots: 8 });
    assert.deepEqual(asked({ kind: 'replay', letters }), ['api/v1/dead-letters/replay', { ...signed, letters }, []]);
    assert.deepEqual(asked({ kind: 'discard', letters })[0], 'api/v1/dead-letters/discard');
    assert.equal(requestOf({ kind: 'discard', letters }, WISH).title, 'Discard 2 dead letters');
  });

  it('says what became of it', () => {
    const pause = { kind: 'pause', tenant: 'acme' } as const;
    assert.deepEqual(resultText(pause, 200, '{}'), { isDone: true, words: 'Done' });
    const refused = resultText(pause, 401, '{"error":"the token is wrong"}');
    assert.deepEqual(refused, { isDone: false, words: 'Nothing has changed: the token is wrong' });
    const failed = resultText({ kind: 'discard', letters: ['0/1'] }, 503, '{"error":"no broker"}');
    assert.deepEqual(failed, { isDone: false, words: 'Not all was done, or nothing; look again: no broker' });
    assert.equal(resultText(pause, 502, 'Bad\u0007').words, 'Nothing has changed: Bad‹U+0007›');
    const taken = JSON.stringify({ changed: [{}, {}], needRestart: ['kafka.topic'] });
    assert.equal(resultText({ kind: 'reload' }, 200, taken).words, '2 taken over; a restart is needed for kafka.topic');
    const replay = { kind: 'replay', letters: [] } as const;
    const all = JSON.stringify({ done: ['3/1204'], refused: [], handledBefore: 0 });
    assert.deepEqual(resultText(replay, 200, all), { isDone: true, words: '1 letter replayed' });
    const some = JSON.stringify({ done: [], refused: [{ letter: '0/7', why: 'no\u0007' }], handledBefore: 2 });
    const words = '0 letters replayed; 2 replayed or discarded before; 0/7 refused: no‹U+0007›';
    assert.deepEqual(resultText(replay, 200, some), { isDone: false, words });
  });
});

describe('the table of dead letters', () => {
  it('shows each with its file, why, and a button to replay and to discard it', () => {
    const letter = {
      partition: 3,
      offset: 1204,
      sentAt: NOW - 60_000,
      tenant: 'acme',
      disposition: 'permanent-failure',
    };
    const table = letterTable([{ ...letter, reason: 'row 2\u0007', files: ['/in/a.csv'], replayCount: 1 }], NOW);
    assert.deepEqual(texts(table), [
      '3/1204 | a.csv | acme | permanent-failure: row 2‹U+0007›, replayed 1 × | 1 min ago',
    ]);
    assert.deepEqual(
      table.rows[0]?.buttons?.map(({ label, act }) => [label, act]),
      [
        ['Replay 3/1204', { kind: 'replay', letters: ['3/1204'] }],
        ['Discard 3/1204', { kind: 'discard', letters: ['3/1204'] }],
      ],
    );
    assert.match(letterTable([], NOW).note, /^There is no dead letter/);
  });
});
