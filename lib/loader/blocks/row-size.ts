/**
 * How many rows a file has, and of how many bytes, as far as that says how many rows a block has. The same for the same file at
 * each time, whatever the machine: no answer may depend on how the file's bytes happen to come.
 */
import { ExitCode } from '../../errors.js';
import { LoadError } from '../failures.js';
import type { Contents } from '../file/contents.js';
import type { Format, FormatName } from '../file/formats.js';
import { objectKeys } from '../file/json-text.js';
import { parquetRows } from '../file/parquet-names.js';
import { countFirst, countSample } from '../file/row-count.js';
import { ORDINARY_FILE_ROWS, type RowSize } from './block-rows.js';

/** A value takes as much in a block, however short it is in the file. */
const LEAST_BYTES = 8;
/** A text file that begins as one of so many rows is counted: an estimate may be wrong by half. */
const COUNTED_ROWS = ORDINARY_FILE_ROWS / 2;
/** The beginning that it is told by. The sample is longer where the table is to be made, which a repetition finds made. */
const BEGINNING_BYTES = 64 * 1024;
/** Batches that are looked into, and that are read at most, those without rows included. */
const LOOKED_INTO = 8;
const MOST_BATCHES = 100_000;
/** Of one batch: it says where each column's buffers are. */
const MOST_BATCH_HEAD_BYTES = 1024 * 1024;
const MOST_BLOCK_BYTES = 64 * 1024 * 1024;
/** Dictionaries are a megabyte where writers have their way. */
const MOST_DICTIONARY_BYTES = 16 * 1024 * 1024;
/** Of all that are unpacked, each counting for some of it. */
const MOST_UNPACKED_BYTES = 512 * 1024 * 1024;
const LEAST_UNPACKED_BYTES = 64 * 1024;
const PAGE_HEADER_BYTES = 1024;

/**
 * @param sample what takeSample gave
 * @param columns how many the file has
 * @returns null where it cannot be told, or is told only by reading more than it is worth
 */
export async function rowSize(
  contents: Contents,
  format: Format,
  sample: Uint8Array,
  columns: number,
): Promise<RowSize | null> {
  try {
    const found = await (SIZES[format.name] ?? textSize)(contents, format, sample);
    if (found === null) return null;
    // The columns of JSON are told in one way where the table is to be made, and in another one where it is there.
    const values = format.name === 'jsonl' ? (objectKeys(sample)?.length ?? null) : columns;
    return values === null ? null : { rows: found.rows, bytes: Math.max(found.bytes, LEAST_BYTES * values) };
  } catch (error) {
    // Of a file that cannot be read, the insert says why. What may be read at the next time must not be cut in another way then.
    if (error instanceof LoadError && error.exitCode !== ExitCode.dataError) throw error;
    return null;
  }
}

type SizeOf = (contents: Contents, format: Format, sample: Uint8Array) => Promise<RowSize | null>;

const SIZES: Readonly<Partial<Record<FormatName, SizeOf>>> = {
  parquet: parquetSize,
  orc: orcSize,
  arrow: arrowSize,
  avro: avroSize,
};

async function textSize(contents: Contents, format: Format): Promise<RowSize | null> {
  const estimated = await contents.estimatedBytes();
  // No row is shorter than a line end.
  if (estimated <= COUNTED_ROWS) return null;
  const beginning = (await contents.head(BEGINNING_BYTES)).data.subarray(format.preamble.bytes);
  const bytesOfRow = beginning.length / countSample(format, beginning);
  if (estimated / bytesOfRow <= COUNTED_ROWS) return null;
  const { rows, bytes } = await countFirst(contents, format, ORDINARY_FILE_ROWS);
  return { rows, bytes: bytes / rows };
}

async function orcSize(_: Contents, __: Format, sample: Uint8Array): Promise<RowSize | null> {
  const [{ orcRows }, { orcBytes }] = await Promise.all([
    import('../file/orc-schema.js'),
    import('./orc-statistics.js'),
  ]);
  const rows = orcRows(sample);
  if (rows <= ORDINARY_FILE_ROWS) return null;
  const bytes = orcBytes(sample, rows);
  return bytes === null ? null : { rows, bytes: bytes / rows };
}

async function parquetSize(contents: Contents, _: Format, sample: Uint8Array): Promise<RowSize | null> {
  const rows = parquetRows(sample);
  if (rows <= ORDINARY_FILE_ROWS) return null;
  const { LENGTH_BYTES, parquetRowGroups } = await import('./parquet-columns.js');
  const groups = parquetRowGroups(sample);
  if (groups === null) return null;
  let most = 0;
  const budget = { left: MOST_UNPACKED_BYTES };
  for (const group of groups) {
    let bytes = 0;
    for (const column of group.columns) {
      if (column.dictionary === null) bytes += column.bytes;
      else {
        const longest = await longestIn(contents, column.dictionary, budget);
        if (longest === null) return null;
        bytes += Math.max(column.bytes, (longest + LENGTH_BYTES) * column.values);
      }
    }
    if (group.rows > 0) most = Math.max(most, bytes / group.rows);
  }
  return { rows, bytes: most };
}

async function longestIn(
  { compression, file }: Contents,
  { offset, codec }: { readonly offset: number; readonly codec: number },
  budget: { left: number },
): Promise<number | null> {
  if (compression !== null) return null;
  const [{ dictionaryPage, longestValue }, { unpackPage }] = await Promise.all([
    import('./parquet-columns.js'),
    import('./parquet-pages.js'),
  ]);
  const page = dictionaryPage(await partOf(file, offset, PAGE_HEADER_BYTES));
  if (page === null || page.compressedBytes > MOST_DICTIONARY_BYTES || page.uncompressedBytes > MOST_DICTIONARY_BYTES)
    return null;
  // Any number of columns may have one and the same.
  budget.left -= Math.max(page.uncompressedBytes, page.compressedBytes, LEAST_UNPACKED_BYTES);
  if (budget.left < 0) return null;
  const packed = await partOf(file, offset + page.headerBytes, page.compressedBytes);
  const values = await unpackPage(packed, codec, page.uncompressedBytes);
  return values === null ? null : longestValue(values);
}

/** A stream of messages, each with a head that says how long it is. */
async function arrowSize({ compression, file }: Contents): Promise<RowSize | null> {
  if (compression !== null || file.bytes <= ORDINARY_FILE_ROWS) return null;
  const { arrowBatch, messageBytes, messagesStart, UNPACKED_LENGTH_BYTES } = await import('./arrow-batches.js');
  const size = new Size();
  let at = messagesStart(await partOf(file, 0, UNPACKED_LENGTH_BYTES));
  while (size.goesOn) {
    const headBytes = messageBytes(await partOf(file, at, UNPACKED_LENGTH_BYTES));
    if (headBytes === null) break;
    if (headBytes > MOST_BATCH_HEAD_BYTES) return null;
    const batch = arrowBatch(await partOf(file, at, headBytes));
    if (batch === null) return null;
    const body = at + headBytes;
    at = body + batch.bodyBytes;
    let bytes = batch.bodyBytes;
    if (size.looksInto)
      for (const buffer of batch.packed) {
        const start = await partOf(file, body + buffer.offset, UNPACKED_LENGTH_BYTES);
        // -1 says that it is not compressed after all.
        bytes += Math.max(0, Number(start.readBigInt64LE(0)) - buffer.bytes);
      }
    size.add(batch.rows, bytes);
  }
  return size.found;
}

async function avroSize({ compression, file }: Contents, _: Format, sample: Uint8Array): Promise<RowSize | null> {
  if (compression !== null || file.bytes <= ORDINARY_FILE_ROWS) return null;
  const { avroBlock, avroCodec, BLOCK_HEAD_BYTES, unpackedBytes } = await import('./avro-blocks.js');
  const codec = avroCodec(asBuffer(sample));
  const size = new Size();
  for (let at = sample.length; at < file.bytes && size.goesOn; ) {
    const block = avroBlock(await partOf(file, at, BLOCK_HEAD_BYTES));
    if (block === null) return null;
    let bytes: number | null = block.dataBytes;
    if (size.looksInto && codec !== 'null') {
      if (block.dataBytes > MOST_BLOCK_BYTES) return null;
      bytes = await unpackedBytes(await partOf(file, at + block.dataAt, block.dataBytes), codec);
    }
    if (bytes === null) return null;
    size.add(block.rows, bytes);
    at += block.bytes;
  }
  return size.found;
}

/** @throws Error where a damaged file names a place that there is not: that is no fault of the disk */
async function partOf(file: Contents['file'], at: number, bytes: number): Promise<Buffer> {
  if (!(at >= 0 && bytes >= 0)) throw new Error('a place before the beginning');
  return asBuffer(await file.read(at, bytes));
}

/** Of batches, one after the other: the first ones that have rows are looked into, the others are counted. */
class Size {
  #rows = 0;
  #batches = 0;
  #batchesLookedInto = 0;
  #rowsLookedInto = 0;
  #bytes = 0;

  get looksInto(): boolean {
    return this.#batchesLookedInto < LOOKED_INTO;
  }

  get goesOn(): boolean {
    return this.#rows <= ORDINARY_FILE_ROWS && this.#batches < MOST_BATCHES;
  }

  add(rows: number, bytes: number): void {
    this.#batches++;
    if (!(rows > 0)) return;
    if (this.looksInto) {
      this.#batchesLookedInto++;
      this.#rowsLookedInto += rows;
      this.#bytes += bytes;
    }
    this.#rows += rows;
  }

  get found(): RowSize | null {
    return this.#rowsLookedInto === 0 ? null : { rows: this.#rows, bytes: this.#bytes / this.#rowsLookedInto };
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
