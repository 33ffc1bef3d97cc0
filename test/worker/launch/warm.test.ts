import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { cpuMsOf } from '../../../lib/processes/process-table.js';
import type { Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import { JOBS_PER_LOADER, MAX_RESIDENT_BYTES, WarmLauncher } from '../../../lib/worker/launch/warm.js';
import { KEPT_BYTES } from '../../../lib/worker/output/head-tail.js';
import { command, fixture, type TestCommand } from '../../support/commands.js';
import { isAlive, residentMemory, stateOf, waitUntil } from '../../support/processes.js';

const MIB = 1024 * 1024;
const SINK = compileSinkRules({ exitCodes: [69, 75], patterns: ['connection refused'] });

const opened: WarmLauncher[] = [];
afterEach(async () => {
  for (const launcher of opened.splice(0)) await launcher.close();
});

function open(): { launcher: WarmLauncher; pids: (number | null)[] } {
  const pids: (number | null)[] = [];
  const launcher = new WarmLauncher(({ pid }) => pids.push(pid));
  opened.push(launcher);
  return { launcher, pids };
}

function job(args: readonly string[], changes: Parameters<typeof command>[2] = {}): TestCommand {
  return command(process.execPath, [fixture('warm-loader.mjs'), ...args], changes);
}

interface Run {
  readonly outcome: Promise<Outcome>;
  readonly lines: string[];
  readonly signals: string[];
  readonly pid: () => number | null;
  readonly request: (request: 'stop' | 'kill') => void;
}

function start(launcher: WarmLauncher, wanted: TestCommand): Run {
  const requests = new EventEmitter();
  const lines: string[] = [];
  const signals: string[] = [];
  let pid: number | null = null;
  const outcome = supervise(wanted, {
    launcher,
    sink: SINK,
    onStarted: (started) => {
      pid = started;
    },
    onSignalled: (signal) => signals.push(signal),
    onLine: (_stream, text) => lines.push(text),
    onRequest: (listener) => requests.on('request', listener),
  });
  return { outcome, lines, signals, pid: () => pid, request: (request) => requests.emit('request', request) };
}

interface Told {
  readonly pid: number;
  readonly env: Record<string, string>;
  readonly own: Record<string, string>;
}

async function told(launcher: WarmLauncher, env: Readonly<Record<string, string>>): Promise<Told> {
  const run = start(launcher, job(['tell'], { env }));
  assert.equal((await run.outcome).result, 'succeeded');
  return JSON.parse(run.lines[0] ?? '') as Told;
}

describe('a warm loader', () => {
  it('takes one job after another, and its exit codes mean what those of a process do', async () => {
    const { launcher, pids } = open();
    const results: unknown[] = [];
    for (const code of [0, 3, 69, 64]) {
      const { result, exitCode, signal } = await start(launcher, job(['exit', String(code)])).outcome;
      results.push([result, exitCode, signal]);
    }
    assert.deepEqual(results, [
      ['succeeded', 0, null],
      ['failed', 3, null],
      ['sink-unavailable', 69, null],
      ['failed', 64, null],
    ]);
    assert.deepEqual(pids, [launcher.pid]);
  });

  it('says what of its CPU time each job has used, and of no job how much memory', async () => {
    const { launcher } = open();
    const traces: Outcome['traces'][] = [];
    for (const args of [
      ['burn', '300'],
      ['exit', '0'],
      ['burn', '100'],
    ]) {
      traces.push((await start(launcher, job(args)).outcome).traces);
    }
    const spent = traces.map((each) => each?.cpuMs ?? Number.NaN);
    // The kernel counts in steps of 10 ms, the time in itself apart.
    assert.ok((spent[0] as number) >= 280 && (spent[2] as number) >= 80, `${spent}`);
    const all = cpuMsOf(launcher.pid ?? 0) as number;
    assert.ok(spent.reduce((sum, each) => sum + each) <= all, `${spent} of ${all}`);
    assert.deepEqual(
      traces.map((each) => each?.peakBytes),
      [null, null, null],
    );
  });

  it('gives each job its own environment and keeps nothing of it', async () => {
    const { launcher } = open();
    // A longer password would be masked in what comes back.
    const first = await told(launcher, { ATD_DEDUP_TOKEN: 'one', CLICKHOUSE_PASSWORD: 'abc', TRACEPARENT: '00-1' });
    const second = await told(launcher, { ATD_DEDUP_TOKEN: 'two' });
    assert.equal(first.pid, second.pid);
    assert.deepEqual(
      [first, second].map(({ env }) => [env['ATD_DEDUP_TOKEN'], env['CLICKHOUSE_PASSWORD'], env['TRACEPARENT']]),
      [
        ['one', 'abc', '00-1'],
        ['two', undefined, undefined],
      ],
    );
    const own = Object.keys(second.own).filter((name) => /^(ATD_|CLICKHOUSE_|TRACEPARENT)/.test(name));
    assert.deepEqual(own, ['ATD_SUPERVISOR']);
  });

  it('is replaced for a job whose process would have another environment', async () => {
    const { launcher } = open();
    const first = await told(launcher, { TZ: 'UTC' });
    const second = await told(launcher, { TZ: 'Asia/Tokyo' });
    assert.deepEqual([first.own['TZ'], second.own['TZ']], ['UTC', 'Asia/Tokyo']);
    await waitUntil(() => stateOf(first.pid) === null, 5_000, 'the first loader has ended and was reaped');
  });

  it('is ended by a deadline, and the next job gets a new one', async () => {
    const { launcher, pids } = open();
    const outcome = await start(launcher, job(['hang'], { timeoutMs: 500 })).outcome;
    assert.deepEqual([outcome.result, outcome.signalsSent], ['timed-out', ['SIGTERM']]);
    assert.equal((await start(launcher, job(['exit', '3'])).outcome).exitCode, 3);
    assert.equal(new Set(pids).size, 2);
    assert.equal(stateOf(pids[0] ?? 0), null);
  });

  it('is killed when it ignores TERM', async () => {
    const { launcher } = open();
    // It is up, so that its time goes by only when it is deaf.
    await start(launcher, job(['exit', '0'])).outcome;
    const run = start(launcher, job(['deaf'], { timeoutMs: 3_000, graceMs: 200 }));
    const outcome = await run.outcome;
    assert.deepEqual([outcome.result, outcome.signal], ['timed-out', 'SIGKILL']);
    assert.deepEqual(run.signals, ['SIGTERM', 'SIGKILL']);
    assert.equal((await start(launcher, job(['exit', '3'])).outcome).exitCode, 3);
  });

  it('is stopped on request', async () => {
    const { launcher } = open();
    const run = start(launcher, job(['hang']));
    await waitUntil(() => run.lines.length > 0, 5_000, 'the job runs');
    run.request('stop');
    assert.equal((await run.outcome).result, 'stopped');
    assert.equal((await start(launcher, job(['exit', '3'])).outcome).exitCode, 3);
  });

  it('is believed when it ends a job with 0 after TERM, and not used again', async () => {
    const { launcher, pids } = open();
    const run = start(launcher, job(['finish']));
    await waitUntil(() => run.lines.length > 0, 5_000, 'the job runs');
    run.request('stop');
    const outcome = await run.outcome;
    assert.deepEqual([outcome.result, outcome.rows], ['succeeded', 7]);
    assert.equal((await start(launcher, job(['exit', '3'])).outcome).exitCode, 3);
    assert.equal(new Set(pids).size, 2);
    await waitUntil(() => !isAlive(run.pid() ?? 0), 5_000, 'the loader that got TERM is gone');
  });

  it('costs the job under which it crashes, with the reason', async () => {
    const { launcher } = open();
    const outcome = await start(launcher, job(['crash'])).outcome;
    assert.deepEqual([outcome.result, outcome.signal], ['failed', 'SIGSEGV']);
    assert.equal(outcome.reason, 'killed by SIGSEGV: about to crash');
    assert.equal((await start(launcher, job(['exit', '0'])).outcome).result, 'succeeded');
  });

  it('costs no attempt when it dies before it took the job', async () => {
    const { launcher } = open();
    const outcome = await start(launcher, job(['refuse'])).outcome;
    assert.deepEqual(
      [outcome.result, outcome.reason],
      ['machine-fault', 'the warm loader ended before it took the job: exit code 1'],
    );
  });

  it('that somebody stopped between two jobs takes the next one, and the one that it has to its end', async () => {
    const { launcher, pids } = open();
    await start(launcher, job(['exit', '0'])).outcome;
    process.kill(launcher.pid ?? 0, 'SIGSTOP');
    await waitUntil(() => stateOf(pids[0] ?? 0) === 'T', 60_000, 'it is stopped');
    assert.equal((await start(launcher, job(['exit', '3'], { timeoutMs: 120_000 })).outcome).exitCode, 3);
    const run = start(launcher, job(['stop-itself'], { timeoutMs: 120_000 }));
    assert.deepEqual([(await run.outcome).exitCode, pids.length], [5, 1]);
  });

  it('is replaced when it died while it was idle', async () => {
    const { launcher, pids } = open();
    await start(launcher, job(['exit', '0'])).outcome;
    process.kill(launcher.pid ?? 0, 'SIGKILL');
    await waitUntil(() => stateOf(pids[0] ?? 0) === null, 5_000, 'it was reaped');
    assert.equal((await start(launcher, job(['exit', '3'])).outcome).exitCode, 3);
  });

  it('is replaced after so many jobs', async () => {
    const { launcher, pids } = open();
    for (let i = 0; i < JOBS_PER_LOADER; i++) await start(launcher, job(['exit', '0'])).outcome;
    assert.equal(pids.length, 1);
    await start(launcher, job(['exit', '0'])).outcome;
    assert.equal(pids.length, 2);
    await waitUntil(() => stateOf(pids[0] ?? 0) === null, 5_000, 'the old one has ended and was reaped');
  });

  it('is replaced after a job that left much memory behind', async () => {
    const { launcher } = open();
    const first = await told(launcher, {});
    for (const [mebibytes, isKept] of [
      [100, true],
      [MAX_RESIDENT_BYTES / MIB, false],
    ] as const) {
      assert.equal((await start(launcher, job(['keep', String(mebibytes)])).outcome).result, 'succeeded');
      if (!isKept) await waitUntil(() => stateOf(first.pid) === null, 60_000, 'it has ended though no job came');
      assert.equal((await told(launcher, {})).pid === first.pid, isKept, `${mebibytes} MiB`);
    }
  });

  it('is replaced when there is another version of it, of what it runs on, or of whom that trusts', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'atd-warm-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const [script, node, authorities] = ['loader.mjs', 'node', 'ca.pem'].map((name) => join(directory, name)) as [
      string,
      string,
      string,
    ];
    const { launcher } = open();
    const pidOf = async () => {
      const run = start(launcher, command(node, [script, 'tell'], { env: { SSL_CERT_FILE: authorities } }));
      assert.equal((await run.outcome).result, 'succeeded');
      return (JSON.parse(run.lines[0] ?? '') as Told).pid;
    };
    /** In the same place, of the same size and time: only the time of the change is another one. */
    const overwrite = (file: string, contents: string) => {
      const before = statSync(file).ctimeMs;
      while (statSync(file).ctimeMs === before) {
        writeFileSync(file, contents);
        utimesSync(file, 0, 0);
      }
    };
    const install = (file: string, contents: string) => {
      writeFileSync(`${file}.new`, contents, { mode: 0o755 });
      utimesSync(`${file}.new`, 0, 0);
      renameSync(`${file}.new`, file);
    };
    const loader = readFileSync(fixture('warm-loader.mjs'), 'utf8');
    const wrapper = `#!/bin/sh\nexec '${process.execPath}' "$@"\n`;
    install(script, loader);
    install(node, wrapper);
    install(authorities, 'old');
    let last = await pidOf();
    assert.equal(await pidOf(), last);
    for (const [what, upgrade] of [
      ['another script', () => install(script, loader)],
      ['another Node', () => install(node, wrapper)],
      ['other authorities', () => install(authorities, 'new')],
      ['another script in the place of the old one', () => overwrite(script, loader)],
    ] as const) {
      upgrade();
      const next = await pidOf();
      assert.notEqual(next, last, what);
      assert.equal(await pidOf(), next, what);
      last = next;
    }
  });

  it('is not settled by a process that holds its output open', { timeout: 120_000 }, async () => {
    const { launcher } = open();
    const run = start(launcher, job(['hold']));
    const outcome = await run.outcome;
    assert.deepEqual([outcome.result, outcome.exitCode], ['failed', 9]);
    // It was sent KILL.
    await waitUntil(() => !isAlive(Number(run.lines[0])), 60_000, 'what held its output is gone');
    assert.equal((await start(launcher, job(['exit', '3'])).outcome).exitCode, 3);
  });

  it('ends when it is not wanted any more', async () => {
    const { launcher, pids } = open();
    await start(launcher, job(['exit', '0'])).outcome;
    await launcher.close();
    assert.equal(stateOf(pids[0] ?? 0), null);
  });

  it('is as unable to start as a process would be', async () => {
    const { launcher } = open();
    const outcome = await start(launcher, command('/nowhere/node', ['script'])).outcome;
    assert.equal(outcome.result, 'service-fault');
    assert.match(outcome.reason, /ENOENT/);
    assert.equal((await start(launcher, job(['exit', 'a\0b'])).outcome).result, 'failed');
  });

  for (const [what, code] of [
    ['flood', 3],
    ['raw', 4],
  ] as const) {
    it(`may print 200 MiB (${what}) and is read in bounded memory`, async () => {
      const { launcher } = open();
      await start(launcher, job(['exit', '0'])).outcome;
      const before = residentMemory().now;
      let peak = 0;
      const watch = setInterval(() => {
        peak = Math.max(peak, residentMemory().now);
      }, 5);
      const outcome = await start(launcher, job([what, String(200 * MIB)])).outcome;
      clearInterval(watch);
      assert.equal(outcome.exitCode, code, outcome.reason);
      if (what === 'flood') assert.ok(outcome.droppedOutputBytes >= 200 * MIB - 2 * KEPT_BYTES);
      assert.ok(peak > 0);
      // Of which garbage, before V8 looks for it, is up to 64 MiB.
      assert.ok(peak - before < 128 * MIB, `memory grew by ${Math.round((peak - before) / MIB)} MiB`);
      assert.equal((await start(launcher, job(['exit', '7'])).outcome).exitCode, 7);
    });
  }
});
