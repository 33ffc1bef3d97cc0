/** Loggers write to the standard output of their process, so most of them run in one of their own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAtdError } from '../../lib/errors.js';
import { createLogger, type LoggerOptions } from '../../lib/telemetry/logger.js';
import { patience } from '../support/processes.js';

const LOGGER = new URL('../../lib/telemetry/logger.js', import.meta.url).href;

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'atd-log-'));
});
after(() => rmSync(directory, { recursive: true }));

function linesOf(file: string): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  assert.equal(lines.pop(), '', 'the last line is whole');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What hangs is ended: nothing here takes as long, on a busy machine either. */
const LIMITS = { timeout: patience(60_000), maxBuffer: 64 * 1024 * 1024 };

function nodeArguments(options: Partial<LoggerOptions>, script: string, fileBytes?: number): string[] {
  const all = JSON.stringify({ level: 'debug', format: 'json', file: null, ...options });
  const source = `import { createLogger } from ${JSON.stringify(LOGGER)}; const log = createLogger(${all}, ${fileBytes}); ${script} await log.close();`;
  return ['--input-type=module', '-e', source];
}

/** Runs a script with a logger in a process of its own; returns what it printed. */
function printed(options: Partial<LoggerOptions>, script: string): string {
  return execFileSync(process.execPath, nodeArguments(options, script), { encoding: 'utf8', ...LIMITS });
}

/** The same, for what the script itself writes to stderr; the console is not looked at. */
function ran(options: Partial<LoggerOptions>, script: string, fileBytes?: number): string {
  const { stderr, status } = spawnSync(process.execPath, nodeArguments(options, script, fileBytes), {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    ...LIMITS,
  });
  assert.equal(status, 0, stderr);
  return stderr;
}

describe('the log file', () => {
  it('has every line that was written when the logger is closed, in order', async () => {
    const file = join(directory, 'deep/er/all.log');
    const output = printed(
      { file },
      "for (let i = 0; i < 5000; i++) log.write({ level: 'info', event: 'x', fields: { i } });",
    );
    const lines = linesOf(file);
    assert.deepEqual(
      lines.map(({ i }) => i),
      Array.from({ length: 5_000 }, (_, i) => i),
    );
    assert.equal(output.trimEnd().split('\n').length, 5_000);
  });

  it('and the console have the lines of another level from when it is set on', () => {
    const file = join(directory, 'levels.log');
    const levels = ['info', 'debug', 'error', 'info'];
    const script = levels
      .map(
        (level, at) => `log.setLevel('${level}'); log.write({ level: 'debug', event: 'd', fields: { at: ${at} } });
        log.write({ level: 'warn', event: 'w', fields: { at: ${at} } });`,
      )
      .join('\n');
    const output = printed({ file, level: 'info' }, script);
    const expected = ['w0', 'd1', 'w1', 'w3'];
    const shown = (lines: readonly Record<string, unknown>[]) => lines.map(({ message, at }) => `${message}${at}`);
    assert.deepEqual(shown(linesOf(file)), expected);
    assert.deepEqual(
      shown(
        output
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as never),
      ),
      expected,
    );
  });

  it('holds the event, the level, the time and the fields of each line', async () => {
    const file = join(directory, 'one.log');
    printed(
      { file },
      "log.write({ level: 'warn', event: 'job.retry', fields: { job: 'a/0/1/0', why: 'line\\nend' } });",
    );
    const [{ timestamp, ...rest } = {}] = linesOf(file);
    assert.deepEqual(rest, { level: 'warn', message: 'job.retry', job: 'a/0/1/0', why: 'line\nend' });
    assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('has long fields cut, so that no line can be longer than a file', () => {
    const file = join(directory, 'long.log');
    const fields = "{ text: 'y'.repeat(1e6), torn: 'y'.repeat(4_094) + '🦀🦀', after: 1 }";
    printed({ file }, `log.write({ level: 'info', event: 'x', fields: ${fields} });`);
    const [line] = linesOf(file);
    assert.equal(line?.['text'], `${'y'.repeat(4_095)}…`);
    assert.equal(line?.['torn'], `${'y'.repeat(4_094)}…`);
    assert.equal(line?.['after'], 1);
  });

  it('is continued, not begun anew', () => {
    const file = join(directory, 'twice.log');
    for (const n of [1, 2]) printed({ file }, `log.write({ level: 'info', event: 'x', fields: { n: ${n} } });`);
    assert.deepEqual(
      linesOf(file).map(({ n }) => n),
      [1, 2],
    );
  });

  it('has only lines of the level and above', () => {
    const file = join(directory, 'level.log');
    const write =
      "for (const level of ['debug', 'info', 'warn', 'error']) log.write({ level, event: 'x', fields: {} });";
    printed({ file, level: 'warn' }, write);
    assert.deepEqual(
      linesOf(file).map(({ level }) => level),
      ['warn', 'error'],
    );
  });

  it('that cannot be written is refused at the start, with its name', () => {
    writeFileSync(join(directory, 'file'), '');
    for (const file of [directory, join(directory, 'file/below.log'), '/dev/null/below.log']) {
      assert.throws(
        () => createLogger({ level: 'info', format: 'json', file }),
        (error: unknown) =>
          isAtdError(error) && error.code === 'ATD_LOG_FILE' && error.message.includes(`log_file ${file}`),
      );
    }
  });

  it('is rotated without the loss of a line, and comes back after somebody deleted it', () => {
    const file = join(directory, 'rotated.log');
    const files = [4, 3, 2, 1].map((age) => join(directory, `rotated${age}.log`)).concat(file);
    // A line has some 4 KiB, and a file 1 MiB. More is written only when the last lines have reached the disk.
    const script = `
      import { existsSync, readFileSync, rmSync } from 'node:fs';
      const files = ${JSON.stringify(files)};
      const onDisk = () => files.map((path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')).join('');
      const until = async (condition) => {
        while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      const write = (from, to) => {
        for (let n = from; n < to; n += 1) {
          log.write({ level: 'info', event: 'x', fields: { n, text: 'x'.repeat(4_096) } });
        }
      };
      for (let n = 0; n < 1_000; n += 100) {
        write(n, n + 100);
        await until(() => onDisk().split('\\n').length === n + 101);
      }
      console.error(onDisk());
      for (const path of files) rmSync(path, { force: true });
      // What is written goes to the deleted file until that is full.
      for (let n = 1_000; !existsSync(files.at(-1)); n += 50) {
        write(n, n + 50);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      log.write({ level: 'info', event: 'last', fields: {} });`;
    const stderr = ran({ file }, script, 1024 * 1024);
    const numbers = stderr
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n);
    assert.deepEqual(
      numbers,
      Array.from({ length: 1_000 }, (_, n) => n),
    );
    assert.equal(linesOf(file).at(-1)?.['message'], 'last');
  });

  it('has every line when it is closed, however many of them are on their way and wherever the file is full', () => {
    const file = join(directory, 'closed');
    const script = `
      import { existsSync, readFileSync } from 'node:fs';
      process.setMaxListeners(0);
      for (let more = 2; more <= 40; more += 1) {
        const files = [${JSON.stringify(file)} + more + '-1.log', ${JSON.stringify(file)} + more + '-.log'];
        const lines = () => files.map((path) => (existsSync(path) ? readFileSync(path, 'latin1') : '')).join('').split('\\n').length - 1;
        const one = createLogger({ level: 'debug', format: 'json', file: files[1] }, 1024 * 1024);
        const write = () => one.write({ level: 'info', event: 'x', fields: { text: 'x'.repeat(4_096) } });
        for (let n = 0; n < 240; n += 1) write();
        while (lines() < 240) await new Promise((resolve) => setTimeout(resolve, 5));
        for (let n = 0; n < more; n += 1) write();
        await one.close();
        console.error(lines() - 240 - more);
      }`;
    assert.deepEqual(new Set(ran({ file: null }, script).trimEnd().split('\n')), new Set(['0']));
  });

  it('has every line although the process stood still while it was closed', () => {
    const file = join(directory, 'still.log');
    const script = `
      for (let n = 0; n < 5000; n++) log.write({ level: 'info', event: 'x', fields: { n } });
      const closed = log.close();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
      await closed;
      process.exit();`;
    ran({ file }, script);
    assert.equal(linesOf(file).length, 5_000);
  });

  it('on a full disk stops neither the console nor the end of the process', { skip: !existsSync('/dev/full') }, () => {
    const output = printed(
      { file: '/dev/full' },
      `for (let i = 0; i < 12_000; i++) {
        log.write({ level: 'info', event: 'x', fields: { i } });
        if (i % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      }`,
    );
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(lines.filter(({ message }) => message === 'x').length, 12_000);
    const stalled = lines.filter(({ message }) => message === 'log.stalled');
    assert.deepEqual(
      stalled.map(({ level, file }) => [level, file]),
      [['error', '/dev/full']],
    );
  });
});

describe('a log file on a full disk', { skip: !existsSync('/dev/full') && 'no /dev/full' }, () => {
  it('is told of on the console, and when it is written again also in itself', () => {
    const file = join(directory, 'resumed.log');
    const script = `
      import { rmSync, symlinkSync } from 'node:fs';
      const file = ${JSON.stringify(file)};
      const until = async (condition) => {
        while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      rmSync(file);
      symlinkSync('/dev/full', file);
      log.write({ level: 'info', event: 'x', fields: { n: 1 } });
      await until(() => log.file().failing);
      rmSync(file);
      await until(() => !log.file().failing);`;
    const shown = printed({ file }, script)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      shown.map(({ message, level }) => [message, level]),
      [
        ['x', 'info'],
        ['log.stalled', 'error'],
        ['log.resumed', 'warn'],
      ],
    );
    assert.match(String(shown[1]?.['reason']), /^ENOSPC/);
    assert.deepEqual(
      linesOf(file).map(({ message, lost }) => [message, lost]),
      [
        ['x', undefined],
        ['log.resumed', 0],
      ],
    );
  });
});

describe('the console', () => {
  const LINE =
    "log.write({ level: 'info', event: 'job.loaded', fields: { job: 'a/0/1/0', rows: 3, reason: 'two words', tenant: null } });";

  it('has one line of JSON per event where it is no terminal', () => {
    const line = JSON.parse(printed({ format: 'auto' }, LINE)) as Record<string, unknown>;
    assert.equal(line['message'], 'job.loaded');
  });

  it('has lines for people if that is asked for', () => {
    const line = printed({ format: 'pretty' }, LINE);
    assert.match(
      line,
      /^\d\d:\d\d:\d\d\.\d{3} INFO {2}job\.loaded {9}job=a\/0\/1\/0 rows=3 reason="two words" tenant=null\n$/,
    );
  });

  it('has a line by the end of the turn in which it was written, and before the process ends without a word', () => {
    const write = "log.write({ level: 'info', event: 'x', fields: {} });";
    // The first turn is waited for, the second ends the process.
    const script = `${write} await new Promise((resolve) => setImmediate(resolve)); ${write} process.exit();`;
    assert.equal(printed({}, script).trimEnd().split('\n').length, 2);
  });

  it('has a line for what JSON cannot hold, with the reason', () => {
    const script = "const a = {}; a.a = a; log.write({ level: 'warn', event: 'kafka.client', fields: { a } });";
    const line = JSON.parse(printed({}, script)) as Record<string, unknown>;
    assert.equal(line['message'], 'kafka.client');
    assert.match(String(line['unwritable']), /circular/);
  });

  it('has every line that was written when the logger is closed', () => {
    const script = "for (let i = 0; i < 3000; i++) log.write({ level: 'info', event: 'x', fields: { i } });";
    assert.equal(printed({}, script).trimEnd().split('\n').length, 3_000);
  });
});
