/** The HTTP side: metrics for Prometheus, probes for an orchestrator, the status for people and scripts, and what they may change. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { AtdError } from '../errors.js';
import { type ApiHandlers, answerApi } from './api.js';
import { keepFew, shared } from './connections.js';
import { EventStreams, type Watch } from './event-streams.js';
import { refusalOf } from './hosts.js';
import { PAGE_HEADERS, readPageFiles } from './page-files.js';
import type { Probe } from './probes.js';

export interface HttpHandlers {
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
  readonly live: () => Probe;
  readonly ready: () => Probe;
  readonly status: () => unknown;
  readonly events: Watch;
  readonly api: ApiHandlers;
}

export interface HttpAdapter {
  /** `http://host:port`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * An address that another program has, perhaps an instance that still drains, or that the machine gets only later; a name
 * server that does not answer yet, as while a machine starts; and what a machine lacks for a while.
 */
const PASSING = ['EADDRINUSE', 'EADDRNOTAVAIL', 'EAI_AGAIN', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'];

export function mayPass(code: string | undefined): boolean {
  return PASSING.includes(code ?? '');
}

const TRY_AGAIN_MS = 500;
const TRIES = 30;

/** A connection on which nothing moves for so long is closed. */
const IDLE_MS = 30_000;
/**
 * What one connection and all of them may ask for; docs/security.md has these bounds in a table. Of connections, more than the
 * system accepts in one go (Node asks for 511): so one that has its request with it is read before it has to give way.
 */
const MAX_CONNECTIONS = 1_024;
const MAX_REQUESTS_EACH = 100;
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
/** How often Node looks for connections that are too slow. */
const CHECK_MS = 1_000;
/** What Prometheus and orchestrators ask for, under whatever name they know. */
const FOR_ALL: ReadonlySet<string> = new Set(['/metrics', '/livez', '/readyz']);
/** Of `/api/v1` what is only to be read, and has a form of its own. */
const READ_ONLY: ReadonlySet<string> = new Set(['/api/v1/status', '/api/v1/events']);
/** Who scrapes more often gets the same text again. */
const METRICS_MS = 1_000;

export interface HttpOptions {
  readonly host: string;
  readonly port: number;
  /** Names beside its addresses and localhost under which it may be asked for its status and for changes. */
  readonly names: readonly string[];
  /** Called once when the address is not to be had yet. */
  readonly onWaiting: (reason: string) => void;
  /** Gives up waiting for the address. */
  readonly signal: AbortSignal;
}

/**
 * @throws AtdError ATD_HTTP_LISTEN when the address can never be taken, ATD_HTTP_BUSY when it could not be taken for 15 s or
 * until the signal
 */
export async function startHttp(options: HttpOptions, handlers: HttpHandlers): Promise<HttpAdapter> {
  const limits = { requestTimeout: REQUEST_MS, headersTimeout: HEADERS_MS, connectionsCheckingInterval: CHECK_MS };
  const parts: Parts = {
    metrics: shared(async () => toBytes(await handlers.metrics()), METRICS_MS),
    streams: new EventStreams(handlers.events),
    page: readPageFiles(),
  };
  const server = createServer(limits, (request, response) => {
    // Of requests that were sent in one go the client may be gone before their turn.
    if (request.socket.destroyed) return;
    const [path = '/', ...query] = (request.url ?? '/').split('?');
    const refusal = FOR_ALL.has(path) ? null : refusalOf(request.headers, options.names);
    if (refusal !== null) return answer(response, refusal.status, 'text/plain', `${refusal.reason}\n`);
    if (path.startsWith('/api/v1/') && !READ_ONLY.has(path)) {
      answerCall(request, { path, query: query.join('?') }, response, handlers.api).catch((error: unknown) => {
        answerJson(response, 500, { error: (error as Error).message });
      });
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return answer(response, 405, 'text/plain', 'only GET and HEAD\n');
    }
    route(path, request, response, handlers, parts).catch((error: unknown) => {
      answer(response, 500, 'text/plain', `${(error as Error).message}\n`);
    });
  });
  // A slow or dead scraper must not hold memory or a stop.
  keepFew(server, MAX_CONNECTIONS);
  server.maxRequestsPerSocket = MAX_REQUESTS_EACH;
  server.setTimeout(IDLE_MS);
  await listen(server, options);
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The same bytes for all, however many of them do not read. */
function toBytes({ contentType, body }: { readonly contentType: string; readonly body: string }) {
  return { contentType, body: Buffer.from(body) };
}

/** What is made once, for all who ask. */
interface Parts {
  readonly metrics: () => Promise<ReturnType<typeof toBytes>>;
  readonly streams: EventStreams;
  readonly page: ReturnType<typeof readPageFiles>;
}

async function route(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  handlers: HttpHandlers,
  { metrics, streams, page }: Parts,
): Promise<void> {
  switch (path) {
    case '/metrics': {
      const { contentType, body } = await metrics();
      return answer(response, 200, contentType, body);
    }
    case '/livez':
      return answerProbe(response, handlers.live());
    case '/readyz':
      return answerProbe(response, handlers.ready());
    case '/api/status':
    case '/api/v1/status':
      return answerJson(response, 200, handlers.status());
    case '/api/v1/events':
      return streams.serve(request, response);
    default: {
      const file = page.get(path);
      if (file === undefined) {
        return answer(
          response,
          404,
          'text/plain',
          'not here; try /metrics, /livez, /readyz, /api/v1/status or the page at /\n',
        );
      }
      for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
      return answer(response, 200, file.contentType, file.body);
    }
  }
}

/** What somebody wants to be changed is short. */
const MAX_BODY_BYTES = 4_096;

async function answerCall(
  request: IncomingMessage,
  target: { readonly path: string; readonly query: string },
  response: ServerResponse,
  handlers: ApiHandlers,
) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) {
      response.setHeader('Connection', 'close');
      return answerJson(response, 413, { error: `the body may have ${MAX_BODY_BYTES} bytes` });
    }
    chunks.push(chunk);
  }
  const { method = 'GET', headers } = request;
  const call = { method, ...target, headers, body: Buffer.concat(chunks).toString('utf8') };
  const { status, body, headers: more = {} } = await answerApi(call, handlers);
  for (const [name, value] of Object.entries(more)) response.setHeader(name, value);
  answerJson(response, status, body);
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  answer(response, status, 'application/json', `${JSON.stringify(body, null, 2)}\n`);
}

function answerProbe(response: ServerResponse, { ok, reasons }: Probe): void {
  answer(response, ok ? 200 : 503, 'text/plain', ok ? 'ok\n' : reasons.map((reason) => `${reason}\n`).join(''));
}

function answer(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'Content-Type': contentType, 'Cache-Control': 'no-store' });
  response.end(body);
}

async function listen(server: Server, { host, port, onWaiting, signal }: HttpOptions): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const cause = await tryToListen(server, host, port);
    if (cause === null) return;
    const why = cause.code === 'EADDRINUSE' ? 'another program listens there' : cause.message;
    const what = `cannot listen on ${host}:${port} (http.host, http.port): ${why}`;
    if (!mayPass(cause.code)) {
      const remedy = 'set http.host to an address of this machine, and http.port to a port that this user may take';
      throw new AtdError('ATD_HTTP_LISTEN', `${what}; ${remedy}`, { cause });
    }
    if (attempt === 1) onWaiting(what);
    if (attempt === TRIES || signal.aborted) {
      throw new AtdError('ATD_HTTP_BUSY', `${what}; free it or set another http.port`, { cause });
    }
    await delay(TRY_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

function tryToListen(server: Server, host: string, port: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const onError = (cause: NodeJS.ErrnoException): void => resolve(cause);
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve(null);
    });
  });
}
