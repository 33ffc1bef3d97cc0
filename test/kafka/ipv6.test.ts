/** A broker by its IPv6 address: the real one, behind a socket of this machine's IPv6 loopback. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { it, type TestContext } from 'node:test';
import { createKafkaClient } from '../../lib/kafka/client.js';
import { startKafka } from '../sandbox/sandbox.js';

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);
const skip = !hasIpv6 && 'this machine has no IPv6';

async function listenBefore(t: TestContext, broker: string): Promise<number> {
  const [host = '', port = ''] = broker.split(':');
  const server = createServer((socket) => {
    const upstream = connect(Number(port), host);
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(0, '::1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function clientOf(brokers: readonly string[], logged: string[]): ReturnType<typeof createKafkaClient> {
  return createKafkaClient({
    brokers,
    clientId: 'ipv6',
    ssl: { enabled: false, ca: null, cert: null, key: null },
    sasl: null,
    mayRestart: () => false,
    onOutOfRange: () => undefined,
    onCrashing: () => undefined,
    onLog: (_level, _message, details) => logged.push(String(details['broker'])),
  });
}

it('a broker is reached by its IPv6 address in brackets', { skip }, async (t) => {
  const kafka = await startKafka();
  t.after(() => kafka.stop());
  const port = await listenBefore(t, kafka.brokers[0] as string);
  const logged: string[] = [];
  const admin = clientOf(['[::1]:1', `[::1]:${port}`], logged).admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  const { brokers } = await admin.describeCluster();
  assert.ok(brokers.length > 0);
  // The one that is not there is named as the setting names it, if the client came by it.
  assert.ok(!logged.some((broker) => broker.startsWith('ipv6-')), logged.join());
});
