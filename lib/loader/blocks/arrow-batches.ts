/** The rows of an Arrow file's batches, and what they unpack to: a buffer that is compressed begins with its length before that. */
import { BATCH, FILE_MAGIC, MESSAGE, METADATA_START, offsetIn, placeIn, RECORD_BATCH } from '../file/arrow-schema.js';

const DICTIONARY_BATCH = 2;
const BUFFER_BYTES = 16;
export const UNPACKED_LENGTH_BYTES = 8;

export interface ArrowBatch {
  readonly rows: number;
  /** Behind its metadata. */
  readonly bodyBytes: number;
  /** Where in the body the buffers begin that are compressed, and their bytes. */
  readonly packed: readonly { readonly offset: number; readonly bytes: number }[];
}

/** Where the messages begin: behind the magic bytes of a file. */
export function messagesStart(head: Buffer): number {
  return head.toString('latin1', 0, FILE_MAGIC.length) === FILE_MAGIC ? FILE_MAGIC.length : 0;
}

/** The bytes of a message but for its body, by its first eight; null behind the last one. */
export function messageBytes(start: Buffer): number | null {
  if (start.length < METADATA_START || start.readUInt32LE(0) !== 0xffffffff) return null;
  const length = start.readInt32LE(4);
  return length <= 0 ? null : METADATA_START + length;
}

/**
 * Of a message without its body; the schema has no rows. Null for a dictionary: how long its values are is not told.
 * @throws Error where it is damaged
 */
export function arrowBatch(message: Buffer): ArrowBatch | null {
  const metadata = message.subarray(METADATA_START);
  const table = metadata.readUInt32LE(0);
  const long = (place: number | null): number => (place === null ? 0 : Number(metadata.readBigInt64LE(place)));
  const typeAt = placeIn(metadata, table, MESSAGE.typeOfHeader);
  const type = typeAt === null ? 0 : metadata.readUInt8(typeAt);
  const header = offsetIn(metadata, table, MESSAGE.header);
  const bodyBytes = long(placeIn(metadata, table, MESSAGE.bodyLength));
  // The next message would be this one again.
  if (bodyBytes < 0) throw new Error('a message has a length below nothing');
  if (type === DICTIONARY_BATCH) return null;
  if (type !== RECORD_BATCH || header === null) return { rows: 0, bodyBytes, packed: [] };
  const rows = long(placeIn(metadata, header, BATCH.length));
  const buffers = offsetIn(metadata, header, BATCH.buffers);
  const isPacked = placeIn(metadata, header, BATCH.compression) !== null;
  if (!isPacked || buffers === null) return { rows, bodyBytes, packed: [] };
  const packed = Array.from({ length: metadata.readUInt32LE(buffers) }, (_, index) => {
    const at = buffers + 4 + index * BUFFER_BYTES;
    return { offset: Number(metadata.readBigInt64LE(at)), bytes: Number(metadata.readBigInt64LE(at + 8)) };
  });
  return { rows, bodyBytes, packed: packed.filter(({ bytes }) => bytes > UNPACKED_LENGTH_BYTES) };
}
