/**
 * Bounds on what connections may cost. Of more than are kept, the one whose last request, or whose opening, lies back the
 * longest gives way: so neither who opens thousands nor who does not read its answers keeps a probe out.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function keepFew(server: Server, most: number): void {
  /** The one that was heard of last stands last. */
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (open.size <= most) return;
    const [oldest = socket] = open;
    // It counts as gone at once, for its end is told later.
    open.delete(oldest);
    oldest.destroy();
  });
  // Beyond `maxRequestsPerSocket`: the last answer has said that the connection ends.
  server.on('dropRequest', (_request, socket) => socket.destroy());
  server.on('request', ({ socket }) => {
    if (open.delete(socket)) open.add(socket);
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
