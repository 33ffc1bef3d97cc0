/**
 * The columns of a Parquet file, and how many rows it has, from its footer: ClickHouse leaves out what it has no use for, as a column
 * without a name, and takes a time of day for an instant of 1970, and does not say so. The footer is a struct of Thrift's compact protocol.
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */

const [FOOTER_SCHEMA, FOOTER_ROWS] = [2, 3];
const ELEMENT = { name: 4, children: 5, converted: 6, logical: 10 } as const;
/** https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift */
const CONVERTED_SCALES: Readonly<Record<number, number>> = { 7: 3, 8: 6 };
const [LOGICAL_TIME, TIME_UNIT] = [7, 2];
const UNIT_SCALES: Readonly<Record<number, number>> = { 1: 3, 2: 6, 3: 9 };
export const TYPE = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

interface SchemaElement {
  name: string;
  children: number;
  /** Digits of the fraction of a second, of a time of day. */
  clock: number | null;
}

export interface ParquetColumn {
  readonly name: string;
  /** Of all that has a value within it, in its order: digits of the fraction of a second, of a time of day. */
  readonly clocks: readonly (number | null)[];
}

/** The outermost ones, in their order. `part` ends as the file does. @throws Error where the footer is damaged. */
export function parquetColumns(part: Uint8Array): readonly ParquetColumn[] {
  const [root, ...elements] = schemaElements(footerOf(part));
  const columns: ParquetColumn[] = [];
  let at = 0;
  // An element is followed by those within it.
  const walk = (clocks: (number | null)[]): void => {
    const { children = 0, clock = null } = elements[at++] ?? {};
    if (children === 0) clocks.push(clock);
    for (let child = 0; child < children && at < elements.length; child++) walk(clocks);
  };
  for (let child = 0; child < (root?.children ?? 0) && at < elements.length; child++) {
    const name = elements[at]?.name ?? '';
    const clocks: (number | null)[] = [];
    walk(clocks);
    columns.push({ name, clocks });
  }
  return columns;
}

/** @throws Error where the footer is damaged. */
export function parquetRows(part: Uint8Array): number {
  const reader = footerOf(part);
  let rows = 0;
  reader.struct((field, type) => {
    if (field === FOOTER_ROWS && type === TYPE.i64) rows = reader.zigzag();
    else reader.skip(type);
  });
  return rows;
}

export function footerOf(part: Uint8Array): CompactReader {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
  const length = bytes.readUInt32LE(bytes.length - 8);
  return new CompactReader(bytes.subarray(bytes.length - 8 - length, bytes.length - 8));
}

function schemaElements(reader: CompactReader): readonly SchemaElement[] {
  const elements: SchemaElement[] = [];
  reader.struct((field, type) => {
    if (field !== FOOTER_SCHEMA || type !== TYPE.list) return reader.skip(type);
    reader.list(() => {
      const element: SchemaElement = { name: '', children: 0, clock: null };
      reader.struct((inner, innerType) => {
        if (inner === ELEMENT.name) element.name = reader.text();
        else if (inner === ELEMENT.children) element.children = reader.zigzag();
        else if (inner === ELEMENT.converted) element.clock ??= CONVERTED_SCALES[reader.zigzag()] ?? null;
        else if (inner === ELEMENT.logical && innerType === TYPE.struct)
          element.clock = clockOf(reader) ?? element.clock;
        else reader.skip(innerType);
      });
      elements.push(element);
    });
  });
  return elements;
}

/** Of a logical type that is a time of day the digits of a fraction. A union is a struct of one field. */
function clockOf(reader: CompactReader): number | null {
  let scale: number | null = null;
  reader.struct((logical, logicalType) => {
    if (logical !== LOGICAL_TIME || logicalType !== TYPE.struct) return reader.skip(logicalType);
    reader.struct((field, type) => {
      if (field !== TIME_UNIT || type !== TYPE.struct) return reader.skip(type);
      reader.struct((unit, unitType) => {
        scale = UNIT_SCALES[unit] ?? null;
        reader.skip(unitType);
      });
    });
  });
  return scale;
}

/** Of Thrift's compact protocol. */
export class CompactReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** How far it has read. */
  get at(): number {
    return this.#at;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('the footer ends too early');
    return byte;
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(): string {
    const length = this.#varint();
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  /** `read` must read the field's value, or skip it. */
  struct(read: (field: number, type: number) => void): void {
    let field = 0;
    for (;;) {
      const header = this.#byte();
      if (header === 0) return;
      field = header >> 4 === 0 ? this.zigzag() : field + (header >> 4);
      read(field, header & 0x0f);
    }
  }

  list(read: (type: number, index: number, count: number) => void): void {
    const header = this.#byte();
    const count = header >> 4 === 15 ? this.#varint() : header >> 4;
    for (let element = 0; element < count; element++) {
      // An element has a byte at least, and a file may claim to have any number of them.
      if (this.#at >= this.#bytes.length) throw new Error('the footer ends too early');
      read(header & 0x0f, element, count);
    }
  }

  skip(type: number): void {
    if (type === TYPE.byte) this.#at += 1;
    else if (type === TYPE.double) this.#at += 8;
    else if (type === TYPE.i16 || type === TYPE.i32 || type === TYPE.i64) this.#varint();
    else if (type === TYPE.binary) this.text();
    else if (type === TYPE.struct) this.struct((_, inner) => this.skip(inner));
    else if (type === TYPE.list || type === TYPE.set) this.list((inner) => this.#skipElement(inner));
    else if (type !== TYPE.true && type !== TYPE.false) throw new Error(`the footer has a field of type ${type}`);
  }

  /** In a list a Boolean has a byte. */
  #skipElement(type: number): void {
    if (type === TYPE.true || type === TYPE.false) this.#at += 1;
    else this.skip(type);
  }
}
