import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { statSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import type { Command, Outcome } from '../../../lib/types.js';
import { compileSinkRules } from '../../../lib/worker/attempt/classify.js';
import { type Control, supervise } from '../../../lib/worker/attempt/supervise.js';
import { DIRECT } from '../../../lib/worker/launch/direct.js';
import type { Launcher } from '../../../lib/worker/launch/launcher.js';
import { command as commandOf, program, shell, type TestCommand } from '../../support/commands.js';
import { allLaunchers, closeAll } from '../../support/launchers.js';
import { isAlive, markedAreGone, patience, stateOf, waitUntil } from '../../support/processes.js';
import { WarmCommands } from '../../support/warm-commands.js';

const SINK = compileSinkRules({ exitCodes: [69, 75], patterns: ['connection refused'] });

/** Deadlines of a child that first has to get ready for its end: where a machine is too slow for one, the next is tried. */
const READY_MS = [3_000, 30_000, 300_000];
/** A test of what settles soon fails, rather than waits for a child that sleeps for ever. */
const HANGS = { timeout: patience(60_000) };

const common = await allLaunchers();
const launchers = common.some(({ name }) => name === 'python3') ? [...common, new WarmCommands()] : common;
after(() => closeAll(launchers));

interface Attempt {
  readonly outcome: Promise<Outcome>;
  readonly lines: string[];
  readonly signals: string[];
  readonly pid: () => number | null;
  readonly request: (request: 'stop' | 'kill') => void;
}

function startBy(launcher: Launcher, command: Command): Attempt {
  const requests = new EventEmitter();
  const lines: string[] = [];
  const signals: string[] = [];
  let pid: number | null = null;
  const control: Control = {
    launcher,
    sink: SINK,
    onStarted: (started) => {
      pid = started;
    },
    onSignalled: (signal) => signals.push(signal),
    onLine: (stream, text) => lines.push(`${stream}: ${text}`),
    onRequest: (listener) => requests.on('request', listener),
  };
  const outcome = supervise(command, control);
  return { outcome, lines, signals, pid: () => pid, request: (request) => requests.emit('request', request) };
}

interface Ready {
  readonly command: TestCommand;
  readonly attempt: Attempt;
  readonly timeoutMs: number;
}

/** An attempt whose child was ready before its deadline passed. */
async function readyInTime(
  start: (command: Command) => Attempt,
  make: (timeoutMs: number) => TestCommand,
  isReady: (attempt: Attempt) => boolean = ({ lines }) => lines.length > 0,
): Promise<Ready> {
  for (const timeoutMs of READY_MS) {
    const command = make(timeoutMs);
    const attempt = start(command);
    let isOver = false;
    void attempt.outcome.then(() => {
      isOver = true;
    });
    await waitUntil(() => isOver || isReady(attempt), timeoutMs, 'the child is ready, or over');
    if (isReady(attempt) && attempt.signals.length === 0) return { command, attempt, timeoutMs };
    attempt.request('kill');
    await attempt.outcome;
  }
  throw new Error(`no child was ready within ${READY_MS} ms`);
}

const assertNothingLeft = (command: TestCommand): Promise<void> => markedAreGone(command.entry);

for (const launcher of launchers) {
  const start = (command: Command) => startBy(launcher, command);

  describe(`supervise by ${launcher.name}: how a child ends`, () => {
    it('calls exit code 0 a success and takes the rows and bytes from the report', async () => {
      const outcome = await start(shell('echo loading; echo \'{"rows": 12, "bytes": 345}\'')).outcome;
      assert.equal(outcome.result, 'succeeded');
      assert.deepEqual([outcome.rows, outcome.bytes, outcome.exitCode, outcome.signal], [12, 345, 0, null]);
      assert.ok(outcome.launchMs > 0 && outcome.durationMs > 0);
    });

    it('takes the size of the file on disk where the loader reports no bytes', async () => {
      const command = shell('echo loaded');
      const outcome = await start(command).outcome;
      assert.deepEqual([outcome.rows, outcome.bytes], [null, statSync(command.input.file).size]);
    });

    it('says what the file was, what the child used, where that is counted, and which query it was', async () => {
      const report = JSON.stringify({ rows: 1, queryId: '3f6d-1' });
      const burn = 'const held = Buffer.alloc(2 ** 27, 1); while (process.cpuUsage().user < 200_000) held[0]++;';
      const command = commandOf(process.execPath, ['-e', `${burn} console.log(${JSON.stringify(report)})`]);
      const { traces } = await start(command).outcome;
      const { size, mtimeMs } = statSync(command.input.file);
      assert.deepEqual([traces?.fileBytes, traces?.queryId], [size, '3f6d-1']);
      // A launcher says whole milliseconds.
      assert.ok(Math.abs((traces?.modifiedAt ?? 0) - mtimeMs) < 1, `${traces?.modifiedAt} ${mtimeMs}`);
      const { cpuMs = 0, peakBytes = 0 } = traces ?? {};
      if (launcher === DIRECT) assert.deepEqual([cpuMs, peakBytes], [null, null]);
      else if (cpuMs !== null) assert.ok(cpuMs >= 200 && (peakBytes as number) >= 2 ** 27, `${cpuMs} ${peakBytes}`);
      if (launcher.name === 'python3') assert.notEqual(cpuMs, null);
    });

    it('says nothing of a query whose name is none', async () => {
      for (const queryId of ['', 7, 'a b', 'x'.repeat(101)]) {
        const { traces } = await start(shell(`echo '${JSON.stringify({ queryId })}'`)).outcome;
        assert.equal(traces?.queryId, null);
      }
      const missing = shell('exit 0');
      const none = { ...missing, input: { file: '/nowhere/at/all', allowedRoots: [] } };
      assert.equal((await start(none).outcome).traces, null);
    });

    it('calls exit code 3 a failure and quotes the last line of stderr', async () => {
      const outcome = await start(shell('echo first >&2; echo "the file is bad" >&2; exit 3')).outcome;
      assert.equal(outcome.result, 'failed');
      assert.equal(outcome.reason, 'exit code 3: the file is bad');
      assert.equal(outcome.stderrTail, 'first | the file is bad');
    });

    it('names the signal of a child that crashed', async () => {
      const outcome = await start(shell('kill -SEGV $$')).outcome;
      assert.deepEqual([outcome.result, outcome.signal, outcome.exitCode], ['failed', 'SIGSEGV', null]);
      assert.deepEqual(outcome.signalsSent, []);
    });

    it('recognises an unavailable sink by exit code and by stderr', async () => {
      assert.equal((await start(shell('exit 69')).outcome).result, 'sink-unavailable');
      assert.equal((await start(shell('echo "Connection Refused" >&2; exit 1')).outcome).result, 'sink-unavailable');
    });

    it('gives the child an empty stdin', async () => {
      const outcome = await start(shell('cat; exit 4', { timeoutMs: patience(5_000) })).outcome;
      assert.deepEqual([outcome.result, outcome.exitCode], ['failed', 4]);
    });

    it('waits for a child that closes its output early and lives on', async () => {
      const outcome = await start(shell('exec >&- 2>&-; sleep 0.7; exit 7')).outcome;
      // It has this code only at its end.
      assert.equal(outcome.exitCode, 7);
    });
  });

  describe(`supervise by ${launcher.name}: the termination`, () => {
    it('ends a child at its deadline with TERM', async () => {
      const command = shell('sleep 1000', { timeoutMs: 200 });
      const attempt = start(command);
      const outcome = await attempt.outcome;
      assert.equal(outcome.result, 'timed-out');
      assert.equal(outcome.reason, 'no end after 0.2 s; ended with SIGTERM');
      assert.deepEqual(attempt.signals, ['SIGTERM']);
      await assertNothingLeft(command);
    });

    it('kills a child that ignores TERM after the grace, with its whole group', async () => {
      const { command, attempt, timeoutMs } = await readyInTime(start, (timeoutMs) =>
        program('ignore-term.sh', [], { timeoutMs, graceMs: 300 }),
      );
      const outcome = await attempt.outcome;
      assert.equal(outcome.result, 'timed-out');
      assert.equal(outcome.reason, `no end after ${timeoutMs / 1_000} s; ended with SIGTERM, then SIGKILL`);
      assert.deepEqual(attempt.signals, ['SIGTERM', 'SIGKILL']);
      assert.ok(outcome.durationMs >= timeoutMs + 290, `took ${outcome.durationMs} ms`);
      await assertNothingLeft(command);
    });

    // A loader that stays may have been stopped by anybody, long before its job: it is woken (warm.test.ts).
    const skip = launcher.name === 'warm' && 'it is woken';
    it('kills a child that stopped itself', { skip }, async () => {
      const { attempt } = await readyInTime(
        start,
        (timeoutMs) => shell('kill -STOP $$', { timeoutMs, graceMs: 200 }),
        ({ pid }) => stateOf(pid() ?? 0) === 'T',
      );
      const outcome = await attempt.outcome;
      assert.deepEqual([outcome.result, outcome.signal], ['timed-out', 'SIGKILL']);
    });

    it('stops a child on request', async () => {
      const command = shell('echo ready; sleep 1000');
      const attempt = start(command);
      await waitUntil(() => attempt.lines.length > 0, 2_000, 'the child is ready');
      attempt.request('stop');
      const outcome = await attempt.outcome;
      assert.deepEqual([outcome.result, outcome.reason], ['stopped', 'stopped with SIGTERM']);
      await assertNothingLeft(command);
    });

    it('kills a child on request without waiting for the grace', async () => {
      const command = program('ignore-term.sh', [], { graceMs: 600_000 });
      const attempt = start(command);
      await waitUntil(() => attempt.lines.length > 0, 2_000, 'the child is ready');
      attempt.request('stop');
      attempt.request('kill');
      const outcome = await attempt.outcome;
      assert.deepEqual([outcome.result, outcome.signal], ['stopped', 'SIGKILL']);
      assert.deepEqual(outcome.signalsSent, ['SIGTERM', 'SIGKILL']);
      await assertNothingLeft(command);
    });

    it('believes a child that ends with 0 after TERM: the file is loaded', async () => {
      const attempt = start(program('finish-on-term.sh'));
      await waitUntil(() => attempt.lines.length > 0, 2_000, 'the child is ready');
      attempt.request('stop');
      const outcome = await attempt.outcome;
      assert.deepEqual([outcome.result, outcome.rows, outcome.signalsSent.length], ['succeeded', 7, 1]);
    });

    it('keeps the first of two causes', async () => {
      const { attempt } = await readyInTime(start, (timeoutMs) =>
        program('ignore-term.sh', [], { timeoutMs, graceMs: 600_000 }),
      );
      await waitUntil(() => attempt.signals.length > 0, 5_000, 'the deadline has passed');
      attempt.request('stop');
      attempt.request('kill');
      assert.equal((await attempt.outcome).result, 'timed-out');
    });

    it('starts no child when it was stopped before', async () => {
      const command = shell('exit 0');
      let started = false;
      const outcome = await supervise(command, {
        launcher,
        sink: SINK,
        onStarted: () => {
          started = true;
        },
        onSignalled: () => {},
        onLine: null,
        onRequest: (listener) => listener('stop'),
      });
      assert.deepEqual([outcome.result, started], ['stopped', false]);
    });
  });

  describe(`supervise by ${launcher.name}: nothing outlives the job`, () => {
    it('settles before a grandchild that holds stdout open ends, and kills it', HANGS, async () => {
      const command = program('hold-pipe.sh');
      const outcome = await start(command).outcome;
      assert.equal(outcome.result, 'succeeded');
      assert.deepEqual(outcome.signalsSent, ['SIGKILL']);
      await assertNothingLeft(command);
    });

    it('kills the group members that outlive a leader which obeys TERM', async () => {
      const script = `sh -c 'trap "" TERM; echo ready; sleep 1000; sleep 1000' & wait`;
      const command = shell(script);
      const attempt = start(command);
      await waitUntil(() => attempt.lines.length > 0, 2_000, 'the grandchild ignores TERM');
      attempt.request('stop');
      assert.equal((await attempt.outcome).result, 'stopped');
      await assertNothingLeft(command);
    });

    it('finds a daemon that left the group and holds stdout open', async () => {
      const command = program('daemonise.sh', ['holding']);
      const outcome = await start(command).outcome;
      assert.equal(outcome.result, 'succeeded');
      await assertNothingLeft(command);
    });

    it('finds a quiet daemon that left the group and closed its output', async (t) => {
      const { mkdtempSync, rmSync } = await import('node:fs');
      const directory = mkdtempSync('/tmp/atd-daemon-');
      t.after(() => rmSync(directory, { recursive: true }));
      const command = program('daemonise.sh', ['quiet', `${directory}/ready`]);
      const outcome = await start(command).outcome;
      assert.equal(outcome.result, 'succeeded');
      await assertNothingLeft(command);
    });

    it('leaves the processes of other jobs alone', async () => {
      // By another launcher, as in another thread.
      const other = startBy(DIRECT, shell('echo ready; sleep 1000'));
      await waitUntil(() => other.lines.length > 0, 2_000, 'the other child is ready');
      await start(program('daemonise.sh', ['holding'])).outcome;
      const pid = other.pid();
      assert.ok(pid !== null && isAlive(pid));
      other.request('kill');
      await other.outcome;
    });
  });
}
