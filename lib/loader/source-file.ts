/** The file that is loaded: opened once, so that what was examined is what is sent, also if the name is replaced. */
import { constants } from 'node:fs';
import { ExitCode } from '../errors.js';
import { type Descriptor, openDescriptor } from './descriptor.js';
import { explainFileError, LoadError } from './failures.js';

const CHUNK_BYTES = 256 * 1024;

export interface SourceFile {
  readonly path: string;
  /** When it was opened; no more than these are read. */
  readonly bytes: number;
  /** `length` bytes from `start`, fewer at the end of the file. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** The whole file. Ends with an error if the file became shorter meanwhile. */
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
    return sourceFile(path, handle, stat.size);
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

function sourceFile(path: string, handle: Descriptor, bytes: number): SourceFile {
  const read = async (start: number, length: number): Promise<Buffer> => {
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, bytes - start)));
    let filled = 0;
    while (filled < buffer.length) {
      const bytesRead = await handle.read(buffer, filled, buffer.length - filled, start + filled).catch((error) => {
        throw fileError(path, error);
      });
      if (bytesRead === 0) throw shortened(path);
      filled += bytesRead;
    }
    return buffer;
  };
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let start = 0; start < bytes; start += CHUNK_BYTES) yield await read(start, CHUNK_BYTES);
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

/** Loading half of a file that is being rewritten would spend its deduplication token on the wrong rows. */
function shortened(path: string): LoadError {
  return new LoadError(
    ExitCode.tryAgain,
    `cannot read ${path}: it became shorter while it was read; write files elsewhere and rename them into place`,
  );
}
