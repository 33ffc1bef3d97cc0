/** What operators do with the log: the command of the docs, logrotate, a disk that fills. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { LogFile } from '../../lib/telemetry/log-file.js';
import { read } from '../support/documents.js';
import { waitUntil } from '../support/processes.js';
import { whyLeftOut, whyMissing } from './part.js';

const SOON_MS = 60_000;
const MIB = 1024 * 1024;
/** Writes some 4 KiB a line. */
const FILLING = 'x'.repeat(4_000);

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'atd-log-ops-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

it('the command of docs/operations.md shows the lines of the log, and passes over those of systemd', {
  skip: whyMissing({ jq: 'jq' }),
}, (t) => {
  const [, shown = ''] = /`journalctl -u atd-ingestion -o cat \\\| (jq [^`]+)`/.exec(read('docs/operations.md')) ?? [];
  assert.notEqual(shown, '');
  const journal = join(directoryOf(t), 'journal');
  const line = { level: 'warn', message: 'job.ended', timestamp: '2026-01-31T12:00:00.000Z', job: 'a/0/1/0' };
  const lines = [
    'Starting atd-ingestion.service - ATD Ingestion…',
    JSON.stringify({ ...line, reason: 'exit code 65: a "b"' }),
    '(node:7) Warning: [not] {json}',
    JSON.stringify({ ...line, reason: null }),
    'atd-ingestion.service: Deactivated successfully.',
  ];
  writeFileSync(journal, `${lines.join('\n')}\n`);
  const command = `cat '${journal}' | ${shown.replaceAll('\\|', '|')}`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(
    stdout,
    '2026-01-31T12:00:00.000Z\twarn\tjob.ended\ta/0/1/0\texit code 65: a "b"\n' +
      '2026-01-31T12:00:00.000Z\twarn\tjob.ended\ta/0/1/0\t\n',
  );
});

describe('the log file', { skip: whyLeftOut({ logrotate: 'logrotate', mount: 'mount' }) }, () => {
  interface Ground {
    readonly path: string;
    readonly log: LogFile;
    readonly reports: string[];
    /** Writes the next numbered lines. */
    readonly write: (count: number, filling?: string) => void;
    readonly written: () => Promise<void>;
  }
  function prepare(t: TestContext, path: string): Ground {
    const reports: string[] = [];
    const onWorks = (lost: number) => reports.push(`works, ${lost} lost`);
    const log = new LogFile(path, { maxBytes: 64 * MIB, onFailed: (reason) => reports.push(reason), onWorks });
    t.after(() => log.close());
    let next = 0;
    return {
      ...{ path, log, reports },
      write: (count, filling = '') => {
        for (let n = 0; n < count; n += 1) log.write(`${JSON.stringify({ n: next++, filling })}\n`);
      },
      written: () => waitUntil(() => log.waiting === 0, SOON_MS, 'the lines'),
    };
  }
  const numbers = (path: string): number[] => {
    const lines = readFileSync(path, 'utf8').split('\n');
    assert.equal(lines.pop(), '', 'the last line is whole');
    return lines.map((line) => (JSON.parse(line) as { readonly n: number }).n);
  };
  const from = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, n) => start + n);

  for (const [how, isLossless] of [
    ['copytruncate', false],
    ['create', true],
    ['nocreate', true],
  ] as const) {
    it(`goes on behind logrotate with ${how}`, async (t) => {
      const directory = directoryOf(t);
      const { path, reports, write, written } = prepare(t, join(directory, 'service.log'));
      const settings = join(directory, 'logrotate.conf');
      writeFileSync(settings, `${path} {\n  rotate 3\n  ${how}\n}\n`, { mode: 0o600 });
      write(50);
      await written();
      write(50);
      // Without a copy nothing goes lost, whatever is on its way.
      if (!isLossless) await written();
      execFileSync('logrotate', ['--force', '--state', join(directory, 'state'), settings]);
      write(100);
      await written();
      write(1);
      await written();
      assert.deepEqual([...numbers(`${path}.1`), ...numbers(path)], from(0, 201));
      assert.equal(numbers(path).at(-1), 200);
      assert.deepEqual(reports, []);
    });
  }

  it('on a disk that fills up has whole lines, and all that waited when there is room again', async (t) => {
    const disk = mkdtempSync(join(tmpdir(), 'atd-log-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    t.after(() => {
      execFileSync('umount', ['--lazy', disk]);
      rmSync(disk, { recursive: true });
    });
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(MIB / 2));
    const { path, log, reports, write, written } = prepare(t, join(disk, 'service.log'));
    write(200, FILLING);
    await waitUntil(() => log.isFailing, SOON_MS, 'the disk to be full');
    assert.ok(log.waiting > 0);
    numbers(path);
    truncateSync(ballast);
    await written();
    assert.deepEqual(numbers(path), from(0, 200));
    assert.equal(reports.length, 2);
    assert.match(reports.join(), /^ENOSPC.*,works, 0 lost$/);
  });
});
