/** Loggers write to the standard output of their process, so most of them run in one of their own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isAtdError } from '../../lib/errors.js';
import { createLogger, type LoggerOptions } from '../../lib/telemetry/logger.js';

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

/** Runs a script with a logger in a process of its own; returns what it printed. */
function printed(options: Partial<LoggerOptions>, script: string): string {
  const all = JSON.stringify({ level: 'debug', format: 'json', file: null, ...options });
  const source = `import { createLogger } from ${JSON.stringify(LOGGER)}; const log = createLogger(${all}); ${script} await log.close();`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 20_000,
    maxBuffer: 64 * 1024 * 1024,
  });
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
    const rotated = join(directory, 'rotated1.log');
    // A line has some 4 KiB, and a file 64 MiB. More is written only when the last lines have reached the disk.
    const script = `
      import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
      const [file, rotated] = ${JSON.stringify([file, rotated])};
      const size = (path) => (existsSync(path) ? statSync(path).size : 0);
      const until = async (condition) => {
        while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
      };
      const write = async (from, to, isOnDisk) => {
        for (let i = from; i < to; i += 500) {
          for (let n = i; n < i + 500; n += 1) {
            log.write({ level: 'info', event: 'x', fields: { n, text: 'x'.repeat(4096) } });
          }
          await until(() => isOnDisk(i + 500));
        }
      };
      await write(0, 17_000, (lines) => size(file) + size(rotated) > lines * 4_096);
      console.error(JSON.stringify([size(rotated), size(file)]));
      rmSync(rotated);
      rmSync(file);
      for (let n = 17_000; !existsSync(file); n += 500) {
        await write(n, n + 500, () => true);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      // Lines that wait for the disk may be too many for this one to be kept.
      while (!readFileSync(file, 'utf8').includes('"message":"last"')) {
        log.write({ level: 'info', event: 'last', fields: {} });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }`;
    const all = JSON.stringify({ level: 'debug', format: 'json', file });
    const source = `import { createLogger } from ${JSON.stringify(LOGGER)}; const log = createLogger(${all}); ${script} await log.close();`;
    const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
      encoding: 'utf8',
      timeout: 60_000,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    assert.equal(status, 0, stderr);
    const [before, after] = JSON.parse(stderr) as [number, number];
    assert.ok(before > 60 * 1024 * 1024 && after > 0, `files of ${before} and ${after} bytes`);
    assert.equal(linesOf(file).at(-1)?.['message'], 'last');
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
