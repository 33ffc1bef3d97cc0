/** Pools of real threads with real children, of which one takes the place of another. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import type { PoolEvents } from '../../lib/pool/pool.js';
import { PoolExchange, type PoolForm } from '../../lib/pool/pool-exchange.js';
import { command, shell } from '../support/commands.js';
import { waitUntil } from '../support/processes.js';

const DEADLINE_MS = 60_000;

/** All threads of this process that are alive. */
const threads = new Set<Worker>();
process.on('worker', (worker: Worker) => {
  threads.add(worker);
  worker.once('exit', () => threads.delete(worker));
});

function form(slots: number, forwardLines = false): PoolForm {
  return { slots, settings: { sinkUnavailable: { exitCodes: [75], patterns: [] }, launch: 'direct', forwardLines } };
}

const opened: PoolExchange[] = [];

function open(slots: number) {
  const told = { lines: [] as string[], launchers: [] as string[], broken: [] as Error[], started: new Set<string>() };
  const events: PoolEvents = {
    onStarted: (jobId) => told.started.add(jobId),
    onSignalled: () => undefined,
    onLine: (_jobId, _stream, text) => told.lines.push(text),
    onLauncher: (name) => told.launchers.push(name),
    onBroken: (error) => told.broken.push(error),
  };
  const pool = new PoolExchange(form(slots), events);
  opened.push(pool);
  return { pool, told };
}

/** A load that runs until it is stopped. */
async function running(pool: PoolExchange, started: ReadonlySet<string>) {
  const endless = shell('sleep 1000 & wait');
  const outcome = pool.run(endless.jobId, endless);
  await waitUntil(() => started.has(endless.jobId), DEADLINE_MS, 'the load to run');
  return { outcome, end: () => pool.stop(endless.jobId) };
}

async function exchange(pool: PoolExchange, to: PoolForm): Promise<void> {
  (await pool.prepare(to)).takeOver();
}

afterEach(async () => {
  for (const pool of opened.splice(0)) await pool.close();
  await waitUntil(() => threads.size === 0, DEADLINE_MS, 'every thread has ended');
});

describe('a pool that is exchanged', () => {
  it('lets what runs end in its thread, and takes more, or less, from then on', async () => {
    const { pool, told } = open(1);
    const first = await running(pool, told.started);
    await exchange(pool, form(3));
    assert.deepEqual([pool.ready(), pool.threads()], [true, 4]);
    const more = [await running(pool, told.started), await running(pool, told.started)];
    first.end();
    assert.equal((await first.outcome).result, 'stopped');
    await waitUntil(() => threads.size === 3, DEADLINE_MS, 'the first pool is closed');
    await exchange(pool, form(1));
    for (const { end } of more) end();
    assert.deepEqual(
      (await Promise.all(more.map(({ outcome }) => outcome))).map(({ result }) => result),
      ['stopped', 'stopped'],
    );
    await waitUntil(() => threads.size === 1, DEADLINE_MS, 'only the last thread is left');
    const last = command('/bin/true', []);
    assert.equal((await pool.run(last.jobId, last)).result, 'succeeded');
    assert.equal(told.broken.length, 0);
  });

  it('has its next loads judged by other rules, in as many threads', async () => {
    const { pool, told } = open(2);
    const say = async () => {
      const saying = shell('echo a line');
      await pool.run(saying.jobId, saying);
    };
    await say();
    await exchange(pool, form(2, true));
    await say();
    await waitUntil(() => told.lines.length > 0, DEADLINE_MS, 'the line');
    assert.deepEqual(told.lines, ['a line']);
    assert.equal(told.launchers.length, 1, 'children are started as before');
  });

  it('is the same one where nothing is asked for, and the former one where that still runs something', async () => {
    const { pool, told } = open(1);
    await exchange(pool, form(1));
    const load = await running(pool, told.started);
    await exchange(pool, form(2));
    const other = await running(pool, told.started);
    assert.equal(pool.threads(), 3);
    await exchange(pool, form(1));
    assert.equal(pool.threads(), 3, 'no third pool');
    load.end();
    await load.outcome;
    assert.equal(pool.ready(), true);
    const next = command('/bin/true', []);
    assert.equal((await pool.run(next.jobId, next)).result, 'succeeded');
    other.end();
    await other.outcome;
    await waitUntil(() => threads.size === 1, DEADLINE_MS, 'only the pool in use is left');
  });

  it('stays where the other one is not wanted any more', async () => {
    const { pool, told } = open(1);
    const load = await running(pool, told.started);
    (await pool.prepare(form(3))).discard();
    await waitUntil(() => threads.size === 1, DEADLINE_MS, 'the other pool is closed');
    load.end();
    assert.equal((await load.outcome).result, 'stopped');
  });

  it('a former one that may come back is not closed before that is known', async () => {
    const { pool, told } = open(1);
    const load = await running(pool, told.started);
    await exchange(pool, form(2));
    const prepared = await pool.prepare(form(1));
    load.end();
    await load.outcome;
    prepared.takeOver();
    const next = command('/bin/true', []);
    assert.equal((await pool.run(next.jobId, next)).result, 'succeeded');
    await waitUntil(() => threads.size === 1, DEADLINE_MS, 'the pool of two is closed');
    (await pool.prepare(form(1))).discard();
    assert.equal(pool.ready(), true);
  });

  it('stays where the threads of the other one do not start', async () => {
    const { pool, told } = open(1);
    const { settings } = form(1);
    const senseless = { ...settings, sinkUnavailable: { exitCodes: [], patterns: ['('] } };
    await assert.rejects(pool.prepare({ slots: 1, settings: senseless }), { code: 'ATD_POOL' });
    const next = command('/bin/true', []);
    assert.equal((await pool.run(next.jobId, next)).result, 'succeeded');
    assert.deepEqual(told.broken, []);
  });

  it('leaves no child when all is to be killed at once', async () => {
    const { pool, told } = open(1);
    const loads = [await running(pool, told.started)];
    await exchange(pool, form(2));
    loads.push(await running(pool, told.started));
    pool.killAllNow();
    for (const { outcome } of loads) assert.notEqual((await outcome).result, 'succeeded');
    await waitUntil(() => threads.size === 2, DEADLINE_MS, 'the first pool is closed');
  });
});
