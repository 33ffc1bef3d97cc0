import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownUrl } from '../../lib/cli/remote.js';
import { isHealthy, type Report, renderStatus } from '../../lib/cli/status-view.js';
import { BEGIN } from '../../lib/cli/top/top-state.js';
import { renderTop } from '../../lib/cli/top/top-view.js';
import { duration } from '../../lib/util/plain-text.js';
import { Play, SETTINGS } from '../support/engine.js';

const AT = 1_800_000_000_000;
const MINUTE = 60_000;
const URL = 'http://127.0.0.1:9464';
const WELL = { ok: true, reasons: [] };

function report(changes: Partial<Report> = {}, play = new Play()): Report {
  return {
    version: '1.2.3',
    at: AT,
    startedAt: AT - 3 * 60 * MINUTE,
    launcher: 'python3',
    prefork: null,
    kafka: { obstacle: null },
    live: WELL,
    ready: WELL,
    lag: { messages: 1_204, fileBytes: 3_435_973_837, secondsLeft: 240 },
    perSecond: { loaded: 5.23, failed: 0, rows: 12_400, bytes: 32_505_856 },
    lastHour: { loaded: 312, failed: 2, rows: 31_200, bytes: 1_000 },
    lastLoadedAt: AT - 2_000,
    settings: { since: AT, needRestart: [], lastReload: null, scaled: null },
    allowList: null as never,
    loadTimeoutMs: 300_000,
    permitsChanges: false,
    ...play.status,
    state: 'running',
    partitions: [],
    totals: { tenants: [], others: null },
    ...changes,
  };
}

function show(changes: Partial<Report> = {}, columns = 100, colours = false): string {
  return renderStatus(report(changes), URL, { columns, colours });
}

const JOB = { id: 'f/0/1/0', topic: 'f', partition: 0, offset: 1, index: 0, file: '/data/acme/a.parquet' };
const RUNNING = { job: { ...JOB, tenant: 'acme' } as never, attempt: 2, startedAt: AT - 12_000 };
const FULL: Partial<Report> = {
  running: Array.from({ length: 14 }, () => RUNNING),
  queue: { jobs: 812, delayed: 12, fileBytes: 0, messageBytes: 0 },
  heldTables: [
    {
      table: 'atd_acme',
      cause: 'letters' as never,
      reason: `no such column ${'x'.repeat(90)}`,
      since: AT - MINUTE,
      jobs: 12,
    },
  ],
  heldTenants: [{ tenant: 'late', records: 3, since: AT, until: AT + 5 * MINUTE }],
  pauses: [
    { tenant: 'globex', since: AT - MINUTE, until: AT + MINUTE, by: 'jane', reason: 'their disk is full' },
    { tenant: null, since: AT, until: null, by: '', reason: '' },
  ],
  partitions: [
    {
      topic: 'atd-topic',
      partition: 3,
      paused: true,
      pausedSince: AT - MINUTE,
      flood: { tenant: 'globex', jobs: 900 },
      frontier: 5,
      oldestAt: AT - 14 * MINUTE,
      uncommitted: 9,
      incomplete: 9,
      completedAhead: 0,
      lag: 1_204,
    },
  ],
  tenants: [
    { tenant: 'acme', weight: 1, waiting: 12, due: 12, running: 1, isPaused: false },
    { tenant: 't'.repeat(63), weight: 1, waiting: 800, due: 1, running: 2, isPaused: true },
  ],
  totals: { tenants: [{ tenant: 'acme', attempts: 9, loaded: 12_345, failed: 1, rows: 5, bytes: 5 }], others: null },
  ready: { ok: false, reasons: [`nothing is read while a dead letter is refused: ${'long '.repeat(30)}`] },
};

describe('the status of a service', () => {
  it('says in a few lines how it is', () => {
    assert.equal(
      show(),
      `Service   atd-ingestion 1.2.3 at ${URL}, up 3 h
State     is well, and other instances read all partitions
Lag       1,204 messages, some 3.2 GiB of files; done in 4 min
Oldest    nothing waits; the last file was loaded 2 s ago
Speed     5.2 files/s, 12,400 rows/s, 31.0 MiB/s in the last 5 min
          312 files loaded and 2 given up in the last hour
Slots     0 of ${SETTINGS.slots} busy, nothing waits
`,
    );
  });

  for (const columns of [40, 60, 80, 120, 300]) {
    it(`fits ${columns} columns, whatever it says`, () => {
      const lines = show(FULL, columns).split('\n');
      const tooLong = lines.filter((line) => line.length > Math.max(58, columns));
      assert.deepEqual(tooLong, []);
      assert.ok(lines.length > 20, lines.join('\n'));
    });
  }

  it('names who paused what, what is held, what is full, and no more than ten of each', () => {
    const text = show(FULL, 300);
    for (const part of [
      'globex by jane for 1 min, for another 1 min: their disk is full',
      'no tenant for 0 s',
      'atd_acme: 12 files for 1 min: no such column',
      'late is not on the allow-list: 3 messages, for another 5 min',
      'atd-topic/3 for 1 min: most is of globex',
      '/data/acme/a.parquet (acme) for 12 s, attempt 2',
      'and 4 more',
      '14 min since its announcement',
      '812 files wait, 12 of them for another attempt or a held table',
    ]) {
      assert.ok(text.includes(part), `${part}\n${text}`);
    }
    assert.match(text, /^acme +12 +1 +12,345 +1$/m);
  });

  const STATES: readonly (readonly [words: RegExp, changes: Partial<Report>])[] = [
    [/is stopping/, { state: 'draining' }],
    [
      /is starting\n +the consumer has not joined/,
      { state: 'starting', ready: { ok: false, reasons: ['the consumer has not joined'] } },
    ],
    [
      /holds all loads back for 1 min: ECONNREFUSED/,
      { breaker: { state: 'open', cause: null, reason: 'ECONNREFUSED', since: AT - MINUTE, until: null } },
    ],
    [/starts no load: commits/, { commits: { unacknowledgedSince: AT, reason: null, startsHeld: true } }],
    [/is not well\n +odd/, { live: { ok: false, reasons: ['odd'] } }],
    [/runs one file alone/, { suspects: { jobs: 1, dueAt: null, isAlone: true } }],
    [/reads no more for now: enough waits/, { ...FULL, ready: WELL, state: 'paused' }],
    [/State +is well$/m, { ...FULL, ready: WELL }],
  ];
  for (const [words, changes] of STATES) {
    it(`says ${words}`, () => assert.match(show(changes, 200), words));
  }

  it('says which settings wait for a restart, and why a reload was refused', () => {
    const lastReload = { at: AT, by: 'SIGHUP', error: 'kafka.topic: odd', changed: [] };
    const text = show({ settings: { since: AT, needRestart: ['http.port', 'log_file'], lastReload, scaled: null } });
    assert.match(text, /Settings +the last reload was refused: kafka\.topic: odd\n/);
    assert.match(text, /Settings +need a restart: http\.port, log_file\n/);
  });

  it('says what it does not know', () => {
    assert.match(show({ lag: { messages: null, fileBytes: null, secondsLeft: null } }), /Lag +is not known/);
    assert.match(show({ lag: { messages: 5, fileBytes: 5, secondsLeft: null } }), /nothing was done in the last 5 min/);
    assert.match(show({ lag: { messages: 0, fileBytes: 0, secondsLeft: 0 } }), /Lag +none$/m);
    assert.match(show({ lastLoadedAt: null }), /no file was loaded yet/);
  });

  it('colours the state and what is wrong, and nothing else', () => {
    assert.ok(show({}, 100, true).includes('\u001b[32mis well'));
    const bad = show({ live: { ok: false, reasons: ['odd'] } }, 100, true);
    assert.equal(bad.split('\u001b[31m').length, 3);
    assert.ok(!show(FULL).includes('\u001b'));
  });

  it('lets nobody colour or move by a name or a reason', () => {
    const pauses = [{ tenant: 'acme', since: AT, until: null, by: '\u001b[2J\u0007', reason: '\u009b31m' }];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(show({ pauses })));
  });

  it('is healthy where both probes are', () => {
    assert.ok(isHealthy(report()));
    assert.ok(!isHealthy(report({ live: { ok: false, reasons: [] } })));
    assert.ok(!isHealthy(report({ ready: { ok: false, reasons: [] } })));
  });
});

describe('a duration', () => {
  const CASES: readonly (readonly [ms: number, text: string])[] = [
    [-5, '0 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [59 * MINUTE, '59 min'],
    [60 * MINUTE, '1 h'],
    [185 * MINUTE, '3 h 5 min'],
    [24 * 60 * MINUTE, '1 d'],
    [52 * 60 * MINUTE, '2 d 4 h'],
  ];
  for (const [ms, text] of CASES) it(`of ${ms} ms is ${text}`, () => assert.equal(duration(ms), text));
});

describe('the address of the own service', () => {
  const CASES: readonly (readonly [host: string, url: string])[] = [
    ['127.0.0.1', 'http://127.0.0.1:9464'],
    ['0.0.0.0', 'http://127.0.0.1:9464'],
    ['::', 'http://[::1]:9464'],
    ['fd00::1', 'http://[fd00::1]:9464'],
    ['atd.example.org', 'http://atd.example.org:9464'],
  ];
  for (const [host, url] of CASES) {
    it(`with http.host ${host} is ${url}`, () => {
      assert.equal(ownUrl({ http: { host, port: 9464 } } as Parameters<typeof ownUrl>[0]), url);
    });
  }
});

describe('the screen of top', () => {
  for (const rows of [1, 2, 3, 4, 9, 24]) {
    it(`has no more than ${rows} lines where the terminal has as many, and its keys in the last`, () => {
      const error = `no answer: ${'it is away '.repeat(40)}`;
      const shown = { report: report(FULL), error, message: null, url: URL, hasToken: false };
      const lines = renderTop(shown, BEGIN, { columns: 60, rows, colours: false });
      assert.equal(lines.length, rows);
      assert.match(lines.at(-1) ?? '', /^by waiting; q quit/);
      assert.ok(lines.every((line) => line.length <= 60 && !line.includes('\n')));
    });
  }
});
