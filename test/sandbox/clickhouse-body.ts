/** A request's body that begins with an INSERT and goes on with its data: the statement, and the data as it comes. */
import { once } from 'node:events';
import { createInflateRaw } from 'node:zlib';
import { decompress as decompressZstd } from 'fzstd';
import { ZstdFrames } from '../../lib/loader/file/zstd-frames.js';
import { type Compression, type InsertWithData, readStatement } from './clickhouse-statement.js';

export interface InsertBody {
  readonly insert: InsertWithData;
  /** Compressed as the body was. */
  readonly data: AsyncIterable<Buffer>;
}

/** What was read of a body that does not begin so. */
export interface OtherBody {
  readonly insert: null;
  readonly body: Buffer;
}

/**
 * Of compressed data the statement must be a gzip member or a zstd frame of its own; the rest is left to the engine.
 *
 * @throws what `limit` throws for the bytes that were read so far
 */
export async function splitInsert(
  request: AsyncIterable<Buffer>,
  compression: Compression,
  limit: (bytes: number) => void,
): Promise<InsertBody | OtherBody> {
  const chunks = request[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    head = Buffer.concat([head, next.value]);
    limit(head.length);
    const found = await insertIn(head, compression);
    if (found !== null) return { insert: found.insert, data: following(head.subarray(found.end), chunks) };
  }
  return { insert: null, body: head };
}

async function* following(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function insertIn(
  head: Buffer,
  compression: Compression,
): Promise<{ readonly insert: InsertWithData; readonly end: number } | null> {
  const first = await firstMember(head, compression);
  const text = first?.text.toString('latin1') ?? '';
  // Seen at once, as a statement of megabytes comes in many pieces.
  if (first === null || !/^\s*INSERT\b/i.test(text) || !/\bFORMAT\s+\w+[ \t]*\r?\n/i.test(text)) return null;
  const insert = readStatement(text);
  // The line end behind the format's name, lest a part of the name be taken for it.
  if (insert.kind !== 'insert-with-data' || text[insert.dataStart - 1] !== '\n') return null;
  if (compression === 'none') return { insert, end: insert.dataStart };
  return insert.dataStart === text.length ? { insert, end: first.end } : null;
}

/** What stands first in the body, decompressed, and where it ends; null if it is not all there. */
async function firstMember(
  head: Buffer,
  compression: Compression,
): Promise<{ readonly text: Buffer; readonly end: number } | null> {
  if (compression === 'none') return { text: head, end: head.length };
  if (compression === 'zstd') return firstFrame(head);
  return compression === 'gzip' ? await firstGzipMember(head) : null;
}

function firstFrame(head: Buffer): { readonly text: Buffer; readonly end: number } | null {
  const frames = new ZstdFrames();
  let end = 0;
  for (const piece of frames.push(head)) {
    end += piece.length;
    if (frames.whole) return { text: Buffer.from(decompressZstd(head.subarray(0, end))), end };
  }
  return null;
}

const GZIP_HEADER_BYTES = 10;
const GZIP_TRAILER_BYTES = 8;

/** As Node writes it: with a header of no optional fields. */
async function firstGzipMember(head: Buffer): Promise<{ readonly text: Buffer; readonly end: number } | null> {
  const inflate = createInflateRaw();
  const parts: Buffer[] = [];
  inflate.on('data', (part: Buffer) => parts.push(part));
  const ended = once(inflate, 'end').catch(() => null);
  inflate.end(head.subarray(GZIP_HEADER_BYTES));
  if ((await ended) === null) return null;
  return { text: Buffer.concat(parts), end: GZIP_HEADER_BYTES + inflate.bytesWritten + GZIP_TRAILER_BYTES };
}
