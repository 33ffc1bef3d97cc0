/**
 * kafkajs 2.2.4 keeps a connection on which a request ran out of its time. After a hole in the network the next request
 * waits there for TCP to send its predecessors again, which it does at ever longer intervals: the silence of a broker lasts
 * for up to twice as long as the hole. Here such a connection is closed, and the next request opens another.
 *
 * And it asks the next broker of its list only where one refuses the connection: one that takes it and says nothing, as a
 * half-open port or a proxy without anybody behind it does, is asked for ever. Here that is no connection.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import kafkajs from 'kafkajs';

interface Connection {
  readonly socket: Socket | undefined;
  send(request: unknown): Promise<unknown>;
  rejectRequests(error: Error): void;
  disconnect(): Promise<boolean>;
}

interface Broker {
  readonly connectionPool: { readonly host: string; readonly port: number };
  connect(): Promise<void>;
}

let isMended = false;

/** Affects all clients of this process. */
export function closeSilentConnections(): void {
  if (isMended) return;
  isMended = true;
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/network/connection') as { readonly prototype: Connection };
  giveUpSilentBrokers((require('kafkajs/src/broker') as { readonly prototype: Broker }).prototype);
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

function giveUpSilentBrokers(prototype: Broker): void {
  const { connect } = prototype;
  prototype.connect = async function (this: Broker) {
    try {
      await connect.call(this);
    } catch (error) {
      const { name, message } = error as Error;
      if (name !== 'KafkaJSRequestTimeoutError') throw error;
      const { host, port } = this.connectionPool;
      const broker = `${host}:${port}`;
      throw new kafkajs.KafkaJSConnectionError(`${broker} takes the connection and does not answer: ${message}`, {
        broker,
      });
    }
  };
}

async function close(connection: Connection, error: unknown): Promise<void> {
  const { socket } = connection;
  connection.rejectRequests(error as Error);
  await connection.disconnect();
  socket?.destroy();
}
