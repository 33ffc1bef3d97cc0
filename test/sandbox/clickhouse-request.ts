/**
 * Reads a request to ClickHouse's HTTP interface: who asks, what is to be run, under which settings. What the front
 * cannot do is refused with a ClickHouse error, never ignored.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ClickHouseError } from './clickhouse-errors.js';
import type { SessionRequest } from './clickhouse-sessions.js';
import type { Compression } from './clickhouse-statement.js';

export interface QueryRequest {
  /** The statement, or its beginning, from the URL; the body follows it. */
  readonly query: string;
  readonly database: string | null;
  readonly defaultFormat: string;
  readonly queryId: string | null;
  /** Every other URL parameter is a setting of this query. */
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}` placeholders, in the escaped form of ClickHouse's TabSeparated format. */
  readonly params: ReadonlyMap<string, string>;
  readonly bodyCompression: Compression;
  /** Whether the body comes in the blocks of ClickHouse's own protocols. */
  readonly bodyInBlocks: boolean;
  /** Codings of an answer that the client takes; empty where it does not ask for any. */
  readonly acceptedCodings: string;
  readonly session: SessionRequest | null;
  readonly roles: readonly string[];
  /** Whether the status is sent before the statement is over. */
  readonly statusFirst: boolean;
  /** A GET may not change anything, as in the server. */
  readonly readOnly: boolean;
}

/** Parameters of the interface itself that need no action here. */
const IGNORED = new Set(['user', 'password', 'quota_key', 'wait_end_of_query', 'buffer_size', 'stacktrace']);
const OWN = new Set([
  ...['query', 'database', 'default_format', 'query_id', 'role'],
  ...['session_id', 'session_timeout', 'session_check'],
]);
const UNSUPPORTED = new Set(['close_session']);
/** The native block compression; `Content-Encoding` is another matter and is supported. */
const BLOCK_COMPRESSION = new Set(['compress', 'decompress']);

const COMPRESSION_OF_ENCODING: Readonly<Record<string, Compression>> = {
  identity: 'none',
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
  xz: 'xz',
  lz4: 'lz4',
  bz2: 'bz2',
  snappy: 'snappy',
};

function unsupported(what: string): ClickHouseError {
  return new ClickHouseError(48, 'NOT_IMPLEMENTED', `${what} is not supported by this test front`);
}

function header(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

function bodyCompression(headers: IncomingHttpHeaders): Compression {
  const encoding = header(headers, 'content-encoding')?.toLowerCase() ?? 'identity';
  const compression = COMPRESSION_OF_ENCODING[encoding];
  if (compression === undefined)
    throw new ClickHouseError(89, 'UNKNOWN_COMPRESSION_METHOD', `Unknown compression method: ${encoding}`);
  return compression;
}

/** Whether the request carries the front's user and password: basic auth, ClickHouse's own headers, or the URL. */
export function authenticate(
  url: URL,
  headers: IncomingHttpHeaders,
  account: { readonly user: string; readonly password: string },
): void {
  const authorization = header(headers, 'authorization') ?? '';
  let user = header(headers, 'x-clickhouse-user') ?? url.searchParams.get('user');
  let password = header(headers, 'x-clickhouse-key') ?? url.searchParams.get('password');
  if (/^basic /i.test(authorization)) {
    const text = Buffer.from(authorization.slice(6), 'base64').toString('utf8');
    const colon = text.indexOf(':');
    user = colon < 0 ? text : text.slice(0, colon);
    password = colon < 0 ? '' : text.slice(colon + 1);
  }
  if ((user ?? 'default') === account.user && (password ?? '') === account.password) return;
  const text = `${user ?? 'default'}: Authentication failed: password is incorrect, or there is no user with such name`;
  throw new ClickHouseError(516, 'AUTHENTICATION_FAILED', text);
}

/** @throws ClickHouseError for what the front cannot do. */
export function readRequest(method: string, url: URL, headers: IncomingHttpHeaders): QueryRequest {
  const settings = new Map<string, string>();
  const params = new Map<string, string>();
  for (const [key, value] of url.searchParams) {
    if (key === 'compress' && value !== '0') throw unsupported(`an answer in native blocks (${key}=${value})`);
    if (UNSUPPORTED.has(key)) throw unsupported(`the parameter ${key}`);
    if (key.startsWith('param_')) params.set(key.slice('param_'.length), value);
    else if (!OWN.has(key) && !IGNORED.has(key) && !BLOCK_COMPRESSION.has(key)) settings.set(key, value);
  }
  if (header(headers, 'content-type')?.startsWith('multipart/form-data')) throw unsupported('a multipart body');
  return {
    query: url.searchParams.get('query') ?? '',
    database: url.searchParams.get('database') ?? header(headers, 'x-clickhouse-database'),
    defaultFormat: url.searchParams.get('default_format') ?? header(headers, 'x-clickhouse-format') ?? 'TabSeparated',
    queryId: url.searchParams.get('query_id'),
    settings,
    params,
    bodyCompression: bodyCompression(headers),
    bodyInBlocks: (url.searchParams.get('decompress') ?? '0') !== '0',
    acceptedCodings:
      url.searchParams.get('enable_http_compression') === '1' ? (header(headers, 'accept-encoding') ?? '') : '',
    session: sessionOf(url),
    roles: url.searchParams.getAll('role'),
    statusFirst:
      url.searchParams.get('send_progress_in_http_headers') === '1' &&
      url.searchParams.get('http_headers_progress_interval_ms') === '0',
    readOnly: method === 'GET',
  };
}

const SESSION_SECONDS = 60;

function sessionOf(url: URL): SessionRequest | null {
  const id = url.searchParams.get('session_id');
  if (id === null || id === '') return null;
  return {
    id,
    timeoutSeconds: Number(url.searchParams.get('session_timeout') ?? SESSION_SECONDS),
    check: url.searchParams.get('session_check') === '1',
  };
}

/** The server's default of `max_insert_block_size`. */
const MAX_INSERT_BLOCK_SIZE = '1048449';

/**
 * Settings for an INSERT that reads its data from a file instead of the body. A server cuts a body into blocks of
 * `max_insert_block_size` rows and chDB a file into blocks of `max_block_size`; blocks are what is recognised when an
 * insert is repeated, so they must be the same. A SETTINGS clause of the statement is not seen here.
 */
export function fileInsertSettings(settings: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const size = settings.get('max_insert_block_size') ?? MAX_INSERT_BLOCK_SIZE;
  return new Map([...settings, ['max_block_size', size]]);
}
