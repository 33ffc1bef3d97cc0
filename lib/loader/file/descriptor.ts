/**
 * A file opened for reading, by the calls of `node:fs`: loading `node:fs/promises`, and starting the threads that read in the
 * background, takes longer than reading a small file. So what is little is read at once, and what is much in the background.
 */
import { type BigIntStats, closeSync, fstatSync, openSync, read, readlinkSync, readSync, statfsSync } from 'node:fs';

const LITTLE_BYTES = 64 * 1024;

export interface Descriptor {
  /** With times to the nanosecond. */
  stat(): BigIntStats;
  /** Where the file lies that was opened, whatever has become of the path since. @throws Error where the system cannot tell */
  realPath(): string;
  /** The number of its kind of file system. @throws Error where the system cannot tell */
  fileSystem(): number;
  /** The number of bytes read into `buffer` at `offset`; 0 at the end of the file. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<number>;
  close(): void;
}

/** @throws Error with the code of the system */
export function openDescriptor(path: string, flags: number): Descriptor {
  const descriptor = openSync(path, flags);
  return {
    stat: () => fstatSync(descriptor, { bigint: true }),
    realPath: () => readlinkSync(`/proc/self/fd/${descriptor}`),
    fileSystem: () => statfsSync(`/proc/self/fd/${descriptor}`).type,
    async read(buffer, offset, length, position) {
      if (length <= LITTLE_BYTES) return readSync(descriptor, buffer, offset, length, position);
      return await new Promise((resolve, reject) => {
        read(descriptor, buffer, offset, length, position, (error, bytes) => (error ? reject(error) : resolve(bytes)));
      });
    },
    close: () => closeSync(descriptor),
  };
}
