/**
 * Decompression of a batch that ends at a bound: some hundred kilobytes may hold gigabytes, and what a producer compressed
 * nobody has seen yet. Whatever bytes come in, no more memory is taken than a small multiple of the bound.
 */
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import { TooLarge } from '../../errors.js';
import { beginsAsXerial, snappyLength, unpackSnappy } from '../../util/unpack-snappy.js';
import { unpackZstd } from '../../util/unpack-zstd.js';
import { unpackLz4 } from './lz4.js';

/** By Kafka's numbers. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type CodecName = (typeof CODECS)[number];

const unzipBounded = promisify(unzip) as (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number },
) => Promise<Buffer>;
/** The magic bytes, and two versions. */
const XERIAL_HEADER_BYTES = 16;

/**
 * @param most bytes that the result may have, above 0
 * @throws TooLarge where it has more, and other errors where the data is damaged
 */
export async function unpack(codec: CodecName, bytes: Buffer, most: number): Promise<Buffer> {
  switch (codec) {
    case 'none':
      if (bytes.length > most) throw new TooLarge(most);
      return bytes;
    case 'gzip':
      return await unpackGzip(bytes, most);
    case 'snappy':
      return await unpackPieces(bytes, most);
    case 'lz4':
      return unpackLz4(bytes, most);
    case 'zstd':
      return unpackZstd(bytes, most);
  }
}

async function unpackGzip(bytes: Buffer, most: number): Promise<Buffer> {
  try {
    return await unzipBounded(bytes, { maxOutputLength: most });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? new TooLarge(most) : error;
  }
}

/** In one piece, or in many behind a header, as Java's clients write it. Each piece says what it unpacks to. */
async function unpackPieces(bytes: Buffer, most: number): Promise<Buffer> {
  const pieces = beginsAsXerial(bytes) ? xerialPieces(bytes) : [bytes];
  // All of them before the first is unpacked.
  if (pieces.reduce((sum, piece) => sum + snappyLength(piece), 0) > most) throw new TooLarge(most);
  const unpacked: Uint8Array[] = [];
  for (const piece of pieces) unpacked.push(await unpackSnappy(piece, most));
  return Buffer.concat(unpacked);
}

function xerialPieces(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new Error('the snappy data is damaged');
    pieces.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return pieces;
}
