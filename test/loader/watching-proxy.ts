/** A proxy before ClickHouse that tells how many bytes went up, before they do. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { ClickHouseSandbox } from '../sandbox/sandbox.js';

export interface WatchingProxy {
  readonly port: number;
  stop(): void;
}

/** `watch` is awaited before a piece is passed on; `sent` counts that piece and what all connections sent before. */
export async function startWatchingProxy(
  { host, port }: ClickHouseSandbox,
  watch: (sent: number) => void | Promise<void>,
): Promise<WatchingProxy> {
  let sent = 0;
  const server = createServer((client) => {
    const upstream = connect(port, host);
    const pass = async (): Promise<void> => {
      for await (const chunk of client as AsyncIterable<Buffer>) {
        sent += chunk.length;
        await watch(sent);
        if (!upstream.write(chunk)) await once(upstream, 'drain');
      }
      upstream.end();
    };
    // A client that is killed resets its connection, and ClickHouse is to see that too.
    pass().catch(() => upstream.resetAndDestroy());
    upstream.on('error', () => client.destroy());
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() };
}
