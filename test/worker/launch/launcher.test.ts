import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { readStat } from '../../../lib/processes/process-table.js';
import type { Command, LaunchMode, Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import { createLauncher, createLooker, LastingLauncher } from '../../../lib/worker/launch/choose.js';
import type { Launcher, Looker } from '../../../lib/worker/launch/launcher.js';
import { LauncherProcess, startLauncher, wireOf } from '../../../lib/worker/launch/launcher-process.js';
import { LAUNCHER, type LauncherProgram } from '../../../lib/worker/launch/launcher-program.js';
import { command, program, shell } from '../../support/commands.js';
import { closeAll, startLaunchers } from '../../support/launchers.js';
import { ForkedProcess, PYTHON } from '../../support/prefork.js';
import { markedAreGone, processesWithMarker, stateOf, waitUntil } from '../../support/processes.js';

const SINK = compileSinkRules({ exitCodes: [], patterns: [] });

interface Run {
  readonly outcome: Promise<Outcome>;
  readonly lines: string[];
  readonly pid: () => number | null;
}

function start(launcher: Launcher, wanted: Command, looker: Looker | null = null): Run {
  const lines: string[] = [];
  let pid: number | null = null;
  const outcome = supervise(wanted, {
    launcher,
    looker,
    sink: SINK,
    onStarted: (started) => {
      pid = started;
    },
    onSignalled: () => {},
    onLine: (_stream, text) => lines.push(text),
    onRequest: () => {},
  });
  return { outcome, lines, pid: () => pid };
}

function processesWithArgument(argument: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(argument);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const opened: Launcher[] = [];
afterEach(() => closeAll(opened.splice(0)));

const installed = await startLaunchers();
after(() => closeAll(installed));

/** A way to have a launcher process; without a program it is forked from a mother. */
interface Way {
  readonly name: string;
  readonly program: LauncherProgram | null;
}

const ways: readonly Way[] = [
  ...installed.map(({ name }) => ({ name, program: LAUNCHER })),
  ...(PYTHON === null ? [] : [{ name: 'prefork', program: null }]),
];

async function open({ program }: Way): Promise<Launcher & Looker & { readonly alive: boolean }> {
  const launcher = program === null ? await ForkedProcess.start() : await startLauncher(program);
  assert.ok(launcher !== null);
  opened.push(launcher);
  return launcher;
}

for (const wanted of ways) {
  describe(`a launcher process, ${wanted.name}`, () => {
    const { program: started } = wanted;
    it('costs its own child when it dies, as the death of a thread does, and is replaced for the next', {
      skip: started === null ? 'of a forked one: prefork.test.ts' : false,
    }, async () => {
      if (started === null) return;
      const changes: (number | null)[] = [];
      const launcherProcess = await startLauncher(started);
      assert.ok(launcherProcess !== null);
      const launcher = new LastingLauncher(started, launcherProcess, ({ pid }) => changes.push(pid));
      opened.push(launcher);
      const first = launcher.pid ?? 0;
      const job = program('ignore-term.sh');
      const run = start(launcher, job);
      await waitUntil(() => run.lines.length > 0, 5_000, 'the child runs');
      process.kill(first, 'SIGKILL');
      const outcome = await run.outcome;
      assert.equal(outcome.result, 'thread-lost');
      assert.equal(outcome.reason, `its launcher (${wanted.name}) ended: SIGKILL`);
      await markedAreGone(job.entry);
      assert.equal(stateOf(first), null, 'the launcher was reaped');
      assert.equal((await start(launcher, shell('exit 3')).outcome).exitCode, 3);
      assert.notEqual(launcher.pid, first);
      assert.deepEqual(changes, [launcher.pid]);
    });

    it('kills its child and ends when nobody is there any more to give it work', async () => {
      const launcher = await open(wanted);
      const job = shell('setsid sh -c "echo daemon; sleep 1000" & sleep 1000');
      const run = start(launcher, job);
      await waitUntil(() => run.lines.length > 0, 5_000, 'the child and a daemon run');
      const pid = launcher.pid ?? 0;
      await launcher.close();
      // A mother reaps the one that it has forked in its own time.
      await waitUntil(() => stateOf(pid) === null, 10_000, 'the launcher is gone');
      await run.outcome;
      await markedAreGone(job.entry);
    });

    it('says so when it has no descriptor left for a child', async () => {
      const launcher = await open(wanted);
      const limit = (descriptors: string) =>
        execFileSync('prlimit', ['--pid', `${launcher.pid}`, `--nofile=${descriptors}:`]);
      limit('4');
      for (let i = 0; i < 3; i++) {
        const outcome = await start(launcher, shell('exit 3')).outcome;
        assert.equal(outcome.result, 'machine-fault');
        assert.match(outcome.reason, /^cannot start the child: spawn \S+ EMFILE$/);
      }
      limit('256');
      assert.equal((await start(launcher, shell('exit 3')).outcome).exitCode, 3);
    });

    it('that is stopped by its loader reports the end that the loader came to', async () => {
      const launcher = await open(wanted);
      for (const [script, result, exitCode] of [
        ['kill -STOP $PPID', 'succeeded', 0],
        ['kill -STOP $PPID; exit 3', 'failed', 3],
        ['kill -STOP $PPID; head -c 1000000 /dev/zero; exit 4', 'failed', 4],
      ] as const) {
        const outcome = await start(launcher, shell(script, { timeoutMs: 60_000 })).outcome;
        assert.deepEqual([outcome.result, outcome.exitCode, launcher.alive], [result, exitCode, true], script);
      }
    });

    it('that is stopped before a command comes starts it all the same', async () => {
      const launcher = await open(wanted);
      process.kill(launcher.pid ?? 0, 'SIGSTOP');
      await waitUntil(() => stateOf(launcher.pid ?? 0) === 'T', 2_000, 'the launcher is stopped');
      assert.equal((await start(launcher, shell('exit 3')).outcome).exitCode, 3);
    });

    it('that is stopped between two jobs looks at the file of the next one all the same', async () => {
      const launcher = await open(wanted);
      process.kill(launcher.pid ?? 0, 'SIGSTOP');
      await waitUntil(() => stateOf(launcher.pid ?? 0) === 'T', 60_000, 'the launcher is stopped');
      const outcome = await start(launcher, shell('exit 3', { timeoutMs: 60_000 }), launcher).outcome;
      assert.deepEqual([outcome.result, outcome.exitCode], ['failed', 3]);
    });

    it('that is stopped with its loader goes on with the next job, when the time of the one is over', async () => {
      const launcher = await open(wanted);
      const both = shell('kill -STOP $PPID; kill -STOP $$', { timeoutMs: 3_000, graceMs: 100 });
      assert.equal((await start(launcher, both, launcher).outcome).result, 'timed-out');
      const next = await start(launcher, shell('exit 3', { timeoutMs: 60_000 }), launcher).outcome;
      assert.deepEqual([next.exitCode, launcher.alive], [3, true]);
    });

    it('that is stopped again and again while a loader prints loses nothing of it', async () => {
      const launcher = await open(wanted);
      const script = 'for i in 1 2 3; do echo $i; kill -STOP $PPID; done; exit 4';
      const run = start(launcher, shell(script, { timeoutMs: 120_000 }), launcher);
      assert.equal((await run.outcome).exitCode, 4);
      assert.deepEqual(run.lines, ['1', '2', '3']);
    });

    it('that is stopped does not hold up a job whose time is over', async () => {
      const launcher = await open(wanted);
      const job = shell('echo ready; sleep 1000', { timeoutMs: 10_000, graceMs: 100 });
      const run = start(launcher, job);
      await waitUntil(() => run.lines.length > 0, 5_000, 'the child runs');
      process.kill(launcher.pid ?? 0, 'SIGSTOP');
      assert.equal((await run.outcome).result, 'timed-out');
      await markedAreGone(job.entry);
    });

    it('finds a daemon that left the group and cleared its environment', async () => {
      const launcher = await open(wanted);
      const mark = `1000.${process.pid}${wanted.name.length}`;
      const script = `(setsid env -i sleep ${mark} < /dev/null > /dev/null 2>&1 &); while ! pgrep -xf "sleep ${mark}" > /dev/null; do :; done`;
      assert.equal((await start(launcher, shell(script)).outcome).result, 'succeeded');
      await waitUntil(() => processesWithArgument(mark).length === 0, 2_000, 'the daemon is gone');
    });

    it('reaps what its children leave behind', async () => {
      const launcher = await open(wanted);
      await start(launcher, shell('for i in 1 2 3; do (sh -c "sleep 0.01" &); done; sleep 0.1')).outcome;
      await start(launcher, program('hold-pipe.sh')).outcome;
      const children = () =>
        readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && readStat(Number(pid))?.parent === launcher.pid);
      await waitUntil(() => children().length === 0, 2_000, 'no child and no zombie of the launcher is left');
    });

    it('keeps the output of one job out of the next', async () => {
      const launcher = await open(wanted);
      const noisy = shell('(setsid sh -c "while :; do echo late; echo late >&2; done" &); sleep 0.05');
      await start(launcher, noisy).outcome;
      const next = start(launcher, shell('echo mine; sleep 0.05; echo mine >&2'));
      await next.outcome;
      assert.deepEqual(next.lines, ['mine', 'mine']);
    });

    it('starts the next child when the output of the one before ends at the same moment', async () => {
      const launcher = await open(wanted);
      const sink = { started: () => {}, stdout: () => {}, stderr: () => {} };
      const job = shell('(setsid sleep 1000 &)');
      const before = await launcher.launch(job, sink);
      assert.ok(before.kind === 'running');
      await before.child.exited;
      const pid = launcher.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      await waitUntil(() => stateOf(pid) === 'T', 2_000, 'the launcher is stopped and finds all that follows at once');
      for (const daemon of processesWithMarker(job.entry)) process.kill(daemon, 'SIGKILL');
      await markedAreGone(job.entry);
      before.child.release();
      const next = start(launcher, shell('sleep 0.1; exit 3'));
      process.kill(pid, 'SIGCONT');
      assert.equal((await next.outcome).exitCode, 3);
    });

    it('keeps no descriptor of a job that is over', async () => {
      const launcher = await open(wanted);
      const run = () => start(launcher, shell('echo out; echo err >&2')).outcome;
      const descriptors = () => readdirSync(`/proc/${launcher.pid}/fd`).length;
      await run();
      const before = descriptors();
      for (let i = 0; i < 3; i++) {
        await run();
        await start(launcher, command('/nowhere', [])).outcome;
        await start(launcher, program('daemonise.sh', ['holding'])).outcome;
      }
      await run();
      // It closes those of the last job when it reads that that is over.
      await waitUntil(() => descriptors() <= before, 60_000, `no more than ${before} descriptors are open`);
    });

    it('is deaf to what ends the service, and its children are not', async () => {
      const launcher = await open(wanted);
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(launcher.pid ?? 0, signal);
      const run = start(launcher, shell('grep -E "^Sig(Blk|Ign)" /proc/self/status'));
      assert.equal((await run.outcome).result, 'succeeded');
      // Signals 32 and 33 are the C library's own.
      const ordinary = run.lines.map((line) => BigInt(`0x${line.split(/\s+/)[1]}`) & 0x7fff_ffffn);
      assert.deepEqual(ordinary, [0n, 0n], run.lines.join());
      assert.equal(launcher.alive, true);
    });

    it('gives each child a session of its own, as it gets when it is started directly', async () => {
      const run = start(await open(wanted), shell('cut -d" " -f1,5,6 /proc/$$/stat'));
      await run.outcome;
      assert.deepEqual(run.lines, [`${run.pid()} ${run.pid()} ${run.pid()}`]);
    });

    it('runs a script without a first line that names its interpreter', {
      skip: wanted.program === null ? 'it is no Python' : false,
    }, async () => {
      const { mkdtempSync, rmSync, writeFileSync } = await import('node:fs');
      const directory = mkdtempSync('/tmp/atd-script-');
      try {
        writeFileSync(`${directory}/tool`, 'exit "$1"\n', { mode: 0o755 });
        const outcome = await start(await open(wanted), command(`${directory}/tool`, ['9'])).outcome;
        assert.equal(outcome.exitCode, 9, outcome.reason);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}

describe('the choice of a launcher', () => {
  const nothing: LauncherProgram = { name: 'nothing', file: '/nowhere/python', args: [] };

  it('takes no program that does not exist or does not speak', async () => {
    assert.equal(await startLauncher(nothing), null);
    assert.equal(await startLauncher({ name: 'mute', file: '/bin/true', args: [] }), null);
  });

  const chosen = async (mode: LaunchMode) => {
    const names: string[] = [];
    const launcher = await createLauncher(mode, ({ name }) => names.push(name));
    opened.push(launcher);
    const looker = await createLooker(launcher);
    return { names, looker: looker === (launcher as unknown) ? 'itself' : looker };
  };

  for (const [what, python] of [
    ['no Python', null],
    ['one that is too old', '#!/bin/sh\nexit 1\n'],
  ] as const) {
    it(`starts children directly where there is ${what}, and says why`, async (t) => {
      const directory = mkdtempSync(join(tmpdir(), 'atd-path-'));
      const path = process.env['PATH'];
      t.after(() => {
        process.env['PATH'] = path;
        rmSync(directory, { recursive: true });
      });
      process.env['PATH'] = directory;
      if (python !== null) writeFileSync(join(directory, 'python3'), python, { mode: 0o755 });
      const launcher = await createLauncher('launcher', () => undefined);
      assert.equal((await start(launcher, shell('exit 3')).outcome).exitCode, 3);
      assert.deepEqual(await chosen('launcher'), { names: ['direct, as no Python 3.8 starts'], looker: null });
      assert.deepEqual(await chosen('direct'), { names: ['direct'], looker: null });
      // A loader that stays needs none, neither for loads nor for looks.
      assert.deepEqual(await chosen('warm'), { names: ['warm'], looker: 'itself' });
    });
  }

  it('starts children directly while its program does not run any more', async () => {
    const names: string[] = [];
    const dead = new LauncherProcess(wireOf(nothing));
    assert.equal(await dead.ready(), false);
    const launcher = new LastingLauncher(nothing, dead, ({ name }) => names.push(name));
    for (const code of [3, 4]) assert.equal((await start(launcher, shell(`exit ${code}`)).outcome).exitCode, code);
    // It looks at files as where there never was one.
    assert.equal((await start(launcher, shell('exit 5'), launcher).outcome).exitCode, 5);
    assert.deepEqual(names, ['direct']);
  });

  it('starts one program for two looks, of which the first was given up before it was there', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'atd-launcher-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const starts = join(directory, 'starts');
    const script = 'echo >> "$0" && exec "$@"';
    const counted: LauncherProgram = {
      ...LAUNCHER,
      file: 'sh',
      args: ['-c', script, starts, LAUNCHER.file, ...LAUNCHER.args],
    };
    const dead = new LauncherProcess(wireOf(nothing));
    assert.equal(await dead.ready(), false);
    const launcher = new LastingLauncher(counted, dead, () => undefined);
    opened.push(launcher);
    const first = launcher.look({ file: directory, roots: [] });
    launcher.abandon();
    const second = launcher.look({ file: directory, roots: [] });
    assert.equal(await first, null);
    assert.equal((await second)?.kind, 'found');
    assert.equal(readFileSync(starts, 'utf8'), '\n');
  });
});
