/**
 * The columns of an ORC file from its end. The reader looks for the file's data as soon as the footer names any, so what
 * it is given is a file without data: the footer's fields but for the stripes, uncompressed, and a postscript to match.
 * https://orc.apache.org/specification/ORCv1/ has the layout.
 */
import { inflateRawSync } from 'node:zlib';
import { decompressBlock } from 'lz4js';
import { TooLarge } from '../../errors.js';
import { Leb128Reader, writeLeb128 } from '../../util/leb128.js';
import { unpackSnappy } from '../../util/unpack-snappy.js';
import { unpackZstd } from '../../util/unpack-zstd.js';
import type { SchemaPart } from './binary-schema.js';

const MAGIC = Buffer.from('ORC');
const [FOOTER_STRIPES, FOOTER_ROWS] = [3, 6];
const POSTSCRIPT = { footerLength: 1, compression: 2, blockSize: 3 } as const;
const DEFAULT_BLOCK_BYTES = 256 * 1024;
/** What a footer may unpack to; that of a file of 20,000 columns is a hundredth of it. */
const LIMIT_BYTES = 64 * 1024 * 1024;

/** @throws Error where the footer is damaged. */
export async function orcSchema(end: Uint8Array): Promise<SchemaPart | null> {
  const bytes = Buffer.from(end.buffer, end.byteOffset, end.length);
  const postscriptEnd = bytes.length - 1;
  const postscript = bytes.subarray(Math.max(0, postscriptEnd - (bytes[postscriptEnd] ?? 0)), postscriptEnd);
  if (!postscript.subarray(-MAGIC.length).equals(MAGIC)) return null;
  const numbers = new Map<number, number>();
  for (const { number, value } of fields(postscript)) if (value !== null) numbers.set(number, value);
  const footerLength = numbers.get(POSTSCRIPT.footerLength) ?? 0;
  const footerStart = postscriptEnd - postscript.length - footerLength;
  if (footerStart < 0) return { kind: 'more', bytes: bytes.length - footerStart };
  const footer = await decompressed(
    bytes.subarray(footerStart, footerStart + footerLength),
    numbers.get(POSTSCRIPT.compression) ?? 0,
    numbers.get(POSTSCRIPT.blockSize) ?? DEFAULT_BLOCK_BYTES,
  );
  const kept = without(footer, [FOOTER_STRIPES]);
  const uncompressed: number[] = [];
  for (const number of [POSTSCRIPT.footerLength << 3, kept.length, POSTSCRIPT.compression << 3, 0]) {
    writeLeb128(uncompressed, number);
  }
  const lengths = Buffer.concat([
    Buffer.from(uncompressed),
    without(postscript, [POSTSCRIPT.footerLength, POSTSCRIPT.compression]),
  ]);
  return { kind: 'part', data: Buffer.concat([MAGIC, kept, lengths, Buffer.of(lengths.length)]) };
}

/** `part` is what orcSchema gives. */
export function orcRows(part: Uint8Array): number {
  return [...fields(orcFooter(part))].find(({ number }) => number === FOOTER_ROWS)?.value ?? 0;
}

/** `part` is what orcSchema gives. */
export function orcFooter(part: Uint8Array): Buffer {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
  return bytes.subarray(MAGIC.length, bytes.length - 1 - (bytes[bytes.length - 1] ?? 0));
}

export interface Field {
  readonly number: number;
  /** Of a number; null for every other type. */
  readonly value: number | null;
  readonly bytes: Buffer;
  /** What is in it, of a text or a message; empty for every other type. */
  readonly content: Buffer;
}

/** The fields of a protobuf message, one level deep. @throws Error */
export function* fields(message: Buffer): Generator<Field> {
  const reader = new Leb128Reader(message);
  const next = (): number => {
    const value = reader.next();
    if (Number.isNaN(value)) throw new Error('the footer ends too early');
    return value;
  };
  while (reader.at < message.length) {
    const start = reader.at;
    const tag = next();
    const type = tag % 8;
    let value: number | null = null;
    let contentBytes = 0;
    if (type === 0) value = next();
    else if (type === 1) reader.at += 8;
    else if (type === 5) reader.at += 4;
    else if (type === 2) {
      // Apart, since reading the length moves the reader too.
      contentBytes = next();
      reader.at += contentBytes;
    } else throw new Error(`the footer has a field of type ${type}`);
    const bytes = message.subarray(start, reader.at);
    yield { number: Math.floor(tag / 8), value, bytes, content: bytes.subarray(bytes.length - contentBytes) };
  }
}

function without(message: Buffer, numbers: readonly number[]): Buffer {
  return Buffer.concat(
    [...fields(message)].filter(({ number }) => !numbers.includes(number)).map(({ bytes }) => bytes),
  );
}

type Decompress = (chunk: Buffer, blockBytes: number) => Uint8Array | Promise<Uint8Array>;

/** By the number that the postscript has for it; 3 is LZO, which nobody writes any more. */
const DECOMPRESS: Readonly<Record<number, Decompress>> = {
  1: (chunk, blockBytes) => inflateRawSync(chunk, { maxOutputLength: blockBytes }),
  2: (chunk, blockBytes) => unpackSnappy(chunk, blockBytes),
  4: (chunk, blockBytes) => {
    const block = new Uint8Array(blockBytes);
    return block.slice(0, decompressBlock(chunk, block, 0, chunk.length, 0));
  },
  5: (chunk, blockBytes) => unpackZstd(chunk, blockBytes),
};

/** A compressed part of the file is a list of chunks: three bytes of length and whether it is stored as it is. */
async function decompressed(part: Buffer, compression: number, blockBytes: number): Promise<Buffer> {
  if (compression === 0) return part;
  const decompress = DECOMPRESS[compression];
  if (!decompress) throw new Error(`its compression (${compression}) is not known`);
  // A chunk has no more than a block.
  if (!(blockBytes > 0 && blockBytes <= LIMIT_BYTES)) throw new Error(`its blocks have ${blockBytes} bytes`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (let at = 0; at + 3 <= part.length; ) {
    const header = part.readUIntLE(at, 3);
    const chunk = part.subarray(at + 3, at + 3 + (header >> 1));
    const content = (header & 1) === 1 ? chunk : await decompress(chunk, blockBytes);
    bytes += content.length;
    if (bytes > LIMIT_BYTES) throw new TooLarge(LIMIT_BYTES);
    chunks.push(content);
    at += 3 + (header >> 1);
  }
  return Buffer.concat(chunks);
}
