/**
 * kafkajs 2.2.4 keeps a connection on which a request ran out of its time. After a hole in the network the next request
 * waits there for TCP to send its predecessors again, which it does at ever longer intervals: the silence of a broker lasts
 * for up to twice as long as the hole. Here such a connection is closed, and the next request opens another.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';

interface Connection {
  readonly socket: Socket | undefined;
  send(request: unknown): Promise<unknown>;
  rejectRequests(error: Error): void;
  disconnect(): Promise<boolean>;
}

let isMended = false;

/** Affects all clients of this process. */
export function closeSilentConnections(): void {
  if (isMended) return;
  isMended = true;
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/network/connection') as { readonly prototype: Connection };
  const { send } = prototype;
  prototype.send = async function (this: Connection, request: unknown) {
    const { socket } = this;
    try {
      return await send.call(this, request);
    } catch (error) {
      // A request of before may run out of its time when there is another connection already.
      if ((error as Error).name === 'KafkaJSRequestTimeoutError' && socket === this.socket) await close(this, error);
      throw error;
    }
  };
}

async function close(connection: Connection, error: unknown): Promise<void> {
  const { socket } = connection;
  connection.rejectRequests(error as Error);
  await connection.disconnect();
  socket?.destroy();
}
