/** systemd's own program, against a socket as systemd has one. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { startNotifier } from '../../lib/telemetry/systemd.js';
import { waitUntil } from '../support/processes.js';

/** Prints each datagram as a line of JSON; the descriptor by which the sender waits is closed by not being taken. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps('bound'), flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;
const skip = spawnSync('systemd-notify', ['--version']).error === undefined ? false : 'systemd-notify is not installed';

test('systemd gets what is due, and a socket that is gone is complained of once', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'atd-notify-'));
  const socket = join(directory, 'notify');
  const receiver = spawn('python3', ['-c', RECEIVER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => {
    receiver.kill();
    rmSync(directory, { recursive: true });
  });
  const messages: string[] = [];
  createInterface({ input: receiver.stdout }).on('line', (line) => messages.push(JSON.parse(line) as string));
  await waitUntil(() => messages.length > 0, 60_000, 'the socket to be bound');
  let phase: 'starting' | 'running' | 'reloading' = 'starting';
  const troubles: string[] = [];
  const notifier = startNotifier(
    { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '4000000', PATH: process.env['PATH'] },
    () => ({ phase, isLive: true, status: `it is ${phase}` }),
    (reason) => troubles.push(reason),
  );
  t.after(() => notifier.close());
  const lines = () => messages.flatMap((message) => message.split('\n'));
  await waitUntil(() => lines().includes('STATUS=it is starting'), 60_000, 'the first status');
  phase = 'running';
  await waitUntil(() => lines().includes('STATUS=it is running'), 60_000, 'the next status');
  assert.equal(lines().filter((line) => line === 'READY=1').length, 1);
  phase = 'reloading';
  notifier.look();
  await waitUntil(() => lines().includes('RELOADING=1'), 60_000, 'the beginning of the reload');
  phase = 'running';
  notifier.look();
  const readies = () => lines().flatMap((line, at) => (line === 'READY=1' ? [at] : []));
  await waitUntil(() => readies().length === 2, 60_000, 'the end of the reload');
  const begun = lines().indexOf('RELOADING=1');
  assert.ok(begun > 0 && begun < (readies()[1] ?? 0), lines().join(' '));
  assert.match(lines()[begun + 1] ?? '', /^MONOTONIC_USEC=\d+$/);
  const fed = lines().filter((line) => line === 'WATCHDOG=1').length;
  await waitUntil(() => lines().filter((line) => line === 'WATCHDOG=1').length > fed, 60_000, 'one more meal');
  assert.deepEqual(troubles, []);
  receiver.kill();
  await waitUntil(() => troubles.length > 0, 60_000, 'the complaint');
  await notifier.close();
  assert.equal(troubles.length, 1);
  assert.match(troubles[0] ?? '', /Connection refused/);
});

test('nothing is sent where no systemd waits', async () => {
  const asked: string[] = [];
  const state = () => ({ phase: 'running' as const, isLive: true, status: String(asked.push('asked')) });
  await startNotifier({ PATH: '/nowhere' }, state, (reason) => asked.push(reason)).close();
  await startNotifier({ NOTIFY_SOCKET: '', PATH: '/nowhere' }, state, (reason) => asked.push(reason)).close();
  assert.deepEqual(asked, []);
});
