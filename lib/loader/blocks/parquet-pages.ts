/** Unpacks a page of a Parquet file, by the number that its column has for how it is packed. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { decompressBlock } from 'lz4js';
import { unpackSnappy } from '../../util/unpack-snappy.js';
import { unpackZstd } from '../../util/unpack-zstd.js';

type Unpack = (page: Buffer, bytes: number) => Uint8Array | Promise<Uint8Array>;

/** 3 is LZO and 5 an LZ4 of Hadoop's, which nobody writes any more. */
const CODECS: Readonly<Record<number, Unpack>> = {
  0: (page) => page,
  1: unpackSnappy,
  2: (page, bytes) => gunzipSync(page, { maxOutputLength: bytes }),
  4: (page, bytes) => brotliDecompressSync(page, { maxOutputLength: bytes }),
  6: unpackZstd,
  7: (page, bytes) => {
    const block = new Uint8Array(bytes);
    return block.slice(0, decompressBlock(page, block, 0, page.length, 0));
  },
};

/** Null where nobody here unpacks it. @throws Error where it is damaged */
export async function unpackPage(page: Buffer, codec: number, bytes: number): Promise<Buffer | null> {
  const unpack = CODECS[codec];
  if (unpack === undefined || bytes === 0) return unpack === undefined ? null : Buffer.alloc(0);
  const values = await unpack(page, bytes);
  return Buffer.from(values.buffer, values.byteOffset, values.length);
}
