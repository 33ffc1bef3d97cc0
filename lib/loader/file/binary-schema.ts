/**
 * The part of a binary file that says which columns it has, given its beginning or its end: small, and enough for
 * ClickHouse to describe them. `more` asks for that many bytes; null is no file of that format.
 */
import { Leb128Reader } from '../../util/leb128.js';
import { endOfBareSchema, FILE_MAGIC } from './arrow-schema.js';

export type SchemaPart =
  | { readonly kind: 'part'; readonly data: Uint8Array }
  | { readonly kind: 'more'; readonly bytes: number };

const PARQUET_MAGIC = Buffer.from('PAR1');
const ARROW_FILE_MAGIC = Buffer.from(FILE_MAGIC);
const ARROW_MARKER = 0xffffffff;
const AVRO_MAGIC = Buffer.from('Obj\x01');
const AVRO_SYNC_BYTES = 16;

/** The footer behind the magic bytes, which is all that the reader looks at for the schema. `end` ends the file. */
export function parquetSchema(end: Uint8Array, fileBytes: number): SchemaPart | null {
  const bytes = asBuffer(end);
  if (bytes.length < 12 || !bytes.subarray(-4).equals(PARQUET_MAGIC)) return null;
  const footer = bytes.readUInt32LE(bytes.length - 8);
  if (footer === 0 || footer + 8 > fileBytes - PARQUET_MAGIC.length) return null;
  if (footer + 8 > bytes.length) return { kind: 'more', bytes: footer + 8 };
  return { kind: 'part', data: Buffer.concat([PARQUET_MAGIC, bytes.subarray(-8 - footer)]) };
}

/** The first message of a stream, which is its schema; an Arrow file is such a stream behind its magic bytes. */
export function arrowSchema(head: Uint8Array): SchemaPart | null {
  const bytes = asBuffer(head);
  const start = bytes.subarray(0, ARROW_FILE_MAGIC.length).equals(ARROW_FILE_MAGIC) ? ARROW_FILE_MAGIC.length : 0;
  if (bytes.length < start + 8) return null;
  if (bytes.readUInt32LE(start) !== ARROW_MARKER) return start === 0 ? null : bareArrowSchema(bytes, start);
  const metadata = bytes.readInt32LE(start + 4);
  if (metadata <= 0) return null;
  const end = start + 8 + metadata;
  return end > bytes.length ? { kind: 'more', bytes: end } : { kind: 'part', data: bytes.subarray(start, end) };
}

/** As the message that it would be in a stream. */
function bareArrowSchema(bytes: Buffer, start: number): SchemaPart {
  const end = endOfBareSchema(bytes, start);
  if (end === null) return { kind: 'more', bytes: bytes.length * 4 };
  const prefix = Buffer.alloc(8);
  prefix.writeUInt32LE(ARROW_MARKER);
  prefix.writeInt32LE(end - start, 4);
  return { kind: 'part', data: Buffer.concat([prefix, bytes.subarray(start, end)]) };
}

/** The header: magic bytes, a map with the schema in it, a marker of 16 bytes. */
export function avroSchema(head: Uint8Array): SchemaPart | null {
  const bytes = asBuffer(head);
  if (!bytes.subarray(0, AVRO_MAGIC.length).equals(AVRO_MAGIC)) return null;
  const end = endOfAvroMap(bytes, AVRO_MAGIC.length);
  if (end === null || end + AVRO_SYNC_BYTES > bytes.length) return { kind: 'more', bytes: bytes.length * 4 };
  return { kind: 'part', data: bytes.subarray(0, end + AVRO_SYNC_BYTES) };
}

/** Blocks of a count and that many pairs of strings, closed by a count of 0; null where `bytes` end before. */
function endOfAvroMap(bytes: Buffer, start: number): number | null {
  const reader = new Leb128Reader(bytes, start);
  const long = (): number => unfolded(reader.next());
  for (;;) {
    const count = long();
    if (count === 0) return reader.at;
    // A negative count is followed by the size of its block.
    if (count < 0) long();
    for (let i = 0; i < 2 * Math.abs(count); i++) {
      // Apart, since reading the length moves the reader too.
      const length = long();
      reader.at += length;
      if (!(length >= 0 && reader.at < bytes.length)) return null;
    }
    if (Number.isNaN(count)) return null;
  }
}

/** Signed numbers are folded into unsigned ones: 0, -1, 1, -2 … */
function unfolded(value: number): number {
  return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
}

/** The number at `start`, and where it ends; null where `bytes` end before. */
export function signedLong(bytes: Buffer, start: number): { readonly value: number; readonly end: number } | null {
  const reader = new Leb128Reader(bytes, start);
  const value = unfolded(reader.next());
  return Number.isNaN(value) ? null : { value, end: reader.at };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
