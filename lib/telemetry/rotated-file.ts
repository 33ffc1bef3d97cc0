/**
 * winston's transport for files, mended in three places where it loses lines. `logger.test.ts` fails where another version of
 * winston has these places elsewhere.
 */
import winston from 'winston';

const FILES = 5;

export interface RotatedFile {
  readonly transport: winston.transport;
  /** To be called before the transport is ended. */
  readonly keep: () => void;
}

/** What the transport has beside its types. */
interface Internals {
  maxsize: number | null;
  _writev: unknown;
  _endStream(done: () => void): void;
}

/** @param maxBytes the size from which the file is rotated */
export function rotatedFile(filename: string, maxBytes: number): RotatedFile {
  const transport: winston.transport = new winston.transports.File({
    filename,
    maxsize: maxBytes,
    maxFiles: FILES,
    tailable: true,
  });
  const internals = transport as unknown as Internals;
  // It calls several lines written as soon as it has them: those that wait for the file are lost when the transport ends.
  internals._writev = undefined;
  // It begins a rotation while the stream before the file is being read, and so drops what this stream holds. After the
  // read the stream keeps that for the next file.
  const endStream = internals._endStream.bind(transport);
  internals._endStream = (done) => void setImmediate(endStream, done);
  // A rotation that the last lines begin would be over only after the end of the transport.
  const keep = (): void => {
    internals.maxsize = null;
  };
  return { transport, keep };
}
