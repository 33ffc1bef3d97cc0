/** Reloads one after the other, with parts that a test holds up, breaks or asks. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type LoadedConfig, loadConfig } from '../../../lib/config/load.js';
import { Reloads } from '../../../lib/service/reload/reloads.js';
import { Deferred } from '../../../lib/util/deferred.js';
import { waitUntil } from '../../support/processes.js';

type Args = Readonly<Record<string, string>>;

function loaded(args: Args = {}): LoadedConfig {
  return loadConfig({ file: null, env: {}, args });
}

/** What was done, in order: `read`, `prepare …`, `take`, `discard`, and the events of the log. */
class Parts {
  readonly done: string[] = [];
  readonly defects: unknown[] = [];
  /** What was prepared for. */
  readonly slots: (number | 'auto')[] = [];
  readonly results: string[] = [];
  args: Args;
  isStopping = false;
  /** Holds the preparation up. */
  gate = Promise.resolve();
  onRead: () => void = () => undefined;
  onTake: () => void = () => undefined;
  readonly reloads: Reloads;

  constructor(args: Args = {}) {
    this.args = args;
    this.reloads = new Reloads({
      ...loaded(args),
      read: () => {
        this.done.push('read');
        this.onRead();
        return { ...loaded(this.args), warnings: [] };
      },
      prepare: async ({ log_level, thread_pool_size }) => {
        this.done.push(`prepare ${log_level}`);
        this.slots.push(thread_pool_size);
        await this.gate;
        return {
          takeOver: () => {
            this.done.push('take');
            this.onTake();
          },
          discard: () => this.done.push('discard'),
        };
      },
      isStopping: () => this.isStopping,
      onChange: () => undefined,
      onDefect: (error) => this.defects.push(error),
      onResult: (result) => this.results.push(result),
      log: (_level, event) => this.done.push(event),
    });
    this.reloads.begin();
  }
}

describe('reloads', () => {
  it('that are asked for while one is under way are one, which reads what is there then', async () => {
    const parts = new Parts();
    const gate = new Deferred();
    parts.gate = gate.promise;
    parts.args = { log_level: 'debug' };
    const first = parts.reloads.request('a');
    await waitUntil(() => parts.done.length === 2, 60_000, 'the first to be under way');
    assert.equal(parts.reloads.isUnderWay, true);
    const others = ['b', 'c', 'd'].map((by) => parts.reloads.request(by));
    parts.args = { log_level: 'warn' };
    gate.resolve();
    await Promise.all([first, ...others]);
    const [reloaded, second] = [
      ['read', 'prepare debug', 'take', 'config.reloaded'],
      ['read', 'prepare warn'],
    ];
    assert.deepEqual(parts.done, [...reloaded, ...second, 'config.reloaded', 'take']);
    assert.deepEqual([parts.reloads.config.log_level, parts.reloads.isUnderWay], ['warn', false]);
    assert.equal(parts.reloads.status.lastReload?.by, 'b');
  });

  it('are none before the service is up', async () => {
    const reads: string[] = [];
    const reloads = new Reloads({
      ...loaded(),
      read: () => {
        reads.push('read');
        return { ...loaded({ log_level: 'warn' }), warnings: [] };
      },
      prepare: async () => ({ takeOver: () => undefined, discard: () => undefined }),
      isStopping: () => false,
      onChange: () => undefined,
      onDefect: () => undefined,
      onResult: () => undefined,
      log: () => undefined,
    });
    const result = reloads.request('SIGHUP');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(reads, []);
    reloads.begin();
    assert.equal((await result).kind, 'taken');
  });

  it('leave all as it was in a stop, also in one that begins meanwhile', async () => {
    const parts = new Parts();
    const gate = new Deferred();
    parts.gate = gate.promise;
    parts.args = { log_level: 'debug' };
    const result = parts.reloads.request('a');
    await waitUntil(() => parts.done.length === 2, 60_000, 'it to be under way');
    parts.isStopping = true;
    gate.resolve();
    assert.deepEqual([await result, await parts.reloads.request('b')], [{ kind: 'ignored' }, { kind: 'ignored' }]);
    assert.deepEqual(parts.done, ['read', 'prepare debug', 'discard', 'config.ignored', 'config.ignored']);
    assert.deepEqual([parts.reloads.config.log_level, parts.results], ['info', []]);
  });

  it('are refused for whatever happens before anything has changed, and go on behind that', async () => {
    const parts = new Parts();
    parts.onRead = () => {
      throw new TypeError('nobody thought of this');
    };
    assert.deepEqual(await parts.reloads.request('a'), { kind: 'refused', error: 'nobody thought of this' });
    assert.deepEqual([parts.results, parts.reloads.metrics.isLastTaken], [['refused'], false]);
    parts.onRead = () => undefined;
    assert.equal((await parts.reloads.request('b')).kind, 'taken');
    assert.deepEqual([parts.results, parts.defects], [['refused', 'succeeded'], []]);
  });

  it('that fail in the middle are a defect', async () => {
    const parts = new Parts();
    const error = new Error('half of it');
    parts.onTake = () => {
      throw error;
    };
    await assert.rejects(parts.reloads.request('a'), error);
    assert.deepEqual(parts.defects, [error]);
  });
});

describe('a password that ClickHouse refused', () => {
  function withPassword(t: TestContext) {
    const directory = mkdtempSync(join(tmpdir(), 'atd-secret-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'secret');
    writeFileSync(file, 'old\n');
    const parts = new Parts({ 'clickhouse.password_file': file, log_level: 'warn' });
    return { file, parts };
  }

  /** What stands behind it in the queue has waited for it. */
  async function refuse({ reloads, done }: Parts): Promise<string[]> {
    const from = done.length;
    reloads.passwordRefused();
    await reloads.request('the test');
    return done.slice(from, done.indexOf('read', from));
  }

  it('is replaced by the one that its file has now, and nothing else is read', async (t) => {
    const { file, parts } = withPassword(t);
    parts.args = { ...parts.args, 'kafka.topic': 'another' };
    await parts.reloads.request('before');
    writeFileSync(file, 'new\n');
    parts.args = { ...parts.args, log_level: 'debug' };
    const before = parts.reloads.status;
    parts.reloads.passwordRefused();
    await waitUntil(() => parts.reloads.config.clickhouse.password === 'new', 60_000, 'the new one');
    assert.deepEqual([parts.reloads.config.log_level, parts.reloads.status], ['warn', before]);
    assert.deepEqual(before.needRestart, ['kafka.topic']);
  });

  it('leave what needs a restart where it came from, and say of the rest where it comes from now', async () => {
    const parts = new Parts();
    const origins = () => ['kafka.topic', 'log_level'].map((key) => parts.reloads.origins.get(key)?.kind);
    assert.deepEqual(origins(), ['default', 'default']);
    parts.args = { 'kafka.topic': 'another', log_level: 'warn' };
    await parts.reloads.request('the test');
    assert.deepEqual(origins(), ['default', 'argument']);
    parts.args = { 'kafka.topic': 'another', log_level: 'nonsense' };
    assert.equal((await parts.reloads.request('the test')).kind, 'refused');
    assert.deepEqual(origins(), ['default', 'argument']);
  });

  it('stays where the file has no other one, or cannot be read', async (t) => {
    const { file, parts } = withPassword(t);
    assert.deepEqual(await refuse(parts), []);
    writeFileSync(file, '');
    parts.reloads.passwordRefused();
    rmSync(file);
    parts.reloads.passwordRefused();
    assert.equal((await parts.reloads.request('the test')).kind, 'refused');
    assert.deepEqual([parts.reloads.config.clickhouse.password, parts.defects], ['old', []]);
  });

  it('stays where no file is named', async () => {
    assert.deepEqual(await refuse(new Parts({ 'clickhouse.password': 'old' })), []);
  });
});

describe('another number of slots', () => {
  const order = (slots: number) => ({ slots, by: 'maria', reason: 'a backlog' });

  it('holds through reloads of other settings, and until one that changes thread_pool_size', async () => {
    const parts = new Parts({ thread_pool_size: '2' });
    assert.deepEqual(await parts.reloads.scale(order(6)), { kind: 'taken', before: 2, configured: 2 });
    const { scaled } = parts.reloads.status;
    assert.deepEqual({ ...scaled, at: 0 }, { ...order(6), at: 0, configured: 2 });
    parts.args = { thread_pool_size: '2', log_level: 'debug' };
    const kept = await parts.reloads.request('a');
    assert.deepEqual(kept, { kind: 'taken', changed: ['log_level: "info" -> "debug"'], needRestart: [] });
    assert.deepEqual([parts.reloads.config.thread_pool_size, parts.reloads.status.scaled?.slots], [6, 6]);
    parts.args = { thread_pool_size: '3', log_level: 'debug' };
    const ended = await parts.reloads.request('a');
    assert.deepEqual(ended, { kind: 'taken', changed: ['thread_pool_size: 2 -> 3'], needRestart: [] });
    assert.deepEqual([parts.reloads.config.thread_pool_size, parts.reloads.status.scaled], [3, null]);
    assert.deepEqual(parts.slots, [6, 6, 3]);
  });

  it('is taken back by the number of thread_pool_size', async () => {
    const parts = new Parts({ thread_pool_size: '2' });
    await parts.reloads.scale(order(6));
    assert.deepEqual(await parts.reloads.scale(order(2)), { kind: 'taken', before: 6, configured: 2 });
    assert.equal(parts.reloads.status.scaled, null);
  });

  it('waits for the reload that is under way', async () => {
    const parts = new Parts({ thread_pool_size: '2' });
    const gate = new Deferred();
    parts.gate = gate.promise;
    parts.args = { thread_pool_size: '3' };
    const reload = parts.reloads.request('a');
    const scale = parts.reloads.scale(order(6));
    gate.resolve();
    await reload;
    assert.deepEqual(await scale, { kind: 'taken', before: 3, configured: 3 });
  });

  const REFUSED: readonly (readonly [slots: number, args: Args, why: RegExp])[] = [
    [0, {}, /^slots must be a whole number from 1 to 256 \(as thread_pool_size\), not 0$/],
    [257, {}, /from 1 to 256 .*not 257$/],
    [2.5, {}, /whole number .*not 2\.5$/],
    [
      2,
      { thread_pool_size: 'auto' },
      /^the number of slots is found out by the service itself \(thread_pool_size: auto\); /,
    ],
    [
      9,
      { 'ingest.max_queued_jobs': '8' },
      /^9 slots do not go together with other settings: .*ingest\.max_queued_jobs/,
    ],
  ];
  for (const [slots, args, why] of REFUSED) {
    it(`is refused as ${slots} beside ${JSON.stringify(args)}, and nothing has changed`, async () => {
      const parts = new Parts(args);
      const before = parts.reloads.config;
      const result = await parts.reloads.scale(order(slots));
      assert.match(result.kind === 'refused' ? result.error : result.kind, why);
      assert.deepEqual([parts.reloads.config, parts.reloads.status.scaled, parts.done], [before, null, []]);
    });
  }

  it('is given up where the service stops meanwhile', async () => {
    const parts = new Parts();
    const gate = new Deferred();
    parts.gate = gate.promise;
    const scale = parts.reloads.scale(order(6));
    await waitUntil(() => parts.done.length === 1, 60_000, 'it to be under way');
    parts.isStopping = true;
    gate.resolve();
    assert.deepEqual([await scale, parts.done], [{ kind: 'ignored' }, ['prepare info', 'discard']]);
  });
});
