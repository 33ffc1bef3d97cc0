import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import type { Worker } from 'node:worker_threads';
import { isAtdError } from '../../lib/errors.js';
import { createPool, type Pool, type PoolEvents } from '../../lib/pool/pool.js';
import { JOB_VARIABLE, SUPERVISOR_VARIABLE, supervisorId } from '../../lib/processes/leftovers.js';
import { readVariable } from '../../lib/processes/process-table.js';
import type { LaunchMode, WorkerSettings } from '../../lib/types.js';
import { command, fixture, program, shell } from '../support/commands.js';
import {
  isAlive,
  markedAreGone,
  ownZombies,
  patience,
  processesWithMarker,
  stateOf,
  waitUntil,
} from '../support/processes.js';

const MODES = ['direct', 'launcher'] as const;

function settingsFor(launch: LaunchMode): WorkerSettings {
  return {
    sinkUnavailable: { exitCodes: [69, 75], patterns: ['connection refused'] },
    launch,
    forwardLines: true,
  };
}

/** All threads of this process that are alive, so that a test can end one from outside. */
const threads = new Set<Worker>();
process.on('worker', (worker: Worker) => {
  threads.add(worker);
  worker.once('exit', () => threads.delete(worker));
});

interface Told {
  readonly started: Map<string, number>;
  readonly signals: string[];
  readonly lines: string[];
  readonly launchers: string[];
  readonly broken: Error[];
}

const pools: Pool[] = [];

async function openWith(slots: number, settings: WorkerSettings): Promise<{ pool: Pool; told: Told }> {
  const told: Told = { started: new Map(), signals: [], lines: [], launchers: [], broken: [] };
  const events: PoolEvents = {
    onStarted: (jobId, pid) => told.started.set(jobId, pid),
    onSignalled: (_jobId, signal) => told.signals.push(signal),
    onLine: (_jobId, stream, text) => told.lines.push(`${stream}: ${text}`),
    onLauncher: (name) => told.launchers.push(name),
    onBroken: (error) => told.broken.push(error),
  };
  const pool = createPool({ slots, settings, events });
  pools.push(pool);
  return { pool, told };
}

async function openReadyWith(slots: number, settings: WorkerSettings): Promise<{ pool: Pool; told: Told }> {
  const opened = await openWith(slots, settings);
  await waitUntil(() => opened.pool.ready(), 10_000, 'the pool is ready');
  return opened;
}

afterEach(async () => {
  for (const pool of pools.splice(0)) {
    pool.killAll();
    await waitUntil(() => pool.running() === 0, 5_000, 'no job runs');
    await pool.close();
  }
});

after(async () => {
  await waitUntil(() => threads.size === 0, 5_000, 'every thread has ended');
});

for (const launch of MODES) {
  const settings = settingsFor(launch);
  const open = (slots: number, changed = settings) => openWith(slots, changed);
  const openReady = (slots: number) => openReadyWith(slots, settings);

  describe(`pool, ${launch}`, () => {
    it('is not ready before its threads are up', async () => {
      const { pool } = await open(2);
      assert.deepEqual([pool.ready(), pool.threads()], [false, 2]);
      await waitUntil(() => pool.ready(), 10_000, 'the pool is ready');
    });

    it('runs four jobs at once and tells of each', async () => {
      const { pool, told } = await openReady(4);
      const commands = [0, 1, 2, 3].map((code) => shell(`echo "line ${code}"; sleep 1000 & wait; exit ${code}`));
      const runs = commands.map((each) => pool.run(each.jobId, each));
      await waitUntil(() => told.started.size === 4 && told.lines.length === 4, 5_000, 'four children run');
      assert.equal(pool.running(), 4);
      for (const each of commands) pool.stop(each.jobId);
      const outcomes = await Promise.all(runs);
      assert.deepEqual(
        outcomes.map((each) => each.result),
        Array(4).fill('stopped'),
      );
      assert.deepEqual(told.signals, Array(4).fill('SIGTERM'));
      assert.deepEqual(
        told.lines.toSorted(),
        [0, 1, 2, 3].map((code) => `stdout: line ${code}`),
      );
      assert.equal(pool.running(), 0);
    });

    it('says what each child has said last, and asks for what it says meanwhile', async (t) => {
      const { pool } = await openReady(2);
      const directory = mkdtempSync(join(tmpdir(), 'atd-said-'));
      t.after(() => rmSync(directory, { recursive: true }));
      const go = join(directory, 'go');
      const each = shell(`echo first; while [ ! -e '${go}' ]; do sleep 0.05; done; echo "token $A_TOKEN"; sleep 1000`, {
        env: { A_TOKEN: 'of-this-test' },
      });
      const silent = shell('sleep 1000');
      const runs = [each, silent].map((one) => pool.run(one.jobId, one));
      const said = () => pool.lastLines().get(each.jobId);
      await waitUntil(() => said() === 'first', 60_000, 'the first line');
      writeFileSync(go, '');
      await waitUntil(() => said() === 'token ***', 60_000, 'the second line');
      assert.equal(pool.lastLines().get(silent.jobId), '');
      for (const { jobId } of [each, silent]) pool.stop(jobId);
      await Promise.all(runs);
      assert.equal(pool.lastLines().size, 0);
    });

    it('has told of the start by the time that the outcome is known, however short the job', async () => {
      const { pool, told } = await openReady(2);
      for (let i = 0; i < 50; i++) {
        const each = command('/bin/true', []);
        const outcome = await pool.run(each.jobId, each);
        assert.equal(outcome.result, 'succeeded');
        assert.ok(told.started.has(each.jobId), `run ${i}`);
      }
    });

    it('has told of every line by the time that the outcome is known', async () => {
      const { pool, told } = await openReady(1);
      const each = shell('i=0; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); done; exit 3');
      const outcome = await pool.run(each.jobId, each);
      assert.equal(outcome.reason, 'exit code 3: 49');
      assert.equal(told.lines.length, 50);
    });

    it('refuses a job beyond its slots and a job that runs already', async () => {
      const { pool, told } = await openReady(1);
      const each = shell('sleep 1000');
      const run = pool.run(each.jobId, each);
      await waitUntil(() => told.started.size === 1, 5_000, 'the child runs');
      const isPoolError = (error: unknown) => isAtdError(error) && error.code === 'ATD_POOL';
      await assert.rejects(pool.run('another', each), isPoolError);
      await assert.rejects(pool.run(each.jobId, each), isPoolError);
      await assert.rejects(pool.close(), isPoolError);
      pool.kill(each.jobId);
      assert.equal((await run).signal, 'SIGKILL');
    });

    it('ignores a stop of a job that does not run', async () => {
      const { pool } = await openReady(1);
      pool.stop('nobody');
      pool.kill('nobody');
    });

    it('stops a job that was handed out a moment before, without starting its child', async () => {
      const { pool, told } = await openReady(1);
      const each = shell('sleep 1000');
      const run = pool.run(each.jobId, each);
      pool.stop(each.jobId);
      assert.equal((await run).result, 'stopped');
      assert.deepEqual([told.started.size, told.signals.length], [0, 0]);
    });

    it('does not stop a job because the one before it in its slot was stopped or killed', async () => {
      const { pool, told } = await openReady(1);
      for (const end of ['stop', 'kill'] as const) {
        const each = shell('sleep 1000');
        const run = pool.run(each.jobId, each);
        await waitUntil(() => told.started.has(each.jobId), 5_000, 'the child runs');
        pool[end](each.jobId);
        assert.equal((await run).result, 'stopped');
        const next = shell('exit 0');
        assert.equal((await pool.run(next.jobId, next)).result, 'succeeded');
      }
    });

    it('takes no job once it is closed', async () => {
      const { pool } = await openReady(1);
      await pool.close();
      const each = shell('exit 0');
      await assert.rejects(pool.run(each.jobId, each), (error) => isAtdError(error) && error.code === 'ATD_POOL');
      assert.equal(pool.ready(), false);
    });

    it('says so when its threads cannot start', async () => {
      const { pool, told } = await open(2, { ...settings, sinkUnavailable: { exitCodes: [], patterns: ['('] } });
      const each = shell('exit 0');
      await assert.rejects(pool.run(each.jobId, each), (error) => isAtdError(error) && error.code === 'ATD_POOL');
      await assert.rejects(pool.up(), /worker threads do not start/);
      await waitUntil(() => told.broken.length > 0, 10_000, 'the pool is broken');
      assert.match(String(told.broken[0]), /worker threads do not start.*Invalid regular expression/);
      assert.equal(told.broken.length, 1);
      assert.equal(pool.ready(), false);
      await assert.rejects(pool.run(each.jobId, each), /worker threads do not start/);
    });
  });

  describe(`pool, ${launch}: a thread that dies`, () => {
    it('costs its own child and no more, is replaced, and the next job runs', async () => {
      const { pool, told } = await openReady(2);
      const commands = [program('ignore-term.sh'), program('ignore-term.sh')];
      const runs = commands.map(async (each) => ({ each, outcome: await pool.run(each.jobId, each) }));
      await waitUntil(() => told.lines.length === 2, 5_000, 'two children run');
      const [victim] = threads;
      await victim?.terminate();
      const { each: lost, outcome } = await Promise.race(runs);
      const kept = commands.find((each) => each !== lost);
      const pidOf = (job: { readonly jobId: string } | undefined) => told.started.get(job?.jobId ?? '') ?? 0;

      assert.equal(outcome.result, 'thread-lost');
      assert.match(outcome.reason, new RegExp(`its child ${pidOf(lost)} was killed`));
      await markedAreGone(lost.entry);
      assert.ok(isAlive(pidOf(kept)), 'the child of the other thread lives');
      // Of the two only what the thread itself had started is left as a zombie.
      await waitUntil(() => pool.unreaped() === 1, 5_000, 'the orphan is counted');
      assert.equal(ownZombies().includes(pidOf(lost)), launch === 'direct');

      await waitUntil(() => pool.ready(), 10_000, 'the thread is replaced');
      assert.equal(pool.threads(), 2);
      const next = shell('exit 3');
      assert.equal((await pool.run(next.jobId, next)).exitCode, 3);
      assert.deepEqual(told.broken, []);
    });

    it('leaves no daemon behind that its child had started', async () => {
      const { pool, told } = await openReady(1);
      const each = shell('setsid sh -c "echo daemon; sleep 1000" & sleep 1000');
      const run = pool.run(each.jobId, each);
      await waitUntil(() => told.lines.length === 1, 5_000, 'the daemon runs');
      for (const thread of [...threads]) await thread.terminate();
      assert.equal((await run).result, 'thread-lost');
      await markedAreGone(each.entry);
    });

    it('is replaced when it dies idle', async () => {
      const { pool } = await openReady(1);
      for (const thread of [...threads]) await thread.terminate();
      await waitUntil(() => pool.ready(), 10_000, 'the thread is replaced');
      const each = shell('exit 0');
      assert.equal((await pool.run(each.jobId, each)).result, 'succeeded');
    });

    it('does not lose a job that is handed out while the thread is replaced', async () => {
      const { pool } = await openReady(1);
      for (const thread of [...threads]) await thread.terminate();
      const each = shell('exit 0');
      assert.equal((await pool.run(each.jobId, each)).result, 'succeeded');
    });
  });

  describe(`pool, ${launch}: threads that do not come back`, () => {
    it('refuses the job that waited for one, and says that it is broken', async () => {
      const { pool, told } = await openReady(1);
      for (const thread of [...threads]) await thread.terminate();
      const each = shell('exit 0');
      const run = pool.run(each.jobId, each);
      for (const replacement of [...threads]) void replacement.terminate();
      await assert.rejects(run, (error) => isAtdError(error) && error.code === 'ATD_POOL');
      assert.deepEqual([told.broken.length, pool.ready(), pool.running()], [1, false, 0]);
    });
  });

  describe(`pool, ${launch}: the end of the process`, () => {
    it('abandons its jobs by killing their children and what came from them at once', async () => {
      const { pool, told } = await openReady(2);
      const commands = [program('ignore-term.sh'), shell('setsid sh -c "echo daemon; sleep 1000" & sleep 1000')];
      const runs = commands.map((each) => pool.run(each.jobId, each));
      await waitUntil(() => told.lines.length === 2, 5_000, 'both jobs run');
      pool.killAllNow();
      const left = () => commands.flatMap((each) => processesWithMarker(each.entry));
      await waitUntil(() => left().length === 0, 1_000, 'nothing is left');
      await Promise.all(runs);
    });

    it('leaves nothing behind when it exits at once after that', async () => {
      const each = shell('setsid sh -c "echo daemon; sleep 1000" & sleep 1000');
      const result = await primary(
        settings,
        `
      events.onLine = () => { pool.killAllNow(); process.exit(0); };
      await pool.run('job', ${JSON.stringify(each)});`,
      );
      assert.deepEqual(result, { code: 0, signal: null, said: '' });
      await markedAreGone(each.entry);
    });

    it('does not keep a process alive that has no job', async () => {
      const result = await primary(
        settings,
        `
      const outcome = await pool.run('job', ${JSON.stringify(shell('exit 0'))});
      console.log(outcome.result);`,
      );
      assert.deepEqual(result, { code: 0, signal: null, said: 'succeeded\n' });
    });

    it('clears up what a primary left behind that was killed', async () => {
      const { pool } = await openReady(1);
      const each = shell('sleep 1000');
      const killed = await primary(
        settings,
        `
      events.onStarted = () => process.kill(process.pid, 'SIGKILL');
      await pool.run('job', ${JSON.stringify(each)});`,
      );
      assert.equal(killed.signal, 'SIGKILL');
      // The primary of another test, running at the same time, may have been quicker: the count is not ours to know.
      pool.clearLeftovers();
      await markedAreGone(each.entry);
    });
  });
}

describe('pool: its launcher processes', () => {
  const settings = settingsFor('launcher');
  /** They carry the marker of the primary, and none of a job. */
  const launchers = () =>
    processesWithMarker(`${SUPERVISOR_VARIABLE}=${supervisorId()}`).filter(
      (pid) => readVariable(pid, JOB_VARIABLE) === null,
    );

  it('are one per thread, and are told of', async () => {
    const { pool, told } = await openReadyWith(2, settings);
    await waitUntil(() => told.launchers.length > 0, 5_000, 'the launcher is told of');
    assert.equal(told.launchers.length, 1);
    assert.notEqual(pool.launcher(), 'direct');
    assert.equal(pool.launcher(), told.launchers[0]);
    assert.equal(launchers().length, 2);
  });

  it('are reaped when the pool is closed', async () => {
    const { pool } = await openReadyWith(2, settings);
    const before = launchers();
    assert.equal(before.length, 2);
    await pool.close();
    // It does not wait for them for ever.
    await waitUntil(() => launchers().length === 0, 60_000, 'they have ended');
    await waitUntil(() => !ownZombies().some((pid) => before.includes(pid)), 60_000, 'they are reaped');
  });

  it('are no leftovers while their primary lives', async () => {
    const { pool } = await openReadyWith(1, settings);
    const before = launchers();
    pool.clearLeftovers();
    const each = shell('exit 3');
    assert.equal((await pool.run(each.jobId, each)).exitCode, 3);
    assert.deepEqual(launchers(), before);
  });

  it('cost their child its attempt when they die under it, and the next job runs', async () => {
    const { pool, told } = await openReadyWith(1, settings);
    const each = program('ignore-term.sh');
    const run = pool.run(each.jobId, each);
    await waitUntil(() => told.lines.length === 1, 5_000, 'the child runs');
    for (const pid of launchers()) process.kill(pid, 'SIGKILL');
    assert.equal((await run).result, 'thread-lost');
    await markedAreGone(each.entry);
    const next = shell('exit 3');
    assert.equal((await pool.run(next.jobId, next)).exitCode, 3);
  });

  it('end with a primary that is killed, and take with them what their children started', async () => {
    const each = shell('setsid sh -c "echo daemon; sleep 1000" & sleep 1000');
    const killed = await primary(
      settings,
      `
      events.onLine = () => process.kill(process.pid, 'SIGKILL');
      await pool.run('job', ${JSON.stringify(each)});`,
    );
    assert.equal(killed.signal, 'SIGKILL');
    await markedAreGone(each.entry);
  });
});

describe('pool: warm loaders', () => {
  const settings = settingsFor('warm');
  const job = (what: string) => command(process.execPath, [fixture('warm-loader.mjs'), what, '0']);

  it('are one per thread and end with the pool', async () => {
    const { pool, told } = await openReadyWith(2, settings);
    for (let i = 0; i < 10; i++) {
      const jobs = [job('exit'), job('exit')];
      const outcomes = await Promise.all(jobs.map((each) => pool.run(each.jobId, each)));
      assert.deepEqual(
        outcomes.map(({ result }) => result),
        ['succeeded', 'succeeded'],
      );
    }
    const pids = [...new Set(told.started.values())];
    assert.equal(pids.length, 2);
    await pool.close();
    await waitUntil(() => pids.every((pid) => stateOf(pid) === null), 60_000, 'they have ended and are reaped');
  });

  it('end with a primary that is killed, in the middle of a job too', async () => {
    const killed = await primary(
      settings,
      `
      events.onStarted = (_, pid) => process.stdout.write(String(pid));
      events.onLine = () => process.kill(process.pid, 'SIGKILL');
      await pool.run('job', ${JSON.stringify(job('deaf'))});`,
    );
    assert.equal(killed.signal, 'SIGKILL');
    const pid = Number(killed.said);
    assert.ok(pid > 0, killed.said);
    await waitUntil(() => !isAlive(pid), 60_000, 'its loader has ended');
  });

  it('die with their thread, and leave one orphan', async () => {
    const { pool, told } = await openReadyWith(1, settings);
    const each = job('deaf');
    const run = pool.run(each.jobId, each);
    await waitUntil(() => told.lines.length === 1, 5_000, 'the job runs');
    for (const thread of [...threads]) await thread.terminate();
    assert.equal((await run).result, 'thread-lost');
    await waitUntil(() => pool.unreaped() === 1, 5_000, 'the orphan is counted');
    assert.equal(isAlive(told.started.get(each.jobId) ?? 0), false);
    await waitUntil(() => pool.ready(), 10_000, 'the thread is replaced');
    const next = job('exit');
    assert.equal((await pool.run(next.jobId, next)).result, 'succeeded');
    assert.equal(pool.unreaped(), 1);
  });
});

/** Runs a primary in a process of its own; `script` finds `pool` and its `events`. */
async function primary(settings: WorkerSettings, script: string) {
  const source = `
    import { createPool } from ${JSON.stringify(new URL('../../lib/pool/pool.js', import.meta.url).href)};
    const ignore = () => {};
    const events = { onStarted: ignore, onSignalled: ignore, onLine: ignore, onLauncher: ignore, onBroken: ignore };
    const pool = createPool({ slots: 2, settings: ${JSON.stringify(settings)}, events });
    ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), patience(15_000));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  return { code, signal, said };
}
