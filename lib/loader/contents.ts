/** What is in a file, behind its compression: its first and its last bytes. */
import { ExitCode } from '../errors.js';
import { decompressed } from './compressed.js';
import { LoadError, oneLine } from './failures.js';
import type { Compression } from './formats.js';
import type { SourceFile } from './source-file.js';

export interface Contents {
  readonly file: SourceFile;
  readonly compression: Compression | null;
  /** The first `length` bytes; `whole` when there are no more. */
  head(length: number): Promise<{ readonly data: Uint8Array; readonly whole: boolean }>;
  /** The last `length` bytes, and how many there are in all. A compressed file is read to its end for them. */
  tail(length: number): Promise<{ readonly data: Uint8Array; readonly bytes: number }>;
}

export function contentsOfFile(file: SourceFile, compression: Compression | null): Contents {
  return compression === null ? plain(file) : compressed(file, compression);
}

function plain(file: SourceFile): Contents {
  return {
    file,
    compression: null,
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

function compressed(file: SourceFile, compression: Compression): Contents {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield* decompressed(file.stream(), compression);
    } catch (error) {
      if (error instanceof LoadError) throw error;
      const why = `its ${compression} data is damaged (${oneLine((error as Error).message)})`;
      throw new LoadError(ExitCode.dataError, `cannot load ${file.path}: ${why}; have it written again`);
    }
  }
  return {
    file,
    compression,
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
