/** The rows that the engine's own effects make. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tokenOf } from '../../lib/core/rules/replays.js';
import type { EngineSettings } from '../../lib/core/settings.js';
import type { Load } from '../../lib/ledger/load.js';
import { loadIdOf } from '../../lib/ledger/load-id.js';
import { LoadRows } from '../../lib/ledger/load-rows.js';
import { outcome, Play, record } from '../support/engine.js';

const WRITER = { instance: 'host/1', version: '1.2.3', loader: 'bundled' };

/** An engine, and the rows that its effects make. */
class Watched extends Play {
  readonly rows: Load[] = [];

  constructor(changes: Partial<EngineSettings> = {}) {
    super(changes);
    const makes = new LoadRows(WRITER);
    const handle = this.engine.handle.bind(this.engine);
    this.engine.handle = (event, now) => {
      const effects = handle(event, now);
      this.rows.push(...makes.of(event, effects, now));
      return effects;
    };
  }

  get statuses(): string[] {
    return this.rows.map(({ status }) => status);
  }
}

function begin(changes: Partial<EngineSettings> = {}): Watched {
  const play = new Watched(changes);
  play.assign(0);
  return play;
}

describe('the rows of a file', () => {
  it('are one where it is loaded, with its times, its rows and its place', () => {
    const play = begin();
    play.deliver(5);
    const takenAt = play.now;
    play.now += 1_102;
    const traces = { fileBytes: 70, modifiedAt: 1_699_999_999_999.6, cpuMs: 310, peakBytes: 2 ** 20, queryId: 'q' };
    play.end(
      5,
      outcome('succeeded', { rows: 7, bytes: 70, launchMs: 2, durationMs: 1_100, stderrTail: 'odd', traces }),
    );
    const [row, ...more] = play.rows;
    assert.deepEqual(more, []);
    assert.deepEqual(row, {
      loadId: loadIdOf('files/0/5/0@1700000000000', 0),
      token: 'files/0/5/0@1700000000000',
      generation: 0,
      topic: 'files',
      partition: 0,
      offset: 5,
      index: 0,
      announcedAt: 1_700_000_000_000,
      ...WRITER,
      status: 'loaded',
      attempt: 1,
      tenant: null,
      table: 'atd_logs',
      path: '/in/5',
      lane: 'normal',
      takenAt,
      startedAt: takenAt,
      finishedAt: play.now,
      result: 'succeeded',
      disposition: null,
      rows: 7,
      bytes: 70,
      exitCode: 0,
      signal: null,
      reason: '',
      stderr: '',
      size: 70,
      modifiedAt: 1_700_000_000_000,
      cpuMs: 310,
      peakMemory: 2 ** 20,
      queryId: 'q',
    });
  });

  it('are one for each attempt that failed, and one for its end', () => {
    const play = begin();
    play.deliver(5);
    play.end(5, outcome('failed', { exitCode: 1, reason: 'exit code 1' }));
    play.wait(1_000);
    play.end(5, outcome('timed-out', { signal: 'SIGKILL' }));
    play.wait(60_000);
    play.end(5);
    assert.deepEqual(
      play.rows.map(({ status, attempt, result, disposition }) => [status, attempt, result, disposition]),
      [
        ['failed', 1, 'failed', null],
        ['failed', 2, 'timed-out', null],
        ['loaded', 3, 'succeeded', null],
      ],
    );
    assert.equal(new Set(play.rows.map(({ loadId }) => loadId)).size, 1);
    assert.deepEqual(
      [play.rows[0]?.reason, play.rows[0]?.exitCode, play.rows[1]?.signal],
      ['exit code 1', 1, 'SIGKILL'],
    );
  });

  it('say why it was given up, and how its last attempt ended', () => {
    const play = begin();
    play.deliver(5);
    play.end(5, outcome('failed', { exitCode: 65, reason: 'exit code 65: row 3', stderrTail: 'in it: | row 3' }));
    assert.deepEqual(play.statuses, ['failed', 'given-up']);
    assert.deepEqual(
      play.rows.map(({ stderr, size, modifiedAt, cpuMs, peakMemory, queryId }) => [
        ...[stderr, size, modifiedAt, cpuMs, peakMemory, queryId],
      ]),
      Array(2).fill(['in it: | row 3', null, null, null, null, null]),
    );
    const { disposition, reason, exitCode, attempt, startedAt, finishedAt } = play.rows[1] as Load;
    assert.deepEqual([disposition, exitCode, attempt], ['permanent-failure', 65, 1]);
    assert.match(reason, /exit code 65: row 3/);
    assert.ok((startedAt as number) <= finishedAt);
  });

  it('count no attempt that its file is not the reason of the end of: a stop, and a file that is still written to', () => {
    const play = begin({ settleMs: 1_000 });
    play.deliver(5);
    play.end(5, outcome('file-unsettled', { seen: { bytes: 1, modifiedAt: 0, at: 0 } }));
    play.wait(1_000);
    play.drain(0);
    play.end(5, 'stopped');
    assert.deepEqual(play.statuses, []);
  });

  it('are superseded where another instance has its partition by then, and it is loaded there', () => {
    const play = begin();
    play.deliver(5);
    play.deliver(6);
    play.assign();
    play.end(5, outcome('succeeded', { rows: 7 }));
    play.end(6, 'stopped');
    assert.deepEqual(play.statuses, ['superseded']);
    const other = begin();
    other.deliver(5);
    other.end(5, outcome('succeeded', { rows: 7 }));
    assert.deepEqual(other.statuses, ['loaded']);
    assert.equal(other.rows[0]?.loadId, play.rows[0]?.loadId);
  });

  it('are one, skipped, for each file of a message that is refused, also where its letter is sent again', () => {
    const play = begin();
    const value = new TextEncoder().encode(JSON.stringify({ filename: ['/a', '/b'], tenant: 'No Tenant' }));
    play.tell({ type: 'record', record: record(5, null, { value }) });
    play.refuse(1);
    play.wait(60_000);
    play.acknowledge(1);
    assert.deepEqual(
      play.rows.map(({ status, disposition, tenant, path, index, attempt }) => [
        status,
        disposition,
        tenant,
        path,
        index,
        attempt,
      ]),
      [
        ['skipped', 'tenant-denied', 'no tenant', '/a', 0, 0],
        ['skipped', 'tenant-denied', 'no tenant', '/b', 1, 0],
      ],
    );
  });

  it('are of the files that a replay repeats, where it is refused', () => {
    const play = begin();
    const value = new TextEncoder().encode(JSON.stringify({ filename: ['/b', '/c'], tenant: 'No Tenant' }));
    const headers = { 'atd.replay-of': 'files/0/2@17', 'atd.replay-files': '1,2', 'atd.generation': '4' };
    play.tell({ type: 'record', record: record(5, null, { value, headers }) });
    assert.deepEqual(
      play.rows.map(({ loadId, token, path }) => [loadId, token, path]),
      [
        [loadIdOf('files/0/2/1@17', 4), 'files/0/2/1@17', '/b'],
        [loadIdOf('files/0/2/2@17', 4), 'files/0/2/2@17', '/c'],
      ],
    );
  });

  it('are one for a message that nobody can read', () => {
    const play = begin();
    play.tell({ type: 'record', record: record(5, '{"filename":', { timestamp: -1 }) });
    const [{ status, disposition, path, tenant, announcedAt, token }] = play.rows as [Load];
    assert.deepEqual([status, disposition, path, tenant], ['skipped', 'invalid-message', '', null]);
    assert.deepEqual([announcedAt, token], [null, 'files/0/5/0@-1']);
  });

  it('say so of a file that is given up without an attempt of this run', () => {
    const play = begin();
    const makes = new LoadRows(WRITER);
    play.deliver(5);
    const job = { ...play.status.running[0]?.job } as never;
    const [row] = makes.of(
      { type: 'tick' },
      [{ type: 'job-failed', job, disposition: 'attempts-exhausted', reason: 'x' }],
      9,
    );
    assert.deepEqual([row?.status, row?.attempt, row?.startedAt, row?.takenAt], ['given-up', 0, null, 9]);
  });

  it('are as long as a row may be, and of whole characters', () => {
    const play = begin();
    play.deliver(5);
    play.end(5, outcome('failed', { reason: `\ud800${'\u{1f600}'.repeat(5_000)}` }));
    const [{ reason }] = play.rows as [Load];
    assert.ok(reason.length <= 1_000, `${reason.length}`);
    assert.doesNotMatch(reason, /\p{Surrogate}/u);
  });

  it('have no time of announcement where the message names one beyond all calendars', () => {
    const play = begin();
    play.tell({ type: 'record', record: record(5, undefined, { timestamp: 8.64e15 }) });
    play.end(5);
    assert.equal(play.rows[0]?.announcedAt, null);
  });
});

describe('the id of a load', () => {
  it('is a UUID that token and generation make, and nothing else', () => {
    const id = loadIdOf('files/0/5/0@17', 0);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(loadIdOf('files/0/5/0@17', 0), id);
    assert.equal(id, 'dc3c2f78-dd83-8f17-8220-561a39108479');
    const others = [loadIdOf('files/0/5/0@18', 0), loadIdOf('files/0/5/1@17', 0), loadIdOf('files/0/5/0@17', 1)];
    assert.equal(new Set([id, ...others]).size, 4);
  });

  it('belongs to the token that the loader is given', () => {
    assert.equal(tokenOf({ id: 'files/0/5/0', timestamp: 17 }), 'files/0/5/0@17');
  });
});
