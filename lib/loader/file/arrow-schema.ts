/**
 * The outermost columns of an Arrow file, from the message that is its schema: a table of FlatBuffers.
 * https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format, https://flatbuffers.dev/internals/
 */

export interface ArrowField {
  readonly name: string;
  /** It has no values at all: what pandas writes of a column of nothing but None. */
  readonly isNull: boolean;
}

/** `part` is what arrowSchema gives. @throws RangeError where it is damaged */
export function arrowFields(part: Uint8Array): readonly ArrowField[] {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.length).subarray(METADATA_START);
  const schema = offsetIn(bytes, bytes.readUInt32LE(0), MESSAGE.header);
  const list = schema === null ? null : offsetIn(bytes, schema, SCHEMA.fields);
  if (list === null) return [];
  return Array.from({ length: bytes.readUInt32LE(list) }, (_, index) => {
    const at = list + 4 + index * 4;
    const field = at + bytes.readUInt32LE(at);
    const name = offsetIn(bytes, field, FIELD.name);
    const type = placeIn(bytes, field, FIELD.typeOfType);
    return {
      name: name === null ? '' : bytes.toString('utf8', name + 4, name + 4 + bytes.readUInt32LE(name)),
      isNull: type !== null && bytes.readUInt8(type) === NULL_TYPE,
    };
  });
}

export const FILE_MAGIC = 'ARROW1\0\0';
/** Every message begins with it, and behind the last one it is followed by no length. */
const MARKER = Buffer.from([0xff, 0xff, 0xff, 0xff]);

/**
 * Polars leaves out the marker and the length of a file's schema, as readers look into the footer. It ends where the next message
 * begins, at a multiple of eight bytes; null where that is not in sight.
 */
export function endOfBareSchema(bytes: Buffer, start: number): number | null {
  for (let at = bytes.indexOf(MARKER, start); at >= 0; at = bytes.indexOf(MARKER, at + 1))
    if ((at - start) % 8 === 0) return at;
  return null;
}

export const RECORD_BATCH = 3;

/**
 * Of the message that `bytes` begin with, or of the magic bytes of a file: its rows, none but of a batch of them, and its bytes;
 * null where it is longer than they are. Behind the last one a file has its footer.
 */
export function arrowMessage(bytes: Buffer): { readonly rows: number; readonly bytes: number } | 'end' | null {
  if (bytes.length < METADATA_START) return null;
  if (bytes.toString('latin1', 0, FILE_MAGIC.length) === FILE_MAGIC) {
    const start = FILE_MAGIC.length;
    if (bytes.length < start + MARKER.length) return null;
    const end = MARKER.equals(bytes.subarray(start, start + MARKER.length)) ? start : endOfBareSchema(bytes, start);
    return end === null ? null : { rows: 0, bytes: end };
  }
  const length = bytes.readInt32LE(4);
  if (bytes.readUInt32LE(0) !== 0xffffffff || length <= 0) return 'end';
  if (bytes.length < METADATA_START + length) return null;
  const metadata = bytes.subarray(METADATA_START, METADATA_START + length);
  const message = metadata.readUInt32LE(0);
  const longAt = (place: number | null): number => (place === null ? 0 : Number(metadata.readBigInt64LE(place)));
  const type = placeIn(metadata, message, MESSAGE.typeOfHeader);
  const header = offsetIn(metadata, message, MESSAGE.header);
  const isBatch = type !== null && metadata.readUInt8(type) === RECORD_BATCH && header !== null;
  return {
    rows: isBatch ? longAt(placeIn(metadata, header, BATCH.length)) : 0,
    bytes: METADATA_START + length + longAt(placeIn(metadata, message, MESSAGE.bodyLength)),
  };
}

/** Behind the marker of a message and its length. */
export const METADATA_START = 8;
export const MESSAGE = { typeOfHeader: 1, header: 2, bodyLength: 3 } as const;
export const BATCH = { length: 0, buffers: 2, compression: 3 } as const;
const SCHEMA = { fields: 1 } as const;
const FIELD = { name: 0, typeOfType: 2 } as const;
const NULL_TYPE = 1;

/** Where the table at `table` has its field of that number; null if it has not. */
export function placeIn(bytes: Buffer, table: number, field: number): number | null {
  const vtable = table - bytes.readInt32LE(table);
  const entry = 4 + field * 2;
  const place = entry < bytes.readUInt16LE(vtable) ? bytes.readUInt16LE(vtable + entry) : 0;
  return place === 0 ? null : table + place;
}

/** What a field refers to. */
export function offsetIn(bytes: Buffer, table: number, field: number): number | null {
  const place = placeIn(bytes, table, field);
  return place === null ? null : place + bytes.readUInt32LE(place);
}
