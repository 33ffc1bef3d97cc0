/** A loader that turns against what started it: the worst that it gets is its own attempt, and the next job runs as ever. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';
import type { Command, Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { supervise } from '../../../lib/worker/attempt/supervise.js';
import { LastingLauncher } from '../../../lib/worker/launch/choose.js';
import type { Launcher } from '../../../lib/worker/launch/launcher.js';
import { type LauncherProcess, startLauncher } from '../../../lib/worker/launch/launcher-process.js';
import { LAUNCHER } from '../../../lib/worker/launch/launcher-program.js';
import { shell } from '../../support/commands.js';
import { closeAll, startLaunchers } from '../../support/launchers.js';
import { ForkedCommands, PYTHON, startPreforking } from '../../support/prefork.js';
import { processesWithMarker } from '../../support/processes.js';

const SINK = compileSinkRules({ exitCodes: [], patterns: [] });

/** Reports an exit with 0, a start of pid 1, and a length that nothing fills. */
const FORGED = String.raw`printf 'X\003\000\000\000\000\000\000S\004\000\000\000\001\000\000\000O\377\377\377\177'`;

/** A pipe without a reader is no reason to stop. */
const WRITE_EVERYWHERE = `trap '' PIPE; for file in /proc/$PPID/fd/* /proc/self/fd/*; do { ${FORGED} >>"$file"; } 2>/dev/null; done`;

const opened: { close(): Promise<void> }[] = [];
afterEach(() => closeAll(opened.splice(0) as never));

const available = await startLaunchers();
await closeAll(available);

async function open(): Promise<LauncherProcess> {
  const launcher = await startLauncher(LAUNCHER);
  assert.ok(launcher !== null);
  return launcher;
}

const ways = [
  ...available.map(({ name }) => ({
    name,
    start: async () => new LastingLauncher(LAUNCHER, await open(), () => undefined),
  })),
  ...(PYTHON === null ? [] : [{ name: 'prefork', start: async () => new ForkedCommands(await startPreforking()) }]),
];

for (const wanted of ways) {
  describe(`a loader that turns against its launcher, ${wanted.name}`, () => {
    async function setUp() {
      const launcher: Launcher = await wanted.start();
      opened.push(launcher);
      const run = (job: Command): Promise<Outcome> =>
        supervise(job, { launcher, sink: SINK, onStarted() {}, onSignalled() {}, onLine() {}, onRequest() {} });
      const isWell = async () => {
        const { result, exitCode } = await run(shell('exit 3'));
        assert.deepEqual([result, exitCode], ['failed', 3]);
      };
      return { launcher, run, isWell };
    }

    it('and kills it, loses its attempt', async () => {
      const { launcher, run, isWell } = await setUp();
      const job = shell('kill -KILL $PPID; exit 0');
      const outcome = await run(job);
      assert.equal(outcome.result, 'thread-lost', outcome.reason ?? '');
      assert.deepEqual(processesWithMarker(job.entry), []);
      await isWell();
      assert.ok(launcher.pid !== null);
    });

    it('and writes into all that it and its launcher have open, ends as it ended', async () => {
      const { run, isWell } = await setUp();
      const numbers = [3, 4, 5, 6, 7, 8, 9].map((number) => `{ ${FORGED} >&${number}; } 2>/dev/null`).join('\n');
      const outcome = await run(shell(`${WRITE_EVERYWHERE}\n${numbers}\nexit 7`, { timeoutMs: 120_000 }));
      assert.deepEqual([outcome.result, outcome.exitCode], ['failed', 7], outcome.reason ?? '');
      await isWell();
    });

    it('and takes every descriptor that there is, takes its own', async () => {
      const { launcher, run, isWell } = await setUp();
      await isWell();
      const before = readdirSync(`/proc/${launcher.pid}/fd`).length;
      const greedy = `import os
try:
    while True: os.dup(0)
except OSError:
    os._exit(5)`;
      const job = { ...shell('true'), args: ['-c', 'exec python3 -c "$0"', greedy] };
      const outcome = await run(job);
      assert.equal(outcome.exitCode, 5, outcome.reason ?? '');
      await isWell();
      assert.equal(readdirSync(`/proc/${launcher.pid}/fd`).length, before);
    });

    it('and forks until it ends, into sessions of their own and without its marker, leaves nothing', async () => {
      const { run, isWell } = await setUp();
      const tag = `hostile-${process.pid}-${wanted.name.replace(/\W/g, '')}`;
      const fork = `for i in 1 2 3 4 5 6 7 8; do env -i setsid /bin/sh -c 'sleep 600; : ${tag}' </dev/null >/dev/null 2>&1 & done; exit 0`;
      assert.equal((await run(shell(fork))).result, 'succeeded');
      await isWell();
      const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(tag));
      assert.deepEqual(left, []);
    });
  });
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
