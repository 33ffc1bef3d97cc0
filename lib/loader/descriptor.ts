/** A file opened for reading, by the calls of `node:fs`: loading `node:fs/promises` takes longer than reading a small file. */
import { type BigIntStats, close, fstat, open, read } from 'node:fs';

export interface Descriptor {
  /** With times to the nanosecond. */
  stat(): Promise<BigIntStats>;
  /** The number of bytes read into `buffer` at `offset`; 0 at the end of the file. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<number>;
  close(): Promise<void>;
}

export async function openDescriptor(path: string, flags: number): Promise<Descriptor> {
  const descriptor = await settle<number>((done) => open(path, flags, done));
  return {
    stat: () => settle((done) => fstat(descriptor, { bigint: true }, done)),
    read: (buffer, offset, length, position) =>
      settle((done) => read(descriptor, buffer, offset, length, position, done)),
    close: () => settle((done) => close(descriptor, done)),
  };
}

function settle<T>(call: (done: (error: Error | null | undefined, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, result) => (error ? reject(error) : resolve(result as T)));
  });
}
