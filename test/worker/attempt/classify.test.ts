import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OutcomeResult } from '../../../lib/types.js';
import {
  type AttemptEvidence,
  classify,
  compileSinkRules,
  type Ending,
  threadLost,
} from '../../../lib/worker/attempt/classify.js';

const SINK = compileSinkRules({ exitCodes: [69, 75], patterns: ['connection refused', 'code: 202\\b'] });

function outcome(ending: Ending, changes: Partial<AttemptEvidence> = {}, rules = SINK) {
  const attempt: AttemptEvidence = {
    ending,
    cause: null,
    timeoutMs: 300_000,
    signalsSent: [],
    launchMs: 2,
    durationMs: 1_000,
    stdout: '',
    stderr: '',
    failureText: null,
    droppedOutputBytes: 0,
    fileBytes: null,
    ...changes,
  };
  return classify(attempt, rules);
}

const exit = (code: number): Ending => ({ kind: 'exited', code, signal: null });
const killed = (signal: string): Ending => ({ kind: 'exited', code: null, signal });
const spawnError = (code: string | null): Ending => ({ kind: 'spawn-failed', code, message: `spawn /opt/x ${code}` });

describe('classify', () => {
  it('believes exit code 0 whatever we had asked for', () => {
    for (const cause of ['deadline', 'stop', null] as const) {
      assert.equal(outcome(exit(0), { cause, signalsSent: ['SIGTERM'] }).result, 'succeeded');
    }
    assert.equal(outcome(exit(0), { stderr: 'connection refused, tried again' }).result, 'succeeded');
  });

  it('lets our own cause explain every other end', () => {
    const signalsSent = ['SIGTERM', 'SIGKILL'] as const;
    for (const ending of [exit(1), exit(69), killed('SIGTERM'), killed('SIGKILL')]) {
      assert.equal(outcome(ending, { cause: 'deadline', signalsSent }).result, 'timed-out');
      assert.equal(outcome(ending, { cause: 'stop', signalsSent }).result, 'stopped');
    }
    assert.equal(
      outcome(killed('SIGKILL'), { cause: 'deadline', signalsSent }).reason,
      'no end after 300 s; ended with SIGTERM, then SIGKILL',
    );
    assert.equal(outcome(exit(1), { cause: 'deadline' }).reason, 'no end after 300 s');
    assert.equal(
      outcome(killed('SIGTERM'), { cause: 'stop', signalsSent: ['SIGTERM'] }).reason,
      'stopped with SIGTERM',
    );
    assert.equal(outcome({ kind: 'not-started' }, { cause: 'stop' }).result, 'stopped');
  });

  it('tells whose fault it is that a child cannot be started', () => {
    const faults: Readonly<Record<string, OutcomeResult>> = {
      EAGAIN: 'machine-fault',
      ENOMEM: 'machine-fault',
      EMFILE: 'machine-fault',
      ENFILE: 'machine-fault',
      ETXTBSY: 'machine-fault',
      ENOENT: 'service-fault',
      EACCES: 'service-fault',
      ENOEXEC: 'service-fault',
      EPERM: 'service-fault',
      E2BIG: 'failed',
      ERR_INVALID_ARG_VALUE: 'failed',
    };
    for (const [code, result] of Object.entries(faults)) assert.equal(outcome(spawnError(code)).result, result, code);
    assert.equal(outcome(spawnError(null)).result, 'service-fault');
    assert.equal(outcome(spawnError('ENOENT')).reason, 'cannot start the child: spawn /opt/x ENOENT');
    assert.equal(outcome(spawnError('ENOENT'), { cause: 'stop' }).result, 'service-fault');
  });

  it('suspects the file when its launcher died with it, unless we were ending the child anyway', () => {
    const lost: Ending = { kind: 'lost', begun: true, reason: 'its launcher ended:\nSIGKILL' };
    const { result, reason, exitCode, signal } = outcome(lost);
    assert.deepEqual([result, reason, exitCode, signal], ['thread-lost', 'its launcher ended: SIGKILL', null, null]);
    assert.equal(outcome(lost, { cause: 'stop', signalsSent: ['SIGKILL'] }).result, 'stopped');
    assert.equal(outcome(lost, { cause: 'deadline', signalsSent: ['SIGTERM'] }).result, 'timed-out');
  });

  it('blames the machine when its launcher died before it began', () => {
    assert.equal(outcome({ kind: 'lost', begun: false, reason: 'its launcher has ended' }).result, 'machine-fault');
  });

  it('recognises an unavailable sink by exit code or by what a failing child wrote', () => {
    assert.equal(outcome(exit(69)).result, 'sink-unavailable');
    assert.equal(outcome(exit(75)).result, 'sink-unavailable');
    assert.equal(outcome(exit(1), { stderr: 'x\nConnection REFUSED by host\ny' }).result, 'sink-unavailable');
    assert.equal(outcome(exit(1), { stderr: 'Code: 202. DB::Exception' }).result, 'sink-unavailable');
    assert.equal(outcome(exit(1), { stderr: 'Code: 2020' }).result, 'failed');
    assert.equal(outcome(exit(1), { stdout: 'connection refused' }).result, 'failed');
    assert.equal(outcome(killed('SIGSEGV'), { stderr: 'connection refused' }).result, 'failed');
  });

  it('believes what a child says only where its exit code does not say what happened', () => {
    const stderr = 'bad cell: connect: connection refused';
    for (const code of [2, 3, 64, 65, 66, 70, 77, 78, 137]) {
      assert.equal(outcome(exit(code), { stderr, failureText: stderr }).result, 'failed', String(code));
    }
    assert.equal(outcome(exit(1), { failureText: 'Error: connection refused' }).result, 'sink-unavailable');
    const rules = compileSinkRules({ exitCodes: [69], patterns: ['connection refused'], vagueExitCodes: [0] });
    assert.equal(outcome(exit(1), { stderr }, rules).result, 'failed', 'a code that the settings call permanent');
  });

  it('takes exit code 0 for a failure when stdout says so', () => {
    const failureText = 'Error: import failed\n  row: 17\n';
    const failed = outcome(exit(0), { failureText, stderr: 'connection refused, tried again' });
    assert.deepEqual([failed.result, failed.exitCode], ['failed', 0]);
    assert.equal(failed.reason, 'exit code 0, but it printed: Error: import failed |   row: 17');
    const away = outcome(exit(0), { failureText: 'Error: import failed\nConnection refused\n' });
    assert.equal(away.result, 'sink-unavailable');
    assert.equal(outcome(exit(0), { failureText, cause: 'deadline' }).result, 'timed-out');
    assert.equal(outcome(exit(0), { failureText, cause: 'stop' }).result, 'stopped');
    assert.ok(outcome(exit(0), { failureText: `Error: ${'x\n'.repeat(5_000)}` }).reason.length < 1_100);
  });

  it('believes the bundled loader about whose failure it is, after the exit codes of an unavailable sink', () => {
    const bundled = compileSinkRules({ exitCodes: [69, 75], patterns: [], reportsScope: true });
    const reported = (code: number, scope: string, rules = bundled) =>
      outcome(exit(code), { stdout: `{"exitCode":${code},"scope":"${scope}","error":"x"}\n` }, rules).result;
    assert.equal(reported(77, 'connection'), 'sink-refused');
    assert.equal(reported(64, 'connection'), 'service-fault', 'as_cli.additional_args');
    assert.equal(reported(64, 'file'), 'failed');
    assert.equal(reported(78, 'table'), 'table-refused');
    assert.equal(reported(65, 'file'), 'failed');
    assert.equal(reported(69, 'connection'), 'sink-unavailable');
    assert.equal(reported(77, 'constructor'), 'failed');
    assert.equal(reported(77, 'connection', SINK), 'failed', 'another loader');
    assert.equal(outcome(exit(77), { stdout: 'scope: connection' }, bundled).result, 'failed');
    assert.equal(outcome(exit(0), { stdout: '{"scope":"table"}' }, bundled).result, 'succeeded');
  });

  it('passes on why a file was refused', () => {
    const refused = outcome({ kind: 'refused', result: 'file-missing', reason: 'no such file: /a\n/b' });
    assert.deepEqual([refused.result, refused.reason, refused.exitCode], ['file-missing', 'no such file: /a /b', null]);
  });

  it('gives a reason of one line, with the last words of the child', () => {
    assert.equal(
      outcome(exit(65), { stderr: 'a\n\u001b[31mbad row 7\u001b[0m\r\n\n' }).reason,
      'exit code 65: bad row 7',
    );
    assert.equal(outcome(exit(65)).reason, 'exit code 65');
    assert.equal(outcome(exit(65), { stdout: 'told on stdout\n' }).reason, 'exit code 65: told on stdout');
    assert.equal(outcome(killed('SIGSEGV')).reason, 'killed by SIGSEGV');
    assert.match(outcome(killed('SIGKILL')).reason, /killed by SIGKILL \(not by this service; out of memory\?\)/);
    const long = outcome(exit(1), { stderr: 'x'.repeat(5_000) }).reason;
    assert.equal(long.length, 'exit code 1: '.length + 200);
  });

  it('bounds the tail of stderr to 2 KiB without control characters', () => {
    const { stderrTail } = outcome(exit(1), { stderr: `${'é\u001b[1m\n'.repeat(10_000)}end` });
    assert.ok(new TextEncoder().encode(stderrTail).length <= 2_048);
    assert.ok(stderrTail.endsWith('é | end'));
  });

  it('takes rows and bytes only from a JSON object in the last line of stdout', () => {
    const report = (stdout: string) => {
      const { rows, bytes } = outcome(exit(0), { stdout });
      return [rows, bytes];
    };
    assert.deepEqual(report('loading\n{"rows": 5, "bytes": 8, "table": "t"}\n'), [5, 8]);
    assert.deepEqual(report('{"rows": 5}'), [5, null]);
    assert.deepEqual(report('{"rows": 5, "bytes": 8}\nbye'), [null, null]);
    assert.deepEqual(report('{"rows": "5", "bytes": -1}'), [null, null]);
    assert.deepEqual(report('{"rows": 1e999}'), [null, null]);
    // The ledger's columns take whole numbers, and refuse all rows of a batch for another one.
    assert.deepEqual(report('{"rows": 1.5, "bytes": 1e20}'), [null, null]);
    assert.deepEqual(report('{ rows 5'), [null, null]);
    assert.deepEqual(report('5 rows'), [null, null]);
    assert.deepEqual(report(''), [null, null]);
  });

  it('takes the bytes of a loaded file from the disk where its loader reports none', () => {
    const bytes = (ending: Ending, stdout: string) => outcome(ending, { stdout, fileBytes: 77 }).bytes;
    assert.equal(bytes(exit(0), 'done\n'), 77);
    assert.equal(bytes(exit(0), '{"rows": 5}'), 77);
    assert.equal(bytes(exit(0), '{"rows": 5, "bytes": 8}'), 8);
    assert.equal(bytes(exit(1), 'done\n'), null);
  });

  it('has the same keys for a lost thread', () => {
    const lost = threadLost('Error: boom\nat x', 7, 1, 2);
    assert.deepEqual(Object.keys(lost).toSorted(), Object.keys(outcome(exit(0))).toSorted());
    assert.equal(lost.reason, 'worker thread lost: Error: boom at x; its child 7 was killed');
  });
});
