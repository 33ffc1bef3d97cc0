/**
 * One connection that is used for one request after another: HTTP/1.1 over a socket. `node:http` would do, but the CPU time of
 * its first request is a third of a whole load of a small file (docs/loader.md has the figures).
 * An answer that comes while the body is still being sent ends the sending: ClickHouse refuses a file before it has all of it.
 */
import { connect, type Socket } from 'node:net';
import { AnswerReader } from './http-answer.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Null for a connection in the clear. The certificate is verified, whatever these say. */
  readonly tls: { readonly ca: string | null } | null;
  readonly connectMs: number;
}

export interface HttpRequest {
  /** Percent-encoded, with the parameters. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | AsyncIterable<Uint8Array>;
  /** How long nothing may be sent or received before the connection is given up. */
  readonly silenceMs: number;
  onHeader?(name: string, value: string): void;
  /** Bytes of the body that were handed to the system. */
  onSent?(bytes: number): void;
  onBody(bytes: Uint8Array): void;
}

export interface HttpAnswer {
  readonly status: number;
  /** By their names in lower case; of a repeated one the last. */
  readonly headers: ReadonlyMap<string, string>;
}

export class HttpConnection {
  readonly #endpoint: Endpoint;
  #socket: Socket | null = null;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** One at a time. A statement is sent again if the connection, kept from an earlier request, turns out to be closed. */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const kept = this.#socket;
    if (kept !== null && !kept.destroyed) {
      const exchange = new Exchange(kept, request);
      try {
        return this.#keep(await exchange.run(this.#head(request)));
      } catch (error) {
        if (exchange.begun || typeof request.body !== 'string' || !isCutOff(error)) throw error;
      }
    }
    this.#socket = await open(this.#endpoint);
    return this.#keep(await new Exchange(this.#socket, request).run(this.#head(request)));
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #keep({ answer, reusable }: Exchanged): HttpAnswer {
    if (!reusable) this.close();
    return answer;
  }

  #head({ path, headers, body }: HttpRequest): string {
    const { host, port } = this.#endpoint;
    const lines = [
      `POST ${path} HTTP/1.1`,
      `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      typeof body === 'string' ? `Content-Length: ${Buffer.byteLength(body)}` : 'Transfer-Encoding: chunked',
    ];
    return `${lines.join('\r\n')}\r\n\r\n`;
  }
}

async function open({ host, port, tls, connectMs }: Endpoint): Promise<Socket> {
  const secure = tls === null ? null : await import('node:tls');
  return await new Promise((resolve, reject) => {
    const trusted = tls === null || tls.ca === null ? {} : { ca: tls.ca };
    // `rejectUnauthorized` is said because NODE_TLS_REJECT_UNAUTHORIZED would be asked otherwise.
    const socket =
      secure === null
        ? connect({ host, port })
        : secure.connect({ host, port, ...serverName(host), ...trusted, rejectUnauthorized: true });
    socket.setTimeout(connectMs, () => socket.destroy(failure('ETIMEDOUT', 'no connection in time')));
    socket.once(secure === null ? 'connect' : 'secureConnect', () => {
      socket.removeAllListeners('timeout').setTimeout(0);
      socket.setNoDelay(true);
      resolve(socket);
    });
    // Also whoever does not listen later must not be ended by a connection that breaks.
    socket.on('error', reject);
    socket.once('close', () => reject(failure('ECONNRESET', 'the connection was closed before it was made')));
  });
}

/** A certificate is checked against the host's name; an address is no name that could be sent. */
function serverName(host: string): { readonly servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}

interface Exchanged {
  readonly answer: HttpAnswer;
  readonly reusable: boolean;
}

/** One request and its answer. */
class Exchange {
  readonly #socket: Socket;
  readonly #request: HttpRequest;
  readonly #headers = new Map<string, string>();
  readonly #reader: AnswerReader;
  #sent = false;
  #over = false;
  /** Ends the wait of the sender for room in the socket's buffer. */
  #wake: () => void = () => undefined;

  constructor(socket: Socket, request: HttpRequest) {
    this.#socket = socket;
    this.#request = request;
    this.#reader = new AnswerReader({
      header: (name, value) => {
        this.#headers.set(name, value);
        request.onHeader?.(name, value);
      },
      body: (bytes) => request.onBody(bytes),
    });
  }

  /** Whether the server began to answer. */
  get begun(): boolean {
    return this.#reader.begun;
  }

  async run(head: string): Promise<Exchanged> {
    const socket = this.#socket;
    const listeners: [event: string, listener: (bytes: Buffer) => void][] = [];
    const on = (event: string, listener: (bytes: Buffer) => void): void => {
      socket.on(event, listener);
      listeners.push([event, listener]);
    };
    try {
      return await new Promise<Exchanged>((resolve, reject) => {
        const done = (): void => {
          const reusable = this.#sent && this.#reader.keepAlive;
          resolve({ answer: { status: this.#reader.status, headers: this.#headers }, reusable });
        };
        on('data', (bytes: Buffer) => {
          try {
            this.#reader.push(bytes);
            if (this.#reader.done) done();
          } catch (error) {
            reject(error);
          }
        });
        on('drain', () => this.#wake());
        on('error', (error) => reject(error));
        on('timeout', () => reject(new Error('timeout error: nothing was sent or received')));
        for (const event of ['end', 'close']) {
          on(event, () => (this.#reader.end() ? done() : reject(failure('ECONNRESET', 'socket hang up'))));
        }
        socket.setTimeout(this.#request.silenceMs);
        this.#send(head).catch(reject);
      });
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      this.#over = true;
      this.#wake();
      socket.setTimeout(0);
      for (const [event, listener] of listeners) socket.off(event, listener);
    }
  }

  async #send(head: string): Promise<void> {
    const socket = this.#socket;
    const { body, onSent } = this.#request;
    if (typeof body === 'string') {
      socket.write(head + body);
    } else {
      socket.write(head, 'latin1');
      for await (const bytes of body) {
        if (this.#over) return;
        if (bytes.length === 0) continue;
        socket.cork();
        socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
        socket.write(bytes);
        const room = socket.write('\r\n', 'latin1');
        socket.uncork();
        if (!room && socket.writableNeedDrain) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        onSent?.(bytes.length);
      }
      if (this.#over) return;
      socket.write('0\r\n\r\n', 'latin1');
    }
    this.#sent = true;
  }
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

const CUT_OFF = ['ECONNRESET', 'EPIPE', 'ECONNABORTED'];

function isCutOff(error: unknown): boolean {
  return CUT_OFF.includes(String((error as { code?: unknown }).code));
}
