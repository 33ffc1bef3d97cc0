/**
 * The part of the HTTP side that people and programs ask and have change something, `/api/v1`: what a request asks for, and
 * whether it may. Decides only; the handlers do it. Nothing is changed without the token, nor for a page of another site, nor by
 * GET.
 */
import { timingSafeEqual } from 'node:crypto';
import { type LettersWish, readLettersWish } from './letter-wishes.js';
import {
  type PauseWish,
  type Problem,
  readPauseWish,
  readScaleWish,
  readWish,
  type ScaleWish,
  type Wish,
} from './wishes.js';

export interface ApiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** What follows the question mark; left out for nothing. */
  readonly query?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiHandlers {
  /** The token that permits changes; null where changes are off. Rejects where its file cannot be read. */
  token(): string | null | Promise<string | null>;
  tenants(): object;
  /** What holds, and where it came from; no secret. */
  settings(): object;
  /** The last loads, those that the query asks for. */
  loads(query: string): ApiAnswer | Promise<ApiAnswer>;
  /** All that is known of one. */
  load(id: string): ApiAnswer | Promise<ApiAnswer>;
  /** @throws AtdError when the brokers did not take it */
  pause(tenant: string | null, wish: PauseWish): Promise<object>;
  /** @throws AtdError when the brokers did not take it */
  resume(tenant: string | null, wish: PauseWish): Promise<object>;
  /** Has the settings read anew, and says what became of that. */
  reload(wish: Wish): Promise<ApiAnswer>;
  /** Has so many loads run at the same time. */
  scale(wish: ScaleWish): Promise<ApiAnswer>;
  /** The dead letters that the query asks for. */
  letters(query: string): ApiAnswer | Promise<ApiAnswer>;
  /** Announces the files of dead letters again. */
  replay(wish: LettersWish): Promise<ApiAnswer>;
  /** Gives them up for good. */
  discard(wish: LettersWish): Promise<ApiAnswer>;
  /** Has this instance finish what runs, leave the group, and stay up. */
  drain(wish: Wish): ApiAnswer;
  /** Has it join the group again. */
  join(wish: Wish): ApiAnswer;
}

type Change = (body: string, handlers: ApiHandlers) => Promise<ApiAnswer> | ApiAnswer;

/** What changes this instance. */
const CHANGES: ReadonlyMap<string, Change> = new Map<string, Change>([
  ['/api/v1/reload', (body, handlers) => asWished(readWish(body), (wish) => handlers.reload(wish))],
  ['/api/v1/scale', (body, handlers) => asWished(readScaleWish(body), (wish) => handlers.scale(wish))],
  ['/api/v1/dead-letters/replay', (body, handlers) => asWished(readLettersWish(body), (wish) => handlers.replay(wish))],
  [
    '/api/v1/dead-letters/discard',
    (body, handlers) => asWished(readLettersWish(body), (wish) => handlers.discard(wish)),
  ],
  ['/api/v1/drain', (body, handlers) => asWished(readWish(body), (wish) => handlers.drain(wish))],
  ['/api/v1/resume', (body, handlers) => asWished(readWish(body), (wish) => handlers.join(wish))],
]);

const TENANT_PATH = /^\/api\/v1\/tenants\/([^/]+)\/(pause|resume)$/;
const LOAD_PATH = /^\/api\/v1\/loads\/([^/]+)$/;
const TENANT = /^[a-z0-9][a-z0-9_]{0,62}$/;
/** In a path, the messages without a tenant. */
const NONE = '-';

export async function answerApi(request: ApiRequest, handlers: ApiHandlers): Promise<ApiAnswer> {
  const { method, path } = request;
  const shown = look(request, handlers);
  if (shown !== null) {
    if (method === 'GET' || method === 'HEAD') return shown();
    return { ...failure(405, 'only GET and HEAD'), headers: { Allow: 'GET, HEAD' } };
  }
  const change = CHANGES.get(path) ?? changeOfTenant(path);
  if (change === null)
    return failure(404, 'not here; docs/openapi.yaml lists what is: /api/v1/status, /api/v1/events, /api/v1/tenants …');
  if (method !== 'POST') return { ...failure(405, 'only POST'), headers: { Allow: 'POST' } };
  return (await refuse(request, handlers)) ?? change(request.body, handlers);
}

function asWished<W extends Wish>(
  wish: W | Problem,
  change: (wish: W) => Promise<ApiAnswer> | ApiAnswer,
): Promise<ApiAnswer> | ApiAnswer {
  return 'problem' in wish ? failure(400, wish.problem) : change(wish);
}

function changeOfTenant(path: string): Change | null {
  const [, name = '', act] = TENANT_PATH.exec(path) ?? [];
  if (act === undefined) return null;
  const tenant = name === NONE ? null : name.toLowerCase();
  if (tenant !== null && !TENANT.test(tenant)) {
    return () => failure(400, `${JSON.stringify(name)} is no tenant; ${NONE} means the messages without one`);
  }
  return (text, handlers) =>
    asWished(readPauseWish(text), async (wish) => {
      try {
        const body = await (act === 'pause' ? handlers.pause(tenant, wish) : handlers.resume(tenant, wish));
        return { status: 200, body };
      } catch (error) {
        return failure(503, (error as Error).message);
      }
    });
}

/** What there is to see there; null where there is nothing. */
function look({ path, query = '' }: ApiRequest, handlers: ApiHandlers): (() => ApiAnswer | Promise<ApiAnswer>) | null {
  if (path === '/api/v1/tenants') return () => ({ status: 200, body: handlers.tenants() });
  if (path === '/api/v1/dead-letters') return () => handlers.letters(query);
  if (path === '/api/v1/settings') return () => ({ status: 200, body: handlers.settings() });
  if (path === '/api/v1/loads') return () => handlers.loads(query);
  const [, id] = LOAD_PATH.exec(path) ?? [];
  return id === undefined ? null : () => handlers.load(id.toLowerCase());
}

function failure(status: number, error: string): ApiAnswer {
  return { status, body: { error } };
}

/** Why the request may change nothing, or null. */
async function refuse({ headers }: ApiRequest, handlers: ApiHandlers): Promise<ApiAnswer | null> {
  const { authorization } = headers;
  let token: string | null;
  try {
    token = await handlers.token();
  } catch (error) {
    return failure(500, `the token cannot be read: ${(error as Error).message}`);
  }
  if (token === null) return failure(403, 'nothing can be changed here: http.token_file is not set');
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(String(authorization ?? '')) ?? [];
  if (isSame(given, token)) return null;
  const why = given === '' ? 'the token is missing (Authorization: Bearer …)' : 'the token is wrong';
  return { ...failure(401, why), headers: { 'WWW-Authenticate': 'Bearer' } };
}

/** Takes as long for each wrong token of the same length. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && a.length > 0 && timingSafeEqual(a, b);
}
