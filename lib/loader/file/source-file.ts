/** The file that is loaded: opened once, so that what was examined is what is sent, also if the name is replaced. */
import { type BigIntStats, constants } from 'node:fs';
import { ExitCode } from '../../errors.js';
import { explainFileError, LoadError } from '../failures.js';
import { type Descriptor, openDescriptor } from './descriptor.js';

const CHUNK_BYTES = 256 * 1024;

export interface SourceFile {
  readonly path: string;
  /** When it was opened; no more than these are read. */
  readonly bytes: number;
  /** `length` bytes from `start`, fewer at the end of the file. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** The whole file. Ends with an error if the file was changed since it was opened. */
  stream(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export async function openSourceFile(path: string): Promise<SourceFile> {
  const handle = openFile(path);
  try {
    const stat = handle.stat();
    if (!stat.isFile()) {
      const what = stat.isDirectory() ? 'it is a directory' : 'it is not a regular file';
      throw new LoadError(ExitCode.noInput, `cannot read ${path}: ${what}; name a file`);
    }
    return sourceFile(path, handle, stat);
  } catch (error) {
    handle.close();
    throw error instanceof LoadError ? error : fileError(path, error);
  }
}

function openFile(path: string): Descriptor {
  try {
    // A pipe without a writer would hold an ordinary open for ever.
    return openDescriptor(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw fileError(path, error);
  }
}

function sourceFile(path: string, handle: Descriptor, opened: BigIntStats): SourceFile {
  const bytes = Number(opened.size);
  const read = async (start: number, length: number): Promise<Buffer> => {
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, bytes - start)));
    let filled = 0;
    while (filled < buffer.length) {
      const bytesRead = await handle.read(buffer, filled, buffer.length - filled, start + filled).catch((error) => {
        throw fileError(path, error);
      });
      if (bytesRead === 0) throw changed(path, 'it became shorter while it was read');
      filled += bytesRead;
    }
    return buffer;
  };
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let start = 0; start < bytes; start += CHUNK_BYTES) {
      const chunk = await read(start, CHUNK_BYTES);
      // Before the last chunk is out: a stream that breaks off there leaves its last block unwritten.
      if (start + CHUNK_BYTES >= bytes) refuseChange(path, handle, opened);
      yield chunk;
    }
  }
  return {
    path,
    bytes,
    read,
    stream: chunks,
    close: async () => handle.close(),
  };
}

function fileError(path: string, error: unknown): LoadError {
  const { exitCode, why, remedy } = explainFileError(error);
  return new LoadError(exitCode, `cannot read ${path}: ${why}; ${remedy}`, { cause: error });
}

/**
 * Loading a file that is still being written would spend its deduplication tokens on the wrong rows: the last block of
 * what there was, under the number of a block that will hold more. Size and time of the last write show it.
 */
function refuseChange(path: string, handle: Descriptor, opened: BigIntStats): void {
  const now = handle.stat();
  if (now.size > opened.size) throw changed(path, 'it grew while it was read');
  if (now.mtimeNs !== opened.mtimeNs) throw changed(path, 'it was written to while it was read');
}

/** Worth another attempt, but no fault of ClickHouse that would hold back the files of others. */
function changed(path: string, why: string): LoadError {
  return new LoadError(
    ExitCode.ioError,
    `cannot read ${path}: ${why}; write files elsewhere and rename them into place`,
  );
}
