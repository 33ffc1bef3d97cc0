import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { connect, type Progress } from '../../../lib/loader/clickhouse/client.js';
import { progressLine } from '../../../lib/loader/commands/progress.js';
import { type Bench, startBench } from '../as-cli.js';
import { asCliOnTerminal } from '../terminal.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const SHOWN = { name: 'a.csv', bytes: 2 * 1024 * 1024, totalBytes: 8 * 1024 * 1024, rows: 120_000, seconds: 3.7 };

test('the line tells file, part, bytes, rows and time', () => {
  assert.equal(
    progressLine(SHOWN, 120),
    'a.csv  [######------------------]  25 %  2.0 MiB of 8.0 MiB sent  120,000 rows  3 s',
  );
  assert.equal(
    progressLine({ ...SHOWN, bytes: 0, totalBytes: 0, rows: null, seconds: 0 }, 120),
    'a.csv  [########################]  100 %  0 B of 0 B sent  0 s',
  );
});

test('the line fits the terminal and moves nothing in it', () => {
  assert.equal(progressLine({ ...SHOWN, name: 'a\u001b[2J' }, 20), 'a\ufffd[2J  [######-----');
});

test('rows are those that ClickHouse tells while the insert is under way', async () => {
  // What a server sends with send_progress_in_http_headers: the engine of the sandbox tells nothing before its end.
  let release = (): void => undefined;
  const server = createServer((request, response) => {
    assert.match(request.url ?? '', /send_progress_in_http_headers=1/);
    request.resume();
    const socket = request.socket;
    socket.write('HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: {"read_rows":"7","read_bytes":"70"}\r\n');
    release = () =>
      socket.write('X-ClickHouse-Summary: {"read_rows":"9","written_rows":"9"}\r\nContent-Length: 0\r\n\r\n');
    response.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const clickhouse = connect({
    ...{ host: '127.0.0.1', port: (server.address() as AddressInfo).port, secure: false, ca: null },
    ...{ database: 'd', user: 'u', password: '', connectMs: 60_000, silenceMs: 60_000 },
  });
  try {
    const seen: Progress[] = [];
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('hello');
    }
    const onProgress = (progress: Progress): void => {
      seen.push(progress);
      // Only what was told before the end of the head lets the insert end.
      if (progress.rows === 7) release();
    };
    assert.equal(await clickhouse.insert('INSERT', body(), {}, { onProgress }), 9);
    // Which of the two comes first is between the sender and the server.
    assert.deepEqual(
      seen.toSorted((a, b) => Number('rows' in a) - Number('rows' in b)),
      [{ bytes: 5 }, { rows: 7 }],
    );
  } finally {
    await clickhouse.close();
    server.closeAllConnections();
    server.close();
  }
});

const skip = spawnSync('script', ['--version']).status !== 0 && 'there is no script(1) to make a terminal with';

test('a terminal shows the bar and keeps only the result', { skip }, async () => {
  const file = await bench.write('bar.csv', `a\n${'1\n'.repeat(500_000)}`);
  const args = ['ingest', 'records', '--file', file, '--table-name', 'bar_shown', '--create-table', '--progress'];
  const { code, text } = await asCliOnTerminal(bench.clickhouse, args, 100);
  assert.equal(code, 0, text);
  assert.match(text, /\rbar\.csv {2}\[#+-*\] {2}\d+ % {2}[\d.]+ \w+ of 976\.6 KiB sent/);
  const screen = text.split('\u001b[K').at(-1) ?? '';
  assert.match(screen, /^Loaded 500000 rows/);
});

test('without a terminal nothing is shown', async () => {
  const file = await bench.write('quiet.csv', 'a\n1\n');
  const ended = await bench.load(file, 'bar_quiet', ['--create-table', '--progress']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});
