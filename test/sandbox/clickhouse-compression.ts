/** Compressed bodies and answers: those of `Content-Encoding`, and the blocks of ClickHouse's own protocols (`decompress=1`). */
import { brotliCompressSync, brotliDecompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { decompress as decompressZstd } from 'fzstd';
import { decompressBlock, decompress as decompressLz4 } from 'lz4js';
import { ClickHouseError } from './clickhouse-errors.js';
import type { Compression } from './clickhouse-statement.js';

export function decompress(body: Buffer, compression: Compression): Buffer {
  if (compression === 'none' || body.length === 0) return body;
  if (compression === 'gzip') return gunzipSync(body);
  if (compression === 'deflate') return inflateSync(body);
  if (compression === 'br') return brotliDecompressSync(body);
  if (compression === 'lz4') return Buffer.from(decompressLz4(body));
  if (compression === 'zstd') return Buffer.from(decompressZstd(body));
  throw new ClickHouseError(48, 'NOT_IMPLEMENTED', `A statement compressed by ${compression} is not supported`);
}

const CHECKSUM_BYTES = 16;
const HEADER_BYTES = 9;
const METHODS = { none: 0x02, lz4: 0x82, zstd: 0x90 };

/** Each block is a checksum, which is not looked at here, a method, the length from the method on, that of the data, and the data. */
export function decompressBlocks(body: Buffer): Buffer {
  const blocks: Buffer[] = [];
  let at = 0;
  while (at < body.length) {
    const start = at + CHECKSUM_BYTES;
    if (start + HEADER_BYTES > body.length) throw broken();
    const [method, length, size] = [body[start], body.readUInt32LE(start + 1), body.readUInt32LE(start + 5)];
    at = start + length;
    if (length < HEADER_BYTES || at > body.length) throw broken();
    blocks.push(blockOf(method, body.subarray(start + HEADER_BYTES, at), size));
  }
  return Buffer.concat(blocks);
}

function blockOf(method: number | undefined, data: Buffer, size: number): Buffer {
  if (method === METHODS.none) return data;
  if (method === METHODS.zstd) return Buffer.from(decompressZstd(data));
  if (method !== METHODS.lz4) throw new ClickHouseError(432, 'UNKNOWN_CODEC', `Unknown codec family code: ${method}`);
  const block = new Uint8Array(size);
  decompressBlock(data, block, 0, data.length, 0);
  return Buffer.from(block);
}

function broken(): ClickHouseError {
  return new ClickHouseError(33, 'CANNOT_READ_ALL_DATA', 'Cannot read all data of a compressed block');
}

/** Codings of an answer in the order in which the server prefers them, as far as Node has them. */
const CODINGS: readonly (readonly [name: string, compress: (data: Uint8Array) => Buffer])[] = [
  ['br', (data) => brotliCompressSync(data)],
  ['gzip', (data) => gzipSync(data)],
  ['deflate', (data) => deflateSync(data)],
];

/** What a client that asks for `enable_http_compression` gets; null for the answer as it is, which it has to take too. */
export function compressAnswer(
  data: Uint8Array,
  accepted: string,
): { readonly coding: string; readonly data: Buffer } | null {
  const names = accepted.split(',').map((name) => name.trim().split(';')[0]);
  const found = CODINGS.find(([name]) => names.includes(name));
  return found === undefined ? null : { coding: found[0], data: found[1](data) };
}
