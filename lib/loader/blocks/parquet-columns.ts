/**
 * What a Parquet file's footer says of its columns' sizes. Uncompressed pages are not what they stand for: a column of few
 * values is a dictionary of them and a number for each row, so that a text of a kilobyte may be a bit.
 * https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift has the layout.
 */
import { CompactReader, footerOf, TYPE } from '../file/parquet-names.js';

const FOOTER = { schema: 2, rowGroups: 4 } as const;
const ELEMENT = { typeLength: 2, children: 5 } as const;
const ROW_GROUP = { columns: 1, rows: 3 } as const;
const CHUNK_METADATA = 3;
const METADATA = {
  type: 1,
  encodings: 2,
  codec: 4,
  values: 5,
  uncompressedBytes: 6,
  dataPage: 9,
  dictionaryPage: 11,
  sizes: 16,
} as const;
const SIZES_TEXT_BYTES = 1;
const PAGE = { type: 1, uncompressedBytes: 2, compressedBytes: 3 } as const;
const DICTIONARY_PAGE = 2;

/** Boolean, Int32, Int64, Int96, Float, Double: what a value has by its column's type. */
const WIDTHS: readonly number[] = [1, 4, 8, 12, 4, 8];
const [BYTE_ARRAY, FIXED_LENGTH] = [6, 7];
/** In front of a value of BYTE_ARRAY. */
export const LENGTH_BYTES = 4;
const DICTIONARIES: readonly number[] = [2, 8];
/** Values as they are, each behind its length, and what only tells which rows have one. */
const PLAIN: readonly number[] = [0, 3, 4];
/** Values as they are; the lengths are packed. */
const LENGTHS_APART = 6;

/** As many row groups are looked at, spread over the file. */
const ROW_GROUPS = 4;

export interface RowGroup {
  readonly rows: number;
  readonly columns: readonly ColumnChunk[];
}

export interface ColumnChunk {
  /** One for each row, or more in a list. */
  readonly values: number;
  /** Of all of them; of a column with a dictionary, as far as they are not in it. */
  readonly bytes: number;
  /** Where the longest value has to be looked for, since the bytes do not tell; null where they do. */
  readonly dictionary: Dictionary | null;
}

export interface Dictionary {
  readonly offset: number;
  readonly codec: number;
}

/** `part` ends as the file does. Null where a column does not tell its size. @throws Error where the footer is damaged */
export function parquetRowGroups(part: Uint8Array): readonly RowGroup[] | null {
  const reader = footerOf(part);
  const lengths: number[] = [];
  const groups: RowGroup[] = [];
  let isTold = true;
  reader.struct((field, type) => {
    if (field === FOOTER.schema && type === TYPE.list) return reader.list(() => readElement(reader, lengths));
    if (field !== FOOTER.rowGroups || type !== TYPE.list) return reader.skip(type);
    reader.list((_, index, count) => {
      const group = readRowGroup(reader, lengths);
      if (index % Math.ceil(count / ROW_GROUPS) !== 0) return;
      if (group === null) isTold = false;
      else groups.push(group);
    });
  });
  return isTold ? groups : null;
}

/** Columns come in the order of the elements that have no children. */
function readElement(reader: CompactReader, lengths: number[]): void {
  let [length, children] = [0, 0];
  reader.struct((field, type) => {
    if (field === ELEMENT.typeLength) length = reader.zigzag();
    else if (field === ELEMENT.children) children = reader.zigzag();
    else reader.skip(type);
  });
  if (children === 0) lengths.push(length);
}

function readRowGroup(reader: CompactReader, lengths: readonly number[]): RowGroup | null {
  let rows = 0;
  let isTold = true;
  const columns: ColumnChunk[] = [];
  reader.struct((field, type) => {
    if (field === ROW_GROUP.rows) rows = reader.zigzag();
    else if (field !== ROW_GROUP.columns || type !== TYPE.list) reader.skip(type);
    else
      reader.list((_, index) => {
        const column = sizeOf(readMetadata(reader), lengths[index] ?? 0);
        if (column === null) isTold = false;
        else columns.push(column);
      });
  });
  return isTold ? { rows, columns } : null;
}

type Metadata = Record<keyof Omit<typeof METADATA, 'encodings' | 'sizes'>, number> & {
  encodings: number[];
  /** Of all values without their lengths; writers tell it since 2024. */
  textBytes: number | null;
};

function readMetadata(reader: CompactReader): Metadata {
  const found: Metadata = {
    ...{ type: -1, codec: 0, values: 0, uncompressedBytes: 0, dataPage: 0, dictionaryPage: 0 },
    encodings: [],
    textBytes: null,
  };
  const numbers = new Map<number, 'type' | 'codec' | 'values' | 'uncompressedBytes' | 'dataPage' | 'dictionaryPage'>(
    (['type', 'codec', 'values', 'uncompressedBytes', 'dataPage', 'dictionaryPage'] as const).map((name) => [
      METADATA[name],
      name,
    ]),
  );
  reader.struct((chunkField, chunkType) => {
    if (chunkField !== CHUNK_METADATA) return reader.skip(chunkType);
    reader.struct((field, type) => {
      const name = numbers.get(field);
      if (name !== undefined) found[name] = reader.zigzag();
      else if (field === METADATA.encodings) reader.list(() => found.encodings.push(reader.zigzag()));
      else if (field !== METADATA.sizes) reader.skip(type);
      else
        reader.struct((inner, innerType) => {
          if (inner === SIZES_TEXT_BYTES) found.textBytes = reader.zigzag();
          else reader.skip(innerType);
        });
    });
  });
  return found;
}

function sizeOf(column: Metadata, typeLength: number): ColumnChunk | null {
  const { type, values, encodings, uncompressedBytes, textBytes } = column;
  const width = type === FIXED_LENGTH ? typeLength : WIDTHS[type];
  if (width !== undefined) return { values, bytes: width * values, dictionary: null };
  if (type !== BYTE_ARRAY) return null;
  const ofLengths = LENGTH_BYTES * values;
  if (textBytes !== null) return { values, bytes: textBytes + ofLengths, dictionary: null };
  const known = [...PLAIN, ...DICTIONARIES, LENGTHS_APART];
  if (!encodings.every((encoding) => known.includes(encoding))) return null;
  const bytes = encodings.includes(LENGTHS_APART) ? uncompressedBytes + ofLengths : uncompressedBytes;
  if (!encodings.some((encoding) => DICTIONARIES.includes(encoding)))
    return { values, bytes: Math.max(bytes, ofLengths), dictionary: null };
  // Some writers do not say where it is: then it comes first.
  return { values, bytes, dictionary: { offset: column.dictionaryPage || column.dataPage, codec: column.codec } };
}

export interface DictionaryPage {
  /** Of the page that follows the header. */
  readonly compressedBytes: number;
  readonly uncompressedBytes: number;
  readonly headerBytes: number;
}

/** The header of a dictionary; null for that of another page. @throws Error where it is damaged */
export function dictionaryPage(bytes: Buffer): DictionaryPage | null {
  const reader = new CompactReader(bytes);
  const found = new Map<number, number>();
  const numbers: readonly number[] = Object.values(PAGE);
  reader.struct((field, type) => {
    if (numbers.includes(field)) found.set(field, reader.zigzag());
    else reader.skip(type);
  });
  if (found.get(PAGE.type) !== DICTIONARY_PAGE) return null;
  return {
    compressedBytes: found.get(PAGE.compressedBytes) ?? 0,
    uncompressedBytes: found.get(PAGE.uncompressedBytes) ?? 0,
    headerBytes: reader.at,
  };
}

/** The length of the longest value of a dictionary. @throws Error where it is damaged */
export function longestValue(page: Buffer): number {
  let longest = 0;
  for (let at = 0; at < page.length; ) {
    const length = page.readUInt32LE(at);
    longest = Math.max(longest, length);
    at += LENGTH_BYTES + length;
  }
  return longest;
}
