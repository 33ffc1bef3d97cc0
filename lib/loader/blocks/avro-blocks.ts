/** The blocks of an Avro file: so many rows in so many bytes, packed one by one. */
import { signedLong } from '../file/binary-schema.js';

const SYNC_BYTES = 16;
/** Of the two numbers in front of a block, at most. */
export const BLOCK_HEAD_BYTES = 20;
const SNAPPY_CHECKSUM_BYTES = 4;
/** A block is some kilobytes; what unpacks to more is no ordinary one. */
const MOST_BYTES = 64 * 1024 * 1024;

/** `header` is what avroSchema gives: pairs of a name and a value behind the magic bytes. */
export function avroCodec(header: Buffer): string {
  const name = Buffer.from('\x14avro.codec', 'latin1');
  const at = header.indexOf(name);
  if (at < 0) return 'null';
  const length = signedLong(header, at + name.length);
  return length === null ? 'null' : header.toString('latin1', length.end, length.end + length.value);
}

export interface AvroBlock {
  readonly rows: number;
  /** Where its data begins behind the start of the block. */
  readonly dataAt: number;
  readonly dataBytes: number;
  /** Of all of it. */
  readonly bytes: number;
}

/** By the first bytes of it; null where they are too few. */
export function avroBlock(start: Buffer): AvroBlock | null {
  const rows = signedLong(start, 0);
  const size = rows === null ? null : signedLong(start, rows.end);
  if (rows === null || size === null || rows.value < 0 || size.value < 0) return null;
  const bytes = size.end + size.value + SYNC_BYTES;
  return { rows: rows.value, dataAt: size.end, dataBytes: size.value, bytes };
}

/** What a block's packed data unpacks to; null where the codec is not known here. @throws Error where it is damaged */
export async function unpackedBytes(data: Buffer, codec: string): Promise<number | null> {
  if (codec === 'deflate') {
    const { inflateRawSync } = await import('node:zlib');
    return inflateRawSync(data, { maxOutputLength: MOST_BYTES }).length;
  }
  if (codec === 'snappy') {
    const { snappyLength } = await import('../../util/unpack-snappy.js');
    return snappyLength(data.subarray(0, data.length - SNAPPY_CHECKSUM_BYTES));
  }
  if (codec !== 'zstandard') return null;
  const { unpackZstd } = await import('../../util/unpack-zstd.js');
  return unpackZstd(data, MOST_BYTES).length;
}
