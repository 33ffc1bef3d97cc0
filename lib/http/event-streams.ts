/** Streams of server-sent events within bounds: few of them, and none that keeps much of what its client does not read. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Sends pieces until what it returns is called. `take` has one made and sent, or gives false where the client has too much before
 * it to read.
 */
export type Watch = (take: (make: () => Buffer) => boolean) => () => void;

/** Of more, the one that was opened first gives way. */
export const MAX_STREAMS = 64;
/** What a client may leave unread before pieces are left out for it. */
const MAX_UNREAD_BYTES = 128 * 1024;
/** How soon a browser asks again after the connection is lost. */
const RETRY_MS = 2_000;

export class EventStreams {
  readonly #open = new Set<ServerResponse>();
  readonly #watch: Watch;

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    // A proxy that collects an answer before it hands it on would hand on nothing.
    const headers = { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
    // Behind a request that is not answered yet an answer is not told that its connection ends: its watcher would stay.
    if (response.socket === null) {
      response.writeHead(503, { 'Content-Type': 'text/plain' });
      return void response.end('a stream is not begun behind another request; ask again\n');
    }
    response.writeHead(200, headers);
    if (request.method === 'HEAD') return void response.end();
    const [oldest] = this.#open;
    if (this.#open.size >= MAX_STREAMS) {
      this.#open.delete(oldest as ServerResponse);
      oldest?.destroy();
    }
    this.#open.add(response);
    response.write(`retry: ${RETRY_MS}\n\n`);
    const end = this.#watch((make) => take(response, make));
    response.once('close', () => {
      this.#open.delete(response);
      end();
    });
  }
}

function take(response: ServerResponse, make: () => Buffer): boolean {
  if (response.destroyed || response.writableLength > MAX_UNREAD_BYTES) return false;
  response.write(make());
  return true;
}
