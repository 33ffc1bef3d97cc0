import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { LedgerStore } from '../../lib/ledger/store.js';

/** As the page asks when it opens. Of several clients each but the last would be closed while it is in use. */
test('questions that are the first, and come at once, have one client', async (t) => {
  const waiting: (() => void)[] = [];
  const open = new Set<Socket>();
  let most = 0;
  const server = createServer((request, response) => {
    request.resume();
    waiting.push(() => response.end('{"n":1}\n'));
    // Two are under way at a time.
    if (waiting.length >= 2) for (const answer of waiting.splice(0)) answer();
  });
  server.on('connection', (socket) => {
    open.add(socket);
    most = Math.max(most, open.size);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const at = { host: '127.0.0.1', port, secure: false, caFile: null, user: 'default', password: '' };
  const table = { database: 'd', name: 't', retentionDays: 1, onCluster: null, isReplicated: false };
  const store = new LedgerStore(table, () => at);
  t.after(() => store.close());
  const asked = Array.from({ length: 4 }, () => store.query('SELECT 1 AS n'));
  assert.deepEqual(await Promise.all(asked), [[{ n: 1 }], [{ n: 1 }], [{ n: 1 }], [{ n: 1 }]]);
  assert.equal(most, 2, 'a client has two connections at most');
});

test('a connection that cannot be made is tried again', async (t) => {
  const caFile = '/nowhere/ca.pem';
  const at = { host: '127.0.0.1', port: 1, secure: true, caFile, user: 'default', password: '' };
  const table = { database: 'd', name: 't', retentionDays: 1, onCluster: null, isReplicated: false };
  let current = at;
  const store = new LedgerStore(table, () => current);
  t.after(() => store.close());
  await assert.rejects(store.query('SELECT 1'), /No such file/);
  await assert.rejects(store.query('SELECT 1'), /No such file/);
  current = { ...at, secure: false };
  await assert.rejects(store.query('SELECT 1'), /ECONNREFUSED/);
});
