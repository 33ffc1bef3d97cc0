/** A service that is played: its HTTP side and its feed are the real ones, how it is and what it loads is made up. */
import { loadConfig, shownSettings } from '../../lib/config/load.js';
import type { Effect } from '../../lib/core/events.js';
import { Feed } from '../../lib/feed/feed.js';
import type { ApiHandlers } from '../../lib/http/api.js';
import { type HttpAdapter, startHttp } from '../../lib/http/server.js';
import { LoadAnswers } from '../../lib/ledger/load-answers.js';
import { readLoadQuery } from '../../lib/ledger/load-filter.js';
import { LoadRows } from '../../lib/ledger/load-rows.js';
import { RecentLoads } from '../../lib/ledger/recent-loads.js';
import type { PageStatus } from '../../lib/page/view/state.js';
import type { Job } from '../../lib/types.js';
import { HANDLERS } from '../http/handlers.js';
import { JOB, outcome, Play } from '../support/engine.js';

export type Mood = 'idle' | 'busy' | 'failing';

export interface StageOptions {
  readonly tenants?: number;
  readonly mood?: Mood;
  readonly permitsChanges?: boolean;
  readonly port?: number;
  /** Who answers what became of files; left out for memory alone. */
  readonly loads?: Pick<LoadAnswers, 'list'>;
}

export interface Stage {
  readonly http: HttpAdapter;
  readonly feed: Feed;
  /** Loads one more file of some tenant, or fails to. */
  load(changes?: Partial<Job>, fails?: string): void;
  /** What was asked to be changed. */
  readonly acts: readonly string[];
  /** What the status says from now on. */
  change(changes: Partial<PageStatus>): void;
}

const HOUR_MS = 60 * 60_000;
const REASONS = [
  'exit code 65: /data/in/7/events.csv:12: "duration" has 4 fields, the header names 5',
  'exit code 65: the column "severity" is not in the table, and the table may not be changed',
  'no file is there: /data/in/late.parquet',
];

/** As somebody has set them. */
const settings = loadConfig({
  file: null,
  env: { ATD_CLICKHOUSE_PASSWORD: 'of-the-stage', ATD_CLICKHOUSE_HOST: 'db1' },
  args: { 'kafka.topic': 'files' },
});

function now(): number {
  return performance.timeOrigin + performance.now();
}

export async function startStage({
  tenants = 3,
  mood = 'busy',
  permitsChanges = true,
  port = 0,
  loads,
}: StageOptions = {}): Promise<Stage> {
  const play = { loads: 0, changes: {} as Partial<PageStatus>, startedAt: now() - 2 * HOUR_MS };
  const names = Array.from(
    { length: tenants },
    (_, index) => ['acme', 'globex', 'initech'][index] ?? `tenant_${index}`,
  );
  const feed = new Feed({
    status: () => ({ ...statusOf(names, mood, permitsChanges, play.startedAt, play.loads), ...play.changes }),
    speeds: () => speedsOf(mood),
    lag: () => (mood === 'idle' ? 0 : 1_204),
    now,
  });
  const rows = new LoadRows({ instance: 'stage/1', version: '0.1.0', loader: 'bundled' });
  const recent = new RecentLoads(rows, (made) => feed.take(made));
  const answers = loads ?? new LoadAnswers({ recent, ledger: null, reader: null });
  const load: Stage['load'] = (changes = {}, fails) => {
    const number = ++play.loads;
    const tenant = names[number % names.length] as string;
    const file = `/data/in/${tenant}/events-${String(number).padStart(6, '0')}.parquet`;
    const job = {
      ...JOB,
      id: `files/0/${number}/0`,
      file,
      tenant,
      timestamp: now() - 900 - (number % 40) * 60,
      ...changes,
    };
    const end =
      fails === undefined
        ? outcome('succeeded', { rows: 10_000 + number, bytes: 4_300_000, durationMs: 640 })
        : outcome('failed', { reason: fails, stderrTail: `as-cli: ${fails} | nothing was loaded`, exitCode: 65 });
    const effects: Effect[] = [
      { type: 'job-ended', job, attempt: fails === undefined ? 1 : 3, outcome: end, queuedMs: 80 },
    ];
    if (fails !== undefined)
      effects.push({ type: 'job-failed', job, disposition: 'attempts-exhausted', reason: fails });
    feed.observe({ type: 'tick' }, effects, now());
    recent.observe({ type: 'tick' }, effects, now());
  };
  if (mood !== 'idle') for (let before = 0; before < 60; before += 1) load();
  if (mood === 'failing')
    for (let before = 0; before < 30; before += 1) load({}, REASONS[before % (before < 20 ? 1 : 3)]);
  if (mood === 'failing')
    for (let letter = 1; letter <= 30; letter += 1)
      feed.observe({ type: 'dead-lettered', letterId: letter }, [], now());
  const acts: string[] = [];
  const options = { host: '127.0.0.1', port, names: [], onWaiting: () => undefined };
  const http = await startHttp(
    { ...options, signal: new AbortController().signal },
    {
      ...HANDLERS,
      events: (take) => feed.watch((make) => take(() => withLags(make(), mood))),
      api: {
        ...playedApi(acts),
        settings: () => ({ settings: shownSettings(settings.config, settings.origins) }),
        loads: async (query) => {
          const wanted = readLoadQuery(new Map(new URLSearchParams(query)));
          if ('problem' in wanted) return { status: 400, body: { error: wanted.problem } };
          return { status: 200, body: await answers.list(wanted) };
        },
      },
    },
  );
  const change = (changes: Partial<PageStatus>) => {
    play.changes = { ...play.changes, ...changes };
    feed.observe({ type: 'tick' }, [], now());
  };
  return { http, feed, load, change, acts };
}

/** Has two dead letters, until they are replayed or discarded. */
function playedApi(acts: string[]): ApiHandlers {
  const places = new Set(['0/7', '3/1204']);
  const done = (body: object = {}) => ({ status: 200, body });
  const handle: ApiHandlers['replay'] = async ({ wanted: { letters } }) => {
    for (const letter of letters ?? []) places.delete(letter);
    return done({ done: letters, refused: [], handledBefore: 0 });
  };
  const note = (act: string, by: string) => {
    acts.push(`${act} by ${by}`);
    return done();
  };
  return {
    ...HANDLERS.api,
    scale: async ({ slots, by }) => note(`scale to ${slots}`, by),
    drain: ({ by }) => note('drain', by),
    join: ({ by }) => note('resume', by),
    replay: handle,
    discard: handle,
    letters: () => done({ letters: [...places].map(letterAt) }),
  };
}

function letterAt(place: string): object {
  const [partition, offset] = place.split('/').map(Number);
  const files = [`/data/in/acme/events-${offset}.csv`];
  const letter = { partition, offset, sentAt: now() - HOUR_MS, tenant: 'acme', files, replayCount: 0, handled: null };
  return { ...letter, disposition: 'permanent-failure', reason: REASONS[0] };
}

function statusOf(
  names: readonly string[],
  mood: Mood,
  permitsChanges: boolean,
  startedAt: number,
  loads: number,
): PageStatus {
  const at = Math.round(now());
  const isIdle = mood === 'idle';
  const running = isIdle ? [] : [0, 1, 2, 3].map((slot) => runningLoad(names[slot % names.length] as string, slot, at));
  const waiting = (index: number) => (isIdle ? 0 : Math.max(0, 400 - index * 90));
  const fails = mood === 'failing';
  const { state: _, ...still } = new Play().status;
  return {
    ...still,
    ...{ version: '0.1.0', at, startedAt: Math.round(startedAt), state: 'running', slots: 4, running },
    ...{ live: { ok: true, reasons: [] }, ready: { ok: true, reasons: [] }, loadTimeoutMs: 300_000, permitsChanges },
    lag: isIdle ? { messages: 0, fileBytes: 0, secondsLeft: 0 } : { messages: 1_204, fileBytes: 3e9, secondsLeft: 240 },
    perSecond: isIdle ? NOTHING : { loaded: 5.2, failed: fails ? 0.1 : 0, rows: 52_400, bytes: 22_400_000 },
    lastHour: isIdle ? NOTHING : { loaded: 18_720 + loads, failed: fails ? 30 : 0, rows: 187e6, bytes: 8e10 },
    lastLoadedAt: isIdle ? null : at,
    settings: { needRestart: [], lastReload: null },
    queue: { jobs: isIdle ? 0 : 800, delayed: fails ? 12 : 0, fileBytes: 0, messageBytes: 0 },
    breaker: fails
      ? {
          state: 'open',
          cause: 'sink-unavailable',
          reason: 'ClickHouse cannot be reached: connect ECONNREFUSED 10.0.4.2:8123',
          since: at - 42_000,
          until: at + 17_000,
        }
      : { state: 'closed', cause: null, reason: null, since: null, until: null },
    tenants: isIdle
      ? []
      : names.map((tenant, index) => ({
          ...{ tenant, weight: 1, due: 0, isPaused: false },
          waiting: waiting(index),
          running: index < 4 ? 1 : 0,
        })),
    pauses: fails
      ? [
          {
            tenant: names[1] as string,
            since: at - 600_000,
            until: at + HOUR_MS,
            by: 'maria',
            reason: 'their disk is full',
          },
        ]
      : [],
    partitions: [0, 1, 2].map((partition) => ({
      ...{
        topic: 'atd-topic',
        partition,
        paused: false,
        pausedSince: null,
        flood: null,
        frontier: 48_210 + partition,
        lag: isIdle ? 0 : 401,
      },
      ...{
        oldestAt: isIdle ? null : at - 93_000,
        uncommitted: isIdle ? 0 : 412,
        incomplete: isIdle ? 0 : 400,
        completedAhead: 0,
      },
    })),
    totals: {
      tenants: names.map((tenant, index) => ({
        ...{ tenant, attempts: 9_000 - index, loaded: 9_000 - index, rows: 1, bytes: 1 },
        failed: fails && index < 3 ? 10 : 0,
      })),
      others: null,
    },
  };
}

const NOTHING = { loaded: 0, failed: 0, rows: 0, bytes: 0 };

function runningLoad(tenant: string, slot: number, at: number): PageStatus['running'][number] {
  const job = { ...JOB, id: `files/0/9${slot}/0`, file: `/data/in/${tenant}/events-00${slot}.parquet`, tenant };
  const lastLine = slot === 0 ? '' : `inserting block ${slot * 7}: ${slot * 500_000} rows sent to atd_${tenant}`;
  return { job, attempt: slot === 3 ? 2 : 1, startedAt: at - ([1_200, 12_000, 61_000, 268_000][slot] ?? 0), lastLine };
}

function speedsOf(mood: Mood): readonly object[] {
  if (mood === 'idle') return [];
  const step = Math.floor(now() / 10_000);
  return Array.from({ length: 360 }, (_, index) => {
    const loaded = Math.round(52 + 30 * Math.sin(index / 40) + (index % 7));
    return { at: (step - 359 + index) * 10_000, loaded, failed: 0, rows: loaded * 10_000, bytes: loaded * 4_300_000 };
  });
}

/** As if it had been looked at for an hour. */
function withLags(piece: Buffer, mood: Mood): Buffer {
  const text = piece.toString();
  if (mood === 'idle' || !text.startsWith('event: history')) return piece;
  const at = now();
  const lags = Array.from({ length: 360 }, (_, index) => [at - (359 - index) * 10_000, 1_204 + (359 - index) * 9]);
  const [head, data = '{}'] = text.split('data: ');
  return Buffer.from(`${head}data: ${JSON.stringify({ ...JSON.parse(data), lags })}\n\n`);
}
