/** What is in a file, behind its compression: its first and its last bytes. */
import { ExitCode } from '../../errors.js';
import { LoadError, oneLine } from '../failures.js';
import { decompressed, UnreadableData, unpackedLength } from './compressed.js';
import type { Compression } from './formats.js';
import type { SourceFile } from './source-file.js';
import { ZstdFrames } from './zstd-frames.js';

export interface Contents {
  readonly file: SourceFile;
  readonly compression: Compression | null;
  /** The first `length` bytes; `whole` when there are no more. */
  head(length: number): Promise<{ readonly data: Uint8Array; readonly whole: boolean }>;
  /** The file as it is. Ends with an error before its end where it was changed or is cut off. */
  stream(): AsyncIterable<Uint8Array>;
  /** What is in it, behind its compression. */
  chunks(): AsyncIterable<Uint8Array>;
  /** How many bytes there are in all; of a compressed file, by what its beginning unpacks to. */
  estimatedBytes(): Promise<number>;
  /** The last `length` bytes, and how many there are in all. A compressed file is read to its end for them. */
  tail(length: number): Promise<{ readonly data: Uint8Array; readonly bytes: number }>;
}

/** Of compressed data, of which one may hold a thousand. */
const START_BYTES = 64 * 1024;

export function contentsOfFile(file: SourceFile, compression: Compression | null): Contents {
  return compression === null ? plain(file) : compressed(file, compression);
}

function plain(file: SourceFile): Contents {
  return {
    file,
    compression: null,
    stream: () => file.stream(),
    chunks: () => file.stream(),
    estimatedBytes: async () => file.bytes,
    async head(length) {
      const data = await file.read(0, length);
      return { data, whole: data.length === file.bytes };
    },
    async tail(length) {
      const start = Math.max(0, file.bytes - length);
      return { data: await file.read(start, length), bytes: file.bytes };
    },
  };
}

/** ClickHouse itself refuses gzip data that is cut off. */
async function* wholeZstd(file: SourceFile): AsyncGenerator<Uint8Array> {
  const frames = new ZstdFrames();
  let bytes = 0;
  for await (const chunk of file.stream()) {
    for (const _ of frames.push(chunk));
    bytes += chunk.length;
    if (frames.unreadable !== null) throw unreadable(file, frames.unreadable);
    if (bytes === file.bytes && !frames.whole) throw damaged(file, 'zstd', 'it ends within a frame');
    yield chunk;
  }
}

function unreadable({ path }: SourceFile, why: string): LoadError {
  const remedy = 'compress it without a dictionary and without --long (or with --long=27 at most)';
  return new LoadError(ExitCode.dataError, `cannot load ${path}: it is ${why}; ${remedy}`);
}

function damaged({ path }: SourceFile, compression: Compression, why: string): LoadError {
  const line = `cannot load ${path}: its ${compression} data is damaged (${why}); have it written again`;
  return new LoadError(ExitCode.dataError, line);
}

function compressed(file: SourceFile, compression: Compression): Contents {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* decompressed(file.stream(), compression);
    } catch (error) {
      if (error instanceof LoadError) throw error;
      if (error instanceof UnreadableData) throw unreadable(file, error.message);
      throw damaged(file, compression, oneLine((error as Error).message));
    }
  }
  return {
    file,
    compression,
    chunks,
    stream: () => (compression === 'zstd' ? wholeZstd(file) : file.stream()),
    async estimatedBytes() {
      const start = await file.read(0, START_BYTES);
      return (file.bytes * (await unpackedLength(start, compression))) / start.length;
    },
    async head(length) {
      const kept: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of chunks()) {
        kept.push(chunk);
        bytes += chunk.length;
        if (bytes > length) break;
      }
      return { data: Buffer.concat(kept).subarray(0, length), whole: bytes <= length };
    },
    async tail(length) {
      const kept: Uint8Array[] = [];
      let bytes = 0;
      let keptBytes = 0;
      for await (const chunk of chunks()) {
        kept.push(chunk);
        bytes += chunk.length;
        keptBytes += chunk.length;
        while (keptBytes - (kept[0]?.length ?? 0) >= length) keptBytes -= kept.shift()?.length ?? 0;
      }
      const data = Buffer.concat(kept);
      return { data: data.subarray(Math.max(0, data.length - length)), bytes };
    },
  };
}
