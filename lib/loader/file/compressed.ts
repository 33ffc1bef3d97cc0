/**
 * Decompression as far as this program needs it: to see the beginning of a compressed file, or its end where that is
 * where its columns are. The data itself goes to ClickHouse as it is in the file.
 */
import type { Compression } from './formats.js';
import { storedFrame, ZstdFrames } from './zstd-frames.js';

/** A text as gzip or zstd data to be put before other such data. */
export async function compressedText(text: string, compression: Compression | null): Promise<Uint8Array> {
  const bytes = Buffer.from(text);
  if (compression === null) return bytes;
  if (compression === 'zstd') return storedFrame(bytes);
  const { gzipSync } = await import('node:zlib');
  return gzipSync(bytes);
}

/** Nothing is wrong with the data, but ClickHouse does not read it. */
export class UnreadableData extends Error {}

/** The decompressed bytes, for as long as they are asked for. @throws Error of zlib or fzstd where the data is damaged. */
export function decompressed(
  compressed: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  return compression === 'gzip' ? gunzip(compressed) : unzstd(compressed);
}

async function* gunzip(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const [{ pipeline }, { createGunzip }] = await Promise.all([import('node:stream'), import('node:zlib')]);
  const stream = createGunzip();
  // An error of either ends both and comes out of `stream`; so does the end of the loop that reads it.
  pipeline(compressed, stream, () => undefined);
  yield* stream;
}

/** Some bytes of zstd data may hold any number. */
const MOST_BYTES = 64 * 1024 * 1024;

/** How many bytes the beginning of compressed data unpacks to, as far as they are whole. */
export async function unpackedLength(start: Uint8Array, compression: Compression): Promise<number> {
  let length = 0;
  if (compression === 'gzip') {
    const { createGunzip, constants } = await import('node:zlib');
    const stream = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
    stream.end(start);
    for await (const chunk of stream) {
      length += (chunk as Uint8Array).length;
      if (length > MOST_BYTES) break;
    }
    return length;
  }
  const once = async function* (): AsyncGenerator<Uint8Array> {
    yield start;
  };
  try {
    for await (const chunk of unzstd(once())) {
      length += chunk.length;
      if (length > MOST_BYTES) break;
    }
  } catch {
    // It ends within a block.
  }
  return length;
}

/** Node 20 has no zstd. */
async function* unzstd(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  let ready: Uint8Array[] = [];
  const decompress = new Decompress((chunk) => {
    // The block's memory is used again for the next one.
    if (chunk.length > 0) ready.push(chunk.slice());
  });
  const frames = new ZstdFrames();
  for await (const chunk of compressed) {
    // Block by block, as some bytes may hold as many megabytes.
    for (const piece of frames.push(chunk)) {
      if (frames.unreadable !== null) throw new UnreadableData(frames.unreadable);
      decompress.push(piece);
      yield* ready;
      ready = [];
    }
  }
  decompress.push(new Uint8Array(0), true);
  yield* ready;
}
