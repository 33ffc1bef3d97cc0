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

/** Behind the marker of a message and its length. */
const METADATA_START = 8;
const MESSAGE = { header: 2 } as const;
const SCHEMA = { fields: 1 } as const;
const FIELD = { name: 0, typeOfType: 2 } as const;
const NULL_TYPE = 1;

/** Where the table at `table` has its field of that number; null if it has not. */
function placeIn(bytes: Buffer, table: number, field: number): number | null {
  const vtable = table - bytes.readInt32LE(table);
  const entry = 4 + field * 2;
  const place = entry < bytes.readUInt16LE(vtable) ? bytes.readUInt16LE(vtable + entry) : 0;
  return place === 0 ? null : table + place;
}

/** What a field refers to. */
function offsetIn(bytes: Buffer, table: number, field: number): number | null {
  const place = placeIn(bytes, table, field);
  return place === null ? null : place + bytes.readUInt32LE(place);
}
