/**
 * Decompression of a batch that ends at a bound: some hundred kilobytes may hold gigabytes, and what a producer compressed
 * nobody has seen yet. Whatever bytes come in, no more memory is taken than a small multiple of the bound.
 */
import { promisify } from 'node:util';
import { unzip } from 'node:zlib';
import createSnappyCodec from 'kafkajs-snappy';
import { unpackLz4 } from './lz4.js';
import { TooLarge } from './too-large.js';
import { unpackZstd } from './zstd.js';

/** By Kafka's numbers. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export type CodecName = (typeof CODECS)[number];

const unzipBounded = promisify(unzip) as (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number },
) => Promise<Buffer>;
const XERIAL_MAGIC = Buffer.from('82534e4150505900', 'hex');
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
      return await unpackSnappy(bytes, most);
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
async function unpackSnappy(bytes: Buffer, most: number): Promise<Buffer> {
  const pieces = beginsAsXerial(bytes) ? xerialPieces(bytes) : [bytes];
  let declared = 0;
  for (const piece of pieces) {
    declared += snappyLength(piece);
    if (declared > most) throw new TooLarge(most);
  }
  const { decompress } = createSnappyCodec();
  const unpacked: Buffer[] = [];
  for (const piece of pieces) unpacked.push(await decompress(piece));
  return unpacked.length === 1 ? (unpacked[0] as Buffer) : Buffer.concat(unpacked);
}

function beginsAsXerial(bytes: Buffer): boolean {
  return bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
}

function xerialPieces(bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = XERIAL_HEADER_BYTES; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    const piece = bytes.subarray(at + 4, end);
    // The package would take such a piece for pieces again, and their lengths were looked at by nobody.
    if (end > bytes.length || beginsAsXerial(piece)) throw new Error('the snappy data is damaged');
    pieces.push(piece);
    at = end;
  }
  return pieces;
}

/** The number that the data begins with. */
function snappyLength(piece: Buffer): number {
  let length = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = piece[index];
    if (byte === undefined) break;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return length;
  }
  throw new Error('the snappy data is damaged');
}
