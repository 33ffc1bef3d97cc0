/**
 * ClickHouse's HTTP interface through its client. The package is imported when the first connection is made, since it
 * takes longer to load than the rest of the program and a usage error or a missing file needs none of it.
 */
import type { Readable } from 'node:stream';
import type { Connection } from './arguments.js';
import type { Compression } from './formats.js';
import type { Column, TableColumn } from './schema.js';
import type { Settings } from './sql.js';

/** Statements about columns answer at once; a server that takes longer is as good as unavailable. */
const ANSWER_MS = 30_000;
/** Silence during an insert. The server parses without a word, and a supervisor has its own deadline. */
const INSERT_SILENCE_MS = 600_000;
/** An insert answers nothing; what it does answer is an error that came after the status. */
const ANSWER_CHARACTERS = 4_096;

export interface InsertOptions {
  /** How `body` is compressed, or null; ClickHouse unpacks it. */
  readonly encoding?: Compression | null;
}

export interface ClickHouse {
  /** The columns that a DESCRIBE statement, or a SELECT of name and type, lists. */
  columns(statement: string, settings: Settings): Promise<readonly TableColumn[]>;
  /** The answer to a statement as it is. */
  text(statement: string): Promise<string>;
  execute(statement: string): Promise<void>;
  /** Streams `body`; resolves with the number of rows that ClickHouse wrote. */
  insert(statement: string, body: Readable, settings: Settings, options?: InsertOptions): Promise<number>;
  close(): Promise<void>;
}

export async function connect({ host, port, secure, database, user, password }: Connection): Promise<ClickHouse> {
  const { ClickHouseLogLevel, createClient, parseError } = await import('@clickhouse/client');
  const client = createClient({
    url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    database,
    username: user,
    password,
    application: 'as-cli',
    request_timeout: INSERT_SILENCE_MS,
    // The client would print failed requests to stderr beside our one line.
    log: { level: ClickHouseLogLevel.OFF },
  });
  return {
    async columns(statement, settings) {
      const result = await client.query({
        query: statement,
        format: 'JSONEachRow',
        clickhouse_settings: settings,
        abort_signal: AbortSignal.timeout(ANSWER_MS),
      });
      const rows = await result.json<Column & { default_type?: TableColumn['kind'] }>();
      return rows.map(({ name, type, default_type }) => ({ name, type, kind: default_type ?? '' }));
    },
    async text(statement) {
      const result = await client.query({
        query: statement,
        format: 'TabSeparatedRaw',
        abort_signal: AbortSignal.timeout(ANSWER_MS),
      });
      return await result.text();
    },
    async execute(statement) {
      await client.command({ query: statement, abort_signal: AbortSignal.timeout(ANSWER_MS) });
    },
    async insert(statement, body, settings, { encoding = null } = {}) {
      const { stream, summary } = await client.exec({
        query: statement,
        values: body,
        clickhouse_settings: settings,
        ...(encoding === null ? {} : { http_headers: { 'Content-Encoding': encoding } }),
      });
      let answer = '';
      for await (const chunk of stream) answer = (answer + String(chunk)).slice(0, ANSWER_CHARACTERS);
      if (answer.trim() !== '') throw parseError(answer);
      return Number(summary?.written_rows ?? 0);
    },
    close: () => client.close(),
  };
}
