/**
 * The part of the HTTP side that people and programs ask and have change something, `/api/v1`: what a request asks for, and
 * whether it may. Decides only; the handlers do it. Nothing is changed without the token, nor for a page of another site, nor by
 * GET.
 */
import { timingSafeEqual } from 'node:crypto';

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

/** Who wants it, and why; for how long, in milliseconds, or null for until it is ended. */
export interface PauseWish {
  readonly by: string;
  readonly reason: string;
  readonly forMs: number | null;
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
  reload(): Promise<ApiAnswer>;
}

const TENANT_PATH = /^\/api\/v1\/tenants\/([^/]+)\/(pause|resume)$/;
const LOAD_PATH = /^\/api\/v1\/loads\/([^/]+)$/;
const TENANT = /^[a-z0-9][a-z0-9_]{0,62}$/;
/** In a path, the messages without a tenant. */
const NONE = '-';
const MAX_SECONDS = 366 * 86_400;
const MAX_TEXT = 200;

export async function answerApi(request: ApiRequest, handlers: ApiHandlers): Promise<ApiAnswer> {
  const { method, path } = request;
  const shown = look(request, handlers);
  if (shown !== null) {
    if (method === 'GET' || method === 'HEAD') return shown();
    return { ...failure(405, 'only GET and HEAD'), headers: { Allow: 'GET, HEAD' } };
  }
  if (path === '/api/v1/reload') {
    if (method !== 'POST') return { ...failure(405, 'only POST'), headers: { Allow: 'POST' } };
    return (await refuse(request, handlers)) ?? handlers.reload();
  }
  const [, name = '', act] = TENANT_PATH.exec(path) ?? [];
  if (act === undefined)
    return failure(404, 'not here; docs/openapi.yaml lists what is: /api/v1/status, /api/v1/events, /api/v1/tenants …');
  if (method !== 'POST') return { ...failure(405, 'only POST'), headers: { Allow: 'POST' } };
  const refusal = await refuse(request, handlers);
  if (refusal !== null) return refusal;
  const tenant = name === NONE ? null : name.toLowerCase();
  if (tenant !== null && !TENANT.test(tenant)) {
    return failure(400, `${JSON.stringify(name)} is no tenant; ${NONE} means the messages without one`);
  }
  const wish = readWish(request.body);
  if ('problem' in wish) return failure(400, wish.problem);
  try {
    const body = await (act === 'pause' ? handlers.pause(tenant, wish) : handlers.resume(tenant, wish));
    return { status: 200, body };
  } catch (error) {
    return failure(503, (error as Error).message);
  }
}

/** What there is to see there; null where there is nothing. */
function look({ path, query = '' }: ApiRequest, handlers: ApiHandlers): (() => ApiAnswer | Promise<ApiAnswer>) | null {
  if (path === '/api/v1/tenants') return () => ({ status: 200, body: handlers.tenants() });
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

function readWish(text: string): PauseWish | { readonly problem: string } {
  let body: unknown;
  try {
    body = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    return { problem: `the body is no JSON: ${(error as Error).message}` };
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { problem: 'the body is no JSON object' };
  const { by = '', reason = '', seconds = null, ...rest } = body as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined)
    return { problem: `${JSON.stringify(unknown)} is not known; known are by, reason and seconds` };
  for (const [name, value] of Object.entries({ by, reason })) {
    if (typeof value !== 'string' || value.length > MAX_TEXT) {
      return { problem: `${name} must be a text of at most ${MAX_TEXT} characters` };
    }
  }
  const isTime = typeof seconds === 'number' && seconds > 0 && seconds <= MAX_SECONDS;
  if (seconds !== null && !isTime) return { problem: `seconds must be a number from 0 to ${MAX_SECONDS}` };
  return { by: by as string, reason: reason as string, forMs: isTime ? Math.round(seconds * 1000) : null };
}
