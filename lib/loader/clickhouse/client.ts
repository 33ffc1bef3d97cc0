/** ClickHouse's HTTP interface, as far as the loader uses it. */

import { compressedText } from '../file/compressed.js';
import type { Compression } from '../file/formats.js';
import type { Connection } from '../options/connection-options.js';
import type { Column, TableColumn } from './columns.js';
import { HttpConnection } from './http-connection.js';
import type { Settings } from './sql.js';

/**
 * Statements about columns answer at once; a server that takes longer is as good as unavailable. Those about some ten
 * thousand columns are a MiB, and take seconds.
 */
const ANSWER_MS = 30_000;
const ANSWER_MS_PER_BYTE = 0.1;
/** An insert answers nothing but an error, which may quote a whole buffer of the data before it says where it stopped. */
const ERROR_BYTES = 4 * 1024 * 1024;
/** The columns of the widest table are some megabytes. */
const ANSWER_BYTES = 64 * 1024 * 1024;

/**
 * Header lines while an insert goes on: a balancer ends a connection on which nothing comes for a minute, and Parquet is parsed
 * only when all of it was sent. Few of them where nobody looks, as proxies take some kilobytes of headers only. The status is then
 * sent before it is known, and a failure comes in a later header line or in the body.
 */
function progressHeaders(intervalMs: number): Settings {
  return { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: intervalMs };
}

const WATCHED_MS = 200;
const UNWATCHED_MS = 20_000;

export interface InsertOptions {
  /** How `body` is compressed, or null; ClickHouse unpacks it. */
  readonly encoding?: Compression | null;
  /** Called as the insert goes on; what ClickHouse itself counts comes only to who asks. */
  readonly onProgress?: ((progress: Progress) => void) | null;
  /** Called with ClickHouse's name of the query, under which its query log has it; also of one that fails. */
  readonly onQueryId?: ((id: string) => void) | null;
}

export interface Progress {
  /** Bytes of the body that are on their way. */
  readonly bytes?: number;
  /** Rows that ClickHouse has read. */
  readonly rows?: number;
}

export interface ClickHouse {
  /** The columns that a DESCRIBE statement lists. */
  columns(statement: string, settings: Settings): Promise<readonly TableColumn[]>;
  /** The columns of data that is in the statement itself: one of DESCRIBE, or a SELECT of name and type. */
  inspect(statement: string, settings: Settings): Promise<readonly Column[]>;
  /** The rows of a SELECT without FORMAT; 64-bit numbers lose what is beyond 2^53. */
  rows(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The same of what seldom changes: the server, and how its tables are made. */
  facts(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The answer to a statement as it is. */
  text(statement: string, settings: Settings): Promise<string>;
  execute(statement: string, settings?: Settings): Promise<void>;
  /** Streams `body`; resolves with the number of rows that ClickHouse wrote. */
  insert(
    statement: string,
    body: AsyncIterable<Uint8Array>,
    settings: Settings,
    options?: InsertOptions,
  ): Promise<number>;
  close(): Promise<void>;
}

/** Makes the connection to ClickHouse that a run uses, and closes at its end. */
export type Connect = (connection: Connection) => ClickHouse;

/** An exception of ClickHouse, or the answer of something else that stands where it should be. */
export class ClickHouseError extends Error {
  /** ClickHouse's number of the exception; undefined for an answer that carries none. */
  readonly code: string | undefined;
  /** Of HTTP. */
  readonly status: number;

  constructor(status: number, code: string | undefined, text: string) {
    super(code === undefined ? `HTTP status ${status}: ${text}` : exceptionText(text));
    this.name = 'ClickHouseError';
    this.code = code;
    this.status = status;
  }
}

/** `Code: 60. DB::Exception: Table default.t does not exist. (UNKNOWN_TABLE) (version 26.7.1.1)` -> the sentence in it. */
function exceptionText(text: string): string {
  const sentence = text.trim().replace(/^(?:Code: \d+\. )?(?:[\w:]+::)?Exception: /, '');
  return sentence.replace(/ \(version [^()]*(?:\([^()]*\))?\)$/, '').replace(/ ?\([A-Z0-9_]+\)$/, '');
}

/** The first connection is made by the first statement. */
export function connect(connection: Connection): ClickHouse {
  const { host, port, secure, ca, database, user, password, connectMs, silenceMs } = connection;
  const http = new HttpConnection({ host, port, tls: secure ? { ca } : null, connectMs });
  const headers = {
    Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    'User-Agent': 'as-cli',
  };

  /** The statement goes as the body, and its answer comes when it is complete, so that the status can be believed. */
  async function ask(statement: string, settings: Settings): Promise<string> {
    const answer = new Text(ANSWER_BYTES);
    const { status, headers: answered } = await http.request({
      path: path({ database, wait_end_of_query: 1, ...settings }),
      headers,
      body: statement,
      silenceMs: Math.min(ANSWER_MS + statement.length * ANSWER_MS_PER_BYTE, silenceMs),
      onBody: (bytes) => answer.add(bytes),
    });
    const failed = failureOf(status, answered, answer.toString());
    if (failed !== null) throw failed;
    return answer.toString();
  }

  async function rows<Row>(statement: string, settings: Settings): Promise<Row[]> {
    const format = { default_format: 'JSONEachRow', output_format_json_quote_64bit_integers: 0 };
    const lines = (await ask(statement, { ...settings, ...format })).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
  }

  async function columns(statement: string, settings: Settings): Promise<readonly TableColumn[]> {
    type Described = Column & { default_type?: TableColumn['kind'] };
    const described = await rows<Described>(statement, settings);
    return described.map(({ name, type, default_type }) => ({ name, type, kind: default_type ?? '' }));
  }

  return {
    columns,
    inspect: columns,
    facts: (statement) => rows(statement, {}),
    rows: (statement) => rows(statement, {}),
    text: ask,
    async execute(statement, settings = {}) {
      await ask(statement, settings);
    },
    async insert(statement, body, settings, { encoding = null, onProgress = null, onQueryId = null } = {}) {
      const answer = new Text(ERROR_BYTES);
      const progress = progressHeaders(onProgress === null ? UNWATCHED_MS : WATCHED_MS);
      const answered = new Map<string, string>();
      let sent: number | null = null;
      const { status } = await http
        .request({
          path: path({ database, ...settings, ...progress }),
          headers: encoding === null ? headers : { ...headers, 'Content-Encoding': encoding },
          body: headed(compressedText(`${statement}\n`, encoding), body),
          silenceMs,
          onBody: (bytes) => answer.add(bytes),
          onSent: (bytes) => {
            // The first piece is the statement.
            if (sent !== null) onProgress?.({ bytes: sent + bytes });
            sent = sent === null ? 0 : sent + bytes;
          },
          onHeader: (name, value) => {
            answered.set(name, value);
            if (name === 'x-clickhouse-query-id') onQueryId?.(value);
            if (name === 'x-clickhouse-progress') onProgress?.({ rows: counter(value, 'read_rows') });
          },
        })
        .catch((lost: unknown) => {
          throw lateException(answered, answer.toString()) ?? lost;
        });
      const failed = failureOf(status, answered, answer.toString(), true);
      if (failed !== null) throw failed;
      return counter(answered.get('x-clickhouse-summary'), 'written_rows');
    },
    async close() {
      http.close();
    },
  };
}

/**
 * The statement goes before the data, as there is room for some kilobytes in an address: nginx takes 8, a load balancer 16.
 * Each member of gzip data and each frame of zstd data stands for itself, so that the statement is one of its own.
 */
async function* headed(statement: Promise<Uint8Array>, data: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield await statement;
  yield* data;
}

function path(parameters: Settings): string {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `/?${pairs.join('&')}`;
}

/**
 * ClickHouse names itself in its headers; what answers without them is something else.
 * `silent` says that the statement has no result: whatever is answered then is an error that came after the status.
 */
function failureOf(
  status: number,
  headers: ReadonlyMap<string, string>,
  text: string,
  silent = false,
): ClickHouseError | null {
  const code = headers.get('x-clickhouse-exception-code') ?? /\bCode: (\d+)\. DB::/.exec(text)?.[1];
  const clickHouse = [...headers.keys()].some((name) => name.startsWith('x-clickhouse-'));
  const failed =
    status !== 200 || !clickHouse || headers.has('x-clickhouse-exception-code') || (silent && text.trim() !== '');
  if (!failed) return null;
  return new ClickHouseError(status, code, withoutFrame(text, headers.get('x-clickhouse-exception-tag')));
}

const FRAME = '__exception__';

/** A connection that broke after the failure was told: the failure is what counts. Null where none was. */
function lateException(headers: ReadonlyMap<string, string>, text: string): ClickHouseError | null {
  const told = headers.has('x-clickhouse-exception-code') || text.includes(FRAME);
  return told ? failureOf(200, headers, text, true) : null;
}

/**
 * A failure that comes after the status has a frame around its text: 25.11 and newer say in a header which tag it bears, and the
 * length of the text before its end.
 */
function withoutFrame(text: string, tag: string | undefined): string {
  const start = text.indexOf(FRAME);
  if (start < 0) return text;
  const framed = text.slice(start + FRAME.length).replace(/^[\r\n]+/, '');
  if (tag === undefined) return framed;
  const inner = framed.startsWith(tag) ? framed.slice(tag.length).replace(/^[\r\n]+/, '') : framed;
  const end = new RegExp(`[\\r\\n]*\\d+ ${tag}[\\r\\n]*(?:${FRAME})?[\\r\\n]*$`);
  return inner.replace(end, '');
}

/** A number of the summary or of the progress, which ClickHouse writes as a string. */
function counter(json: string | undefined, name: string): number {
  const counters = JSON.parse(json ?? '{}') as Readonly<Record<string, string>>;
  return Number(counters[name] ?? 0);
}

/** What is answered, up to a limit: the rest is not worth the memory. */
class Text {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, this.#limit - this.#length);
    if (kept.length === 0) return;
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  toString(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
