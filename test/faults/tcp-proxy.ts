/** A TCP proxy on a port of its own: passes on, at once or late, refuses connections, or takes them and stays silent. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { quietPort } from '../sandbox/ports.js';

/** What one connection's bytes are passed through, each way. */
export interface Filter {
  readonly toServer: (bytes: Buffer) => Buffer;
  readonly toClient: (bytes: Buffer) => Buffer;
}

const UNCHANGED: Filter = { toServer: (bytes) => bytes, toClient: (bytes) => bytes };

export class TcpProxy {
  readonly #host: string;
  readonly #port: number;
  readonly #filter: () => Filter;
  readonly #sockets = new Set<Socket>();
  readonly #stranded = new WeakSet<Socket>();
  #server: Server | null = null;
  #own = 0;
  #isSilent = false;
  #delayMs = 0;

  constructor(host: string, port: number, filter: () => Filter = () => UNCHANGED) {
    this.#host = host;
    this.#port = port;
    this.#filter = filter;
  }

  /** Where it listens, from the first `open` on. */
  get port(): number {
    return this.#own;
  }

  async open(): Promise<void> {
    this.#isSilent = false;
    for (const socket of this.#sockets) if (!this.#stranded.has(socket)) socket.resume();
    if (this.#server !== null) return;
    if (this.#own === 0) this.#own = await quietPort();
    this.#server = createServer((socket) => this.#join(socket)).listen(this.#own, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Resets all connections and refuses new ones. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (server === null) return;
    server.close();
    await once(server, 'close');
  }

  /** Takes connections and bytes, and passes nothing on. */
  silence(): void {
    this.#isSilent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Connections that there are pass nothing on any more, and nobody says so; new ones work. */
  strand(): void {
    for (const socket of this.#sockets) {
      socket.pause();
      this.#stranded.add(socket);
    }
  }

  /** Holds back whatever comes from now on, either way; connections stay. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  #join(client: Socket): void {
    const target = connect(this.#port, this.#host);
    const { toServer, toClient } = this.#filter();
    for (const [from, to, filter] of [
      [client, target, toServer],
      [target, client, toClient],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (bytes) => this.#later(() => to.write(filter(bytes))));
      from.on('end', () => this.#later(() => to.end()));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#isSilent) from.pause();
    }
  }

  #later(act: () => void): void {
    if (this.#delayMs === 0) act();
    else setTimeout(act, this.#delayMs);
  }
}
