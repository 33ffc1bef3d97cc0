/**
 * The compressions that kafkajs leaves to others, and its own with a bound. Without them the first batch that a producer
 * compressed with one ends the consumer for good. We only read them: what we write is gzip, which every client has.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import kafkajs from 'kafkajs';
import { type CodecName, unpack } from './unpack.js';

interface Codec {
  readonly compress: (encoder: { readonly buffer: Buffer }) => Promise<Buffer>;
  readonly decompress: (bytes: Buffer) => Promise<Buffer>;
}

const compressGzip = promisify(gzip);

/**
 * Affects all clients of this process, as kafkajs keeps its codecs in one table.
 *
 * @param most bytes that a batch may unpack to
 */
export function registerCodecs(most: number): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  const codecs = CompressionCodecs as unknown as Record<number, () => Codec>;
  const readOnly = (name: CodecName): Codec => ({
    compress: () => Promise.reject(new Error(`${name} is only read, never written`)),
    decompress: (bytes) => unpack(name, bytes, most),
  });
  codecs[CompressionTypes.GZIP] = () => ({
    compress: ({ buffer }) => compressGzip(buffer),
    decompress: (bytes) => unpack('gzip', bytes, most),
  });
  codecs[CompressionTypes.Snappy] = () => readOnly('snappy');
  codecs[CompressionTypes.LZ4] = () => readOnly('lz4');
  codecs[CompressionTypes.ZSTD] = () => readOnly('zstd');
}
