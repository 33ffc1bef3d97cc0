/**
 * Bounds on what connections may cost. Of more than are kept, the one that has been without a request for longest gives way,
 * so that who opens thousands does not keep a probe out.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function keepFew(server: Server, most: number): void {
  const open = new Set<Socket>();
  /** In the order in which they became so. */
  const idle = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    idle.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      idle.delete(socket);
    });
    if (open.size <= most) return;
    const [oldest = socket] = idle;
    oldest.destroy();
  });
  // Beyond `maxRequestsPerSocket`: the last answer has said that the connection ends.
  server.on('dropRequest', (_request, socket) => socket.destroy());
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.once('close', () => {
      if (open.has(socket)) idle.add(socket);
    });
  });
}

/** What `make` makes, for all who ask within so many milliseconds; after an error it is made anew. */
export function shared<T>(make: () => Promise<T>, ms: number): () => Promise<T> {
  let made: { readonly at: number; readonly result: Promise<T> } | null = null;
  return () => {
    const now = performance.now();
    if (made !== null && now - made.at < ms) return made.result;
    const result = make();
    const own = { at: now, result };
    made = own;
    result.catch(() => {
      if (made === own) made = null;
    });
    return result;
  };
}
