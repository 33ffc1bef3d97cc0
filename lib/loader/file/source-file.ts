/** The file that is loaded: opened once, so that what was examined is what is sent, also if the name is replaced. */
import { type BigIntStats, constants, realpathSync } from 'node:fs';
import { ExitCode } from '../../errors.js';
import { kernelFileSystem } from '../../util/kernel-file-systems.js';
import { isUnder } from '../../util/under-root.js';
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

/** @param roots directories that the file must lie below, wherever its path leads now; none for anywhere */
export async function openSourceFile(path: string, roots: readonly string[] = []): Promise<SourceFile> {
  const handle = openFile(path);
  try {
    const stat = handle.stat();
    const what = oddKind(stat) ?? oddFileSystem(stat, handle);
    if (what !== null) throw refused(path, `it is ${what}, not a regular file`, 'name a file of data');
    if (roots.length > 0) refuseOutside(path, handle, roots);
    return sourceFile(path, handle, stat);
  } catch (error) {
    handle.close();
    throw error instanceof LoadError ? error : fileError(path, error);
  }
}

function refused(path: string, why: string, remedy: string): LoadError {
  return new LoadError(ExitCode.noInput, `cannot read ${path}: ${why}; ${remedy}`);
}

function oddKind(stat: BigIntStats): string | null {
  if (stat.isFile()) return null;
  if (stat.isDirectory()) return 'a directory';
  return stat.isFIFO() ? 'a named pipe' : 'a device';
}

function oddFileSystem({ blocks }: BigIntStats, handle: Descriptor): string | null {
  // What the kernel makes up takes no room.
  if (blocks > 0n) return null;
  try {
    const name = kernelFileSystem(handle.fileSystem());
    return name === null ? null : `made up by the kernel (${name})`;
  } catch {
    return null;
  }
}

/** Of the file that is open: whoever may write to a directory on its path can make the path lead elsewhere at any time. */
function refuseOutside(path: string, handle: Descriptor, roots: readonly string[]): void {
  const real = realPathOf(path, handle);
  if (roots.some((root) => isUnder(real, followLinks(root)))) return;
  throw refused(path, `it leads to ${real}, outside ingest.allowed_roots`, 'announce a file below one of them');
}

function realPathOf(path: string, handle: Descriptor): string {
  try {
    return handle.realPath();
  } catch {
    throw refused(path, 'without /proc nobody can tell whether it is in ingest.allowed_roots', 'mount /proc');
  }
}

/** A root may be a link itself; one that is not there admits nothing. */
function followLinks(root: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    return root;
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
