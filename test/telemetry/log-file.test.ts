import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LogFile } from '../../lib/telemetry/log-file.js';
import { waitUntil } from '../support/processes.js';

const SOON_MS = 60_000;
const MIB = 1024 * 1024;
const MAX_WAITING_LINES = 10_000;

interface Ground {
  readonly path: string;
  readonly log: LogFile;
  /** What it reported, in order. */
  readonly reports: string[];
  /** Writes numbered lines, and resolves when they have reached the disk. */
  readonly write: (count: number) => Promise<void>;
}

function prepare(t: TestContext, maxBytes = MIB): Ground {
  const directory = mkdtempSync(join(tmpdir(), 'atd-log-file-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'below/service.log');
  const reports: string[] = [];
  const log = new LogFile(path, {
    maxBytes,
    onFailed: (reason) => reports.push(reason),
    onWorks: (lost) => reports.push(`works, ${lost} lost`),
  });
  t.after(() => log.close());
  let next = 0;
  const write = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) log.write(`${next++}\n`);
    await waitUntil(() => log.waiting === 0, SOON_MS, 'all lines to be written');
  };
  return { path, log, reports, write };
}

const numbers = (path: string): number[] => readFileSync(path, 'utf8').trimEnd().split('\n').map(Number);
const from = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, n) => start + n);

describe('the log file follows what others do to it', () => {
  for (const [what, act, kept] of [
    ['deleted', (path: string) => unlinkSync(path), null],
    ['deleted with its directory', (path: string) => rmSync(dirname(path), { recursive: true }), null],
    ['renamed', (path: string) => renameSync(path, `${path}.1`), '.1'],
    [
      'renamed, and made anew by somebody else',
      (path: string) => {
        renameSync(path, `${path}.1`);
        writeFileSync(path, '');
      },
      '.1',
    ],
    ['truncated', (path: string) => truncateSync(path), null],
  ] as const) {
    it(what, async (t) => {
      const { path, write, reports } = prepare(t);
      await write(10);
      act(path);
      await write(10);
      assert.deepEqual(numbers(path), from(10, 20));
      if (kept !== null) assert.deepEqual(numbers(`${path}${kept}`), from(0, 10));
      assert.deepEqual(reports, []);
    });
  }

  it('truncated before it was full, it is not rotated for what it had', async (t) => {
    const { path, write } = prepare(t, 100);
    await write(20);
    truncateSync(path);
    await write(10);
    assert.equal(existsSync(path.replace('.log', '1.log')), false);
  });
});

describe('the log file that cannot be written', { skip: !existsSync('/dev/full') && 'no /dev/full' }, () => {
  const link = (path: string, target: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    rmSync(path, { force: true });
    symlinkSync(target, path);
  };

  it('is tried again, and then has all that waited', async (t) => {
    const { path, log, reports } = prepare(t);
    link(path, '/dev/full');
    for (let n = 0; n < 100; n += 1) log.write(`${n}\n`);
    await waitUntil(() => log.isFailing, SOON_MS, 'the failure');
    assert.deepEqual([reports.length, reports[0]?.startsWith('ENOSPC')], [1, true]);
    link(path, `${path}.real`);
    await waitUntil(() => log.waiting === 0, SOON_MS, 'the lines');
    assert.deepEqual(numbers(path), from(0, 100));
    assert.deepEqual([log.isFailing, log.lost, reports.at(-1)], [false, 0, 'works, 0 lost']);
  });

  it('loses what comes when too much waits, and says how much', async (t) => {
    const { path, log, reports } = prepare(t);
    link(path, '/dev/full');
    log.write('0\n');
    await waitUntil(() => log.isFailing, SOON_MS, 'the failure');
    for (let n = 1; n < MAX_WAITING_LINES + 50; n += 1) log.write(`${n}\n`);
    assert.deepEqual([log.waiting, log.lost], [MAX_WAITING_LINES, 50]);
    link(path, `${path}.real`);
    await waitUntil(() => log.waiting === 0, SOON_MS, 'the lines');
    assert.deepEqual(numbers(path), from(0, MAX_WAITING_LINES));
    assert.equal(reports.at(-1), 'works, 50 lost');
  });

  it('is told of also when it hangs without an error', async (t) => {
    const { path, log, reports } = prepare(t);
    mkdirSync(dirname(path));
    // To open it for writing waits for a reader.
    execFileSync('mkfifo', [path]);
    for (let n = 0; n < MAX_WAITING_LINES + 50; n += 1) log.write(`${n}\n`);
    assert.deepEqual([log.isFailing, log.lost, reports], [true, 50, ['10000 lines wait for it']]);
    const reader = createReadStream(path).resume();
    await waitUntil(() => log.waiting === 0, SOON_MS, 'the lines');
    await waitUntil(() => reports.length === 2, SOON_MS, 'the report');
    assert.equal(reports[1], 'works, 50 lost');
    reader.destroy();
  });
});
