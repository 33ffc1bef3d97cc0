/** ClickHouse's HTTP interface, as far as the loader uses it. */
import type { Connection } from './arguments.js';
import { HttpConnection } from './http-connection.js';
import type { Column, TableColumn } from './schema.js';
import type { Settings } from './sql.js';

/** Statements about columns answer at once; a server that takes longer is as good as unavailable. */
const ANSWER_MS = 30_000;
/** Silence during an insert. The server parses without a word, and a supervisor has its own deadline. */
const INSERT_SILENCE_MS = 600_000;
const CONNECT_MS = 10_000;
/** An insert answers nothing; what it does answer is an error that came after the status. */
const ERROR_BYTES = 16 * 1024;
/** The columns of the widest table are some megabytes. */
const ANSWER_BYTES = 64 * 1024 * 1024;

export interface InsertOptions {
  /** How `body` is compressed, or null; ClickHouse unpacks it. */
  readonly encoding?: 'gzip' | 'zstd' | null;
}

export interface ClickHouse {
  /** The columns that a DESCRIBE statement, or a SELECT of name and type, lists. */
  columns(statement: string, settings: Settings): Promise<readonly TableColumn[]>;
  /** The answer to a statement as it is. */
  text(statement: string): Promise<string>;
  execute(statement: string): Promise<void>;
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

  constructor(status: number, code: string | undefined, text: string) {
    super(code === undefined ? `HTTP status ${status}: ${text}` : exceptionText(text));
    this.name = 'ClickHouseError';
    this.code = code;
  }
}

/** `Code: 60. DB::Exception: Table default.t does not exist. (UNKNOWN_TABLE) (version 26.7.1.1)` -> the sentence in it. */
function exceptionText(text: string): string {
  const sentence = text.trim().replace(/^(?:Code: \d+\. )?(?:[\w:]+::)?Exception: /, '');
  return sentence.replace(/ \(version [^()]*(?:\([^()]*\))?\)$/, '').replace(/ ?\([A-Z0-9_]+\)$/, '');
}

/** The first connection is made by the first statement. */
export function connect({ host, port, secure, database, user, password }: Connection): ClickHouse {
  const http = new HttpConnection({ host, port, tls: secure ? {} : null, connectMs: CONNECT_MS });
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
      silenceMs: ANSWER_MS,
      onBody: (bytes) => answer.add(bytes),
    });
    const failed = failureOf(status, answered, answer.toString());
    if (failed !== null) throw failed;
    return answer.toString();
  }

  return {
    async columns(statement, settings) {
      const lines = (await ask(statement, { ...settings, default_format: 'JSONEachRow' })).split('\n');
      return lines
        .filter((line) => line !== '')
        .map((line) => {
          const { name, type, default_type } = JSON.parse(line) as Column & { default_type?: TableColumn['kind'] };
          return { name, type, kind: default_type ?? '' };
        });
    },
    text: (statement) => ask(statement, { default_format: 'TabSeparatedRaw' }),
    async execute(statement) {
      await ask(statement, {});
    },
    async insert(statement, body, settings, { encoding = null } = {}) {
      const answer = new Text(ERROR_BYTES);
      const { status, headers: answered } = await http.request({
        path: path({ database, query: statement, ...settings }),
        headers: encoding === null ? headers : { ...headers, 'Content-Encoding': encoding },
        body,
        silenceMs: INSERT_SILENCE_MS,
        onBody: (bytes) => answer.add(bytes),
      });
      const failed = failureOf(status, answered, answer.toString(), true);
      if (failed !== null) throw failed;
      return writtenRows(answered.get('x-clickhouse-summary'));
    },
    async close() {
      http.close();
    },
  };
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
  return failed ? new ClickHouseError(status, code, text) : null;
}

function writtenRows(summary: string | undefined): number {
  const { written_rows } = JSON.parse(summary ?? '{}') as { written_rows?: string };
  return Number(written_rows ?? 0);
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
