/**
 * The process that makes chDB look like a ClickHouse server on 127.0.0.1: a small HTTP interface before a real engine,
 * for tests, the demo and benchmarks. Results are held in memory and inserted data in a file under `--directory`, which
 * the engine reads once it is there. Of a body that breaks off it reads what came, and then an error, as a server does:
 * the blocks before stay. (Only of one compressed in another way than by gzip nothing is read then.)
 * Prints `listening <port>` once it accepts requests. The password comes by SANDBOX_CLICKHOUSE_PASSWORD.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { constants, createGzip } from 'node:zlib';
import { splitInsert } from './clickhouse-body.js';
import { compressAnswer, decompress, decompressBlocks } from './clickhouse-compression.js';
import { Engine, type EngineResult, type StatementEngine } from './clickhouse-engine.js';
import { ClickHouseError, httpErrorOf } from './clickhouse-errors.js';
import { authenticate, fileInsertSettings, type QueryRequest, readRequest } from './clickhouse-request.js';
import { type Compression, type InsertWithData, readStatement } from './clickhouse-statement.js';
import { OldEngine } from './old-engine.js';

const USER = 'default';
/** A statement together with data that stands in the same body; longer data belongs behind a statement in the URL. */
const MAX_BODY_IN_MEMORY = 256 * 1024 * 1024;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  JSON: 'application/json; charset=UTF-8',
  JSONEachRow: 'application/x-ndjson; charset=UTF-8',
  CSV: 'text/csv; charset=UTF-8; header=absent',
  CSVWithNames: 'text/csv; charset=UTF-8; header=present',
  Parquet: 'application/octet-stream',
  Native: 'application/octet-stream',
  RowBinary: 'application/octet-stream',
};

interface Answer {
  readonly result: EngineResult;
  readonly format: string;
}

function limitBody(length: number): void {
  if (length > MAX_BODY_IN_MEMORY) throw new ClickHouseError(229, 'QUERY_IS_TOO_LARGE', 'The body is too large');
}

async function readBody(request: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    limitBody(length);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

class Front {
  readonly #engine: StatementEngine;
  readonly #password: string;
  readonly #uploads: string;

  constructor(engine: StatementEngine, password: string, uploads: string) {
    this.#engine = engine;
    this.#password = password;
    this.#uploads = uploads;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const name = `chDB ${this.#engine.version} behind atd-ingestion's test front`;
    response.setHeader('X-ClickHouse-Server-Display-Name', name);
    if (url.pathname === '/ping') {
      response.end('Ok.\n');
      return;
    }
    if (url.pathname !== '/') {
      response.writeHead(404).end(`There is no handle ${url.pathname}\n`);
      return;
    }
    const tag = randomBytes(8).toString('hex');
    let statusFirst = false;
    try {
      authenticate(url, request.headers, { user: USER, password: this.#password });
      const query = readRequest(request.method ?? 'GET', url, request.headers);
      response.setHeader('X-ClickHouse-Query-Id', query.queryId ?? randomUUID());
      response.setHeader('X-ClickHouse-Exception-Tag', tag);
      statusFirst = query.statusFirst;
      this.#answer(response, query, await this.#run(query, request));
    } catch (error) {
      const { status, code, body } = httpErrorOf(error, `${this.#engine.version} (chDB)`);
      // What is left of the body is read and dropped, so that the client gets to read the answer.
      request.resume();
      if (statusFirst) {
        failLate(response, tag, httpErrorOf(error, `${this.#engine.version} (chDB)`).body);
        return;
      }
      response.setHeader('X-ClickHouse-Exception-Code', code);
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=UTF-8' }).end(body);
    }
  }

  #answer(response: ServerResponse, query: QueryRequest, { result, format }: Answer): void {
    // chDB does not tell what was read; a zero here is no measurement.
    const summary = {
      read_rows: '0',
      read_bytes: '0',
      written_rows: String(result.writtenRows),
      written_bytes: String(result.writtenBytes),
      total_rows_to_read: '0',
      result_rows: String(result.resultRows),
      result_bytes: String(result.resultBytes),
      elapsed_ns: String(Math.round(result.elapsedSeconds * 1e9)),
    };
    response.setHeader('X-ClickHouse-Format', format);
    response.setHeader('X-ClickHouse-Summary', JSON.stringify(summary));
    if (query.statusFirst) response.setHeader('X-ClickHouse-Progress', JSON.stringify(summary));
    const compressed = compressAnswer(result.bytes, query.acceptedCodings);
    if (compressed !== null) response.setHeader('Content-Encoding', compressed.coding);
    response.writeHead(200, { 'Content-Type': CONTENT_TYPES[format] ?? 'text/tab-separated-values; charset=UTF-8' });
    response.end(compressed?.data ?? result.bytes);
  }

  async #run(query: QueryRequest, request: IncomingMessage): Promise<Answer> {
    if (query.query !== '') {
      const head = Buffer.from(`${query.query}\n`);
      const insert = readStatement(head.toString('latin1'));
      if (insert.kind === 'insert-with-data') {
        // Blanks after the statement would spoil a binary or compressed body; anything else belongs to the data.
        const rest = head.subarray(insert.dataStart);
        const inline = rest.toString('latin1').trim() === '' ? Buffer.alloc(0) : rest;
        if (inline.length > 0 && query.bodyCompression !== 'none')
          throw new ClickHouseError(48, 'NOT_IMPLEMENTED', 'Data in the URL before a compressed body is not supported');
        const inBlocks = query.bodyInBlocks ? [decompressBlocks(await readBody(request))] : null;
        return await this.#insert(query, insert, query.bodyCompression, inBlocks ?? joined(inline, request));
      }
    }
    if (query.query === '' && !query.bodyInBlocks) {
      const split = await splitInsert(request, query.bodyCompression, limitBody);
      if (split.insert !== null) return await this.#insert(query, split.insert, query.bodyCompression, split.data);
      return await this.#runStatement(query, decompress(split.body, query.bodyCompression));
    }
    const plain = decompress(await readBody(request), query.bodyCompression);
    return await this.#runStatement(query, query.bodyInBlocks ? decompressBlocks(plain) : plain);
  }

  async #runStatement(query: QueryRequest, body: Buffer): Promise<Answer> {
    const text = Buffer.concat([Buffer.from(query.query === '' ? '' : `${query.query}\n`), body]);
    const statement = readStatement(text.toString('latin1'));
    if (statement.kind === 'insert-with-data')
      return await this.#insert(query, statement, 'none', [text.subarray(statement.dataStart)]);
    if (statement.empty)
      throw new ClickHouseError(62, 'SYNTAX_ERROR', 'Syntax error: failed at position 1: empty query');
    if (statement.multiple) throw new ClickHouseError(62, 'SYNTAX_ERROR', 'Multi-statements are not allowed');
    const format = statement.format ?? query.defaultFormat;
    const run = { ...query, statement: text.toString('utf8'), insert: statement.kind === 'insert', format };
    return { result: await this.#engine.run(run), format };
  }

  async #insert(
    query: QueryRequest,
    insert: InsertWithData,
    compression: Compression,
    data: Iterable<Buffer> | AsyncIterable<Buffer>,
  ): Promise<Answer> {
    const file = join(this.#uploads, randomUUID());
    const upload = createWriteStream(file, { flags: 'wx' });
    try {
      try {
        await pipeline(data, upload);
      } catch (lost) {
        await this.#insertPart(query, insert, compression, file);
        throw lost;
      }
      return await this.#insertFile(query, insert, compression, file);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** gzip data without its end is what gives the engine an error where the body broke off, and not before. */
  async #insertPart(
    query: QueryRequest,
    insert: InsertWithData,
    compression: Compression,
    file: string,
  ): Promise<void> {
    if (compression === 'gzip') {
      await this.#insertFile(query, insert, 'gzip', file).catch(() => undefined);
    } else if (compression === 'none') {
      const part = `${file}.gz`;
      const open = createGzip({ level: 1, finishFlush: constants.Z_SYNC_FLUSH });
      await pipeline(createReadStream(file), open, createWriteStream(part, { flags: 'wx' }));
      await this.#insertFile(query, insert, 'gzip', part).catch(() => undefined);
      await rm(part, { force: true });
    }
  }

  async #insertFile(
    query: QueryRequest,
    insert: InsertWithData,
    compression: Compression,
    file: string,
  ): Promise<Answer> {
    // The statement was read byte by byte; the engine wants it as the UTF-8 that it is.
    const path = Buffer.from(file).toString('latin1');
    const statement = Buffer.from(insert.rewrite(path, compression), 'latin1').toString('utf8');
    const settings = fileInsertSettings(query.settings);
    const run = { ...query, settings, statement, insert: true, format: query.defaultFormat };
    return { result: await this.#engine.run(run), format: query.defaultFormat };
  }
}

/** As 25.11 and newer do when the status is sent already: the text in a frame with the tag, and the connection is cut behind it. */
function failLate(response: ServerResponse, tag: string, text: string): void {
  const message = text.trimEnd();
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=UTF-8', 'Transfer-Encoding': 'chunked' });
  const frame = `\r\n__exception__\r\n${tag}\r\n${message}\n${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`;
  response.write(frame, () => response.destroy());
}

async function* joined(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

const { values } = parseArgs({ options: { directory: { type: 'string' }, python: { type: 'string' } } });
const password = process.env['SANDBOX_CLICKHOUSE_PASSWORD'];
if (values.directory === undefined || password === undefined) {
  throw new Error(
    'usage: SANDBOX_CLICKHOUSE_PASSWORD=… clickhouse-front.js --directory <an empty directory> [--python <that of an older chDB>]',
  );
}
const uploads = join(values.directory, 'uploads');
await mkdir(uploads, { recursive: true });
const data = join(values.directory, 'data');
const engine = values.python === undefined ? new Engine(data) : await OldEngine.open(values.python, data);
const front = new Front(engine, password, uploads);
/** A server takes a MiB, but what stands before it 8 KiB (nginx) or 16 (HAProxy). */
const MAX_HEADER_BYTES = 8 * 1024;
const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
  // What fails outside the statement, an unreadable address or a lost connection, concerns this connection alone.
  front.handle(request, response).catch(() => response.destroy());
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${(server.address() as AddressInfo).port}`));
