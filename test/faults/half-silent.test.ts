/** A broker that takes connections and requests, and leaves some without an answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Api } from '../support/kafka-requests.js';
import { waitUntil } from '../support/processes.js';
import { announce, createScriptedPlace, type ScriptedPlace } from '../support/scripted-place.js';
import {
  readLedger,
  type ServiceProcess,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';

const DEADLINE_MS = 300_000;

/** All is committed, each file was loaded once, and the service is well and stops in order. */
async function endsWell(place: ScriptedPlace, service: ServiceProcess, files: number): Promise<void> {
  await waitUntil(() => place.broker.committed.get(0)?.offset === files, DEADLINE_MS, 'all is committed');
  await service.until(async () => (await service.ask('/readyz')).status === 200, DEADLINE_MS, 'the service is ready');
  assert.equal((await service.ask('/livez')).status, 200);
  assert.equal(await service.stop(), 0);
  assert.equal(readLedger(place).filter(({ what }) => what === 'end').length, files);
}

for (const api of ['Fetch', 'OffsetCommit', 'Heartbeat'] as const satisfies readonly Api[]) {
  test(`row 81: a broker that leaves one kind of request without an answer for a while: ${api}`, async (t) => {
    const place = await createScriptedPlace(t);
    const file = writeScript(place, 'load', 'exit 0');
    const service = await startService(t, place);
    announce(place, file);
    await service.seen('job.loaded', 1, DEADLINE_MS);
    const release = place.broker.hold(api);
    const before = place.broker.seen(api).length;
    announce(place, file, file);
    // The first one has run out of its time before it is sent again, over a new connection.
    const isRepeated = () => place.broker.seen(api).length >= before + 2;
    await service.until(isRepeated, DEADLINE_MS, 'a request is sent again');
    announce(place, file);
    release();
    await endsWell(place, service, 4);
  });
}

test('row 81: the broker that is asked first takes the connection and never says a word', async (t) => {
  const place = await createScriptedPlace(t);
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  announce(place, writeScript(place, 'load', 'exit 0'));
  const { port } = silent.address() as AddressInfo;
  const service = spawnService(t, place, {
    kafka: { bootstrap_servers: [`127.0.0.1:${port}`, place.broker.address] },
  });
  await service.seen('job.loaded', 1, DEADLINE_MS);
  await endsWell(place, service, 1);
});
