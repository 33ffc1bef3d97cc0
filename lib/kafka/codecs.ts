/**
 * The compressions that kafkajs leaves to others. Without them the first batch that a producer compressed with one ends
 * the consumer for good. We only read them: what we write is gzip, which every client has.
 */
import { decompress as decompressZstd } from 'fzstd';
import kafkajs from 'kafkajs';
import createSnappyCodec from 'kafkajs-snappy';
import { decompress as decompressLz4 } from 'lz4js';

interface Codec {
  readonly compress: (encoder: { readonly buffer: Buffer }) => Promise<Buffer>;
  readonly decompress: (bytes: Buffer) => Promise<Buffer>;
}

/** Affects all clients of this process, as kafkajs keeps its codecs in one table. */
export function registerCodecs(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const codecs = CompressionCodecs as unknown as Record<number, () => Codec>;
  codecs[CompressionTypes.Snappy] = createSnappyCodec as unknown as () => Codec;
  codecs[CompressionTypes.LZ4] = () => readOnly('lz4', decompressLz4);
  codecs[CompressionTypes.ZSTD] = () => readOnly('zstd', decompressZstd);
}

function readOnly(name: string, decompress: (bytes: Uint8Array) => Uint8Array): Codec {
  return {
    compress: () => Promise.reject(new Error(`${name} is only read, never written`)),
    decompress: async (bytes) => Buffer.from(decompress(bytes)),
  };
}
