/**
 * How many rows a file has. ClickHouse counts what it wrote, which with materialized views is more, so where a table has some
 * the file is counted here. Text is read only as far as needed to tell where rows end; in typed files the numbers are written.
 */
import { arrowMessage } from './arrow-schema.js';
import { avroSchema, signedLong } from './binary-schema.js';
import type { Contents } from './contents.js';
import type { Format } from './formats.js';
import { parquetRows } from './parquet-names.js';

interface Counter {
  push(chunk: Buffer): void;
  /** When all was pushed. */
  rows(): number;
}

/**
 * `sample` is what takeSample gave. The file is read to its end, or for as long as that is to go on, but for Parquet and ORC, whose
 * sample has the number.
 */
export async function countRows(
  contents: Pick<Contents, 'chunks'>,
  format: Format,
  sample: Uint8Array,
  going: { readonly on: boolean } = { on: true },
): Promise<number> {
  if (format.name === 'parquet') return parquetRows(sample);
  if (format.name === 'orc') return (await import('./orc-schema.js')).orcRows(sample);
  const counter = counterFor(format);
  let skip = format.preamble.bytes;
  for await (const bytes of contents.chunks()) {
    if (!going.on) break;
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (skip < chunk.length) counter.push(skip === 0 ? chunk : chunk.subarray(skip));
    skip = Math.max(0, skip - chunk.length);
  }
  return counter.rows();
}

/** Where it is looked whether there are enough. What a file unpacks to may come in pieces of any length. */
const STEP_BYTES = 1024 * 1024;
/** A compressed file may have any number. */
const MOST_BYTES = 512 * 1024 * 1024;

/** The first rows of a text file, more than `most` where it has them and they are not too long: how many, in how many bytes. */
export async function countFirst(
  contents: Pick<Contents, 'chunks'>,
  format: Format,
  most: number,
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const counter = counterFor(format);
  let bytes = -format.preamble.bytes;
  for await (const { buffer, byteOffset, length } of contents.chunks()) {
    for (let at = 0; at < length; ) {
      const start = at;
      at = bytes < 0 ? Math.min(length, at - bytes) : Math.min(length, at + STEP_BYTES - (bytes % STEP_BYTES));
      if (bytes >= 0) counter.push(Buffer.from(buffer, byteOffset + start, at - start));
      bytes += at - start;
      if (bytes <= 0 || bytes % STEP_BYTES !== 0) continue;
      if (counter.rows() > most || bytes >= MOST_BYTES) return { rows: counter.rows(), bytes };
    }
  }
  return { rows: counter.rows(), bytes };
}

/** The rows of a text file's sample. */
export function countSample(format: Format, sample: Uint8Array): number {
  const counter = counterFor(format);
  counter.push(Buffer.from(sample.buffer, sample.byteOffset, sample.length));
  return counter.rows();
}

function counterFor({ name, settings }: Format): Counter {
  if (name === 'jsonl') return new JsonObjects();
  if (name === 'avro') return new Blocks(avroBlock());
  if (name === 'arrow') return new Blocks(arrowMessage);
  const blanks = settings[`input_format_${name}_skip_trailing_empty_lines`] !== 1;
  if (name === 'tsv') return new TsvRows(blanks);
  const separator = String(settings['format_csv_delimiter'] ?? ',').charCodeAt(0);
  return new CsvRows(blanks, separator, settings['input_format_csv_trim_whitespaces'] !== 0);
}

const [LINE_FEED, CARRIAGE_RETURN, QUOTE, BACKSLASH, TAB, BLANK] = [0x0a, 0x0d, 0x22, 0x5c, 0x09, 0x20];

/** Lines behind that of the names. A blank one is a row of a file of one column alone. */
class Lines {
  readonly #blanks: boolean;
  #lines = 0;
  /** Of the line that has not ended. */
  #length = 0;
  #last = 0;

  constructor(blanks: boolean) {
    this.#blanks = blanks;
  }

  /** Bytes of a line, from `start` on; it ends at `end` unless that is the end of the chunk. */
  add(chunk: Buffer, start: number, end: number): void {
    this.#length += end - start;
    if (end > start) this.#last = chunk[end - 1] as number;
    if (end < chunk.length) this.#end();
  }

  #end(): void {
    const blank = this.#length === 0 || (this.#length === 1 && this.#last === CARRIAGE_RETURN);
    if (this.#blanks || !blank) this.#lines++;
    this.#length = 0;
  }

  get rows(): number {
    return Math.max(0, this.#lines + (this.#length > 0 ? 1 : 0) - 1);
  }
}

class TsvRows implements Counter {
  readonly #lines: Lines;
  #escaped = false;

  constructor(blanks: boolean) {
    this.#lines = new Lines(blanks);
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, end + 1)) {
      // A line end may be a part of a value behind a backslash that is none itself.
      if (isEscaped(chunk, end, this.#escaped)) continue;
      this.#lines.add(chunk, start, end);
      start = end + 1;
    }
    this.#escaped = isEscaped(chunk, chunk.length, this.#escaped);
    this.#lines.add(chunk, start, chunk.length);
  }

  rows(): number {
    return this.#lines.rows;
  }
}

function isEscaped(chunk: Buffer, at: number, before: boolean): boolean {
  let first = at;
  while (first > 0 && chunk[first - 1] === BACKSLASH) first--;
  const odd = (at - first) % 2 === 1;
  return first === 0 && before ? !odd : odd;
}

class CsvRows implements Counter {
  readonly #lines: Lines;
  readonly #separator: number;
  readonly #trims: boolean;
  #state: 'field' | 'plain' | 'quoted' | 'closed' = 'field';

  constructor(blanks: boolean, separator: number, trims: boolean) {
    this.#lines = new Lines(blanks);
    this.#separator = separator;
    this.#trims = trims;
  }

  push(chunk: Buffer): void {
    let start = 0;
    const endLine = (end: number): void => {
      this.#lines.add(chunk, start, end);
      start = end + 1;
      this.#state = 'field';
    };
    if (this.#state !== 'quoted' && this.#state !== 'closed' && !chunk.includes(QUOTE)) {
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, end + 1)) endLine(end);
      const field = chunk.lastIndexOf(this.#separator) + 1;
      if (field > start) this.#state = 'field';
      this.#scan(chunk.subarray(Math.max(field, start)), endLine);
    } else this.#scan(chunk, endLine);
    this.#lines.add(chunk, start, chunk.length);
  }

  /** A quote counts at the beginning of a field alone. */
  #scan(chunk: Buffer, endLine: (end: number) => void): void {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#state === 'quoted') {
        const end = byte === QUOTE ? at : chunk.indexOf(QUOTE, at);
        if (end < 0) return;
        at = end;
        this.#state = 'closed';
      } else if (this.#state === 'closed' && byte === QUOTE) this.#state = 'quoted';
      else if (byte === LINE_FEED) endLine(at);
      else if (byte === this.#separator) this.#state = 'field';
      else if (this.#state === 'field' && byte === QUOTE) this.#state = 'quoted';
      // Blanks before a quote, and the mark before the first name, are nothing.
      else if (!(this.#state === 'field' && (this.#trims ? byte === BLANK || byte === TAB : false)) && byte < 0x80)
        this.#state = 'plain';
    }
  }

  rows(): number {
    return this.#lines.rows;
  }
}

/** Objects that are in no other one, on lines, behind each other or in one list. */
class JsonObjects implements Counter {
  #rows = 0;
  #depth = 0;
  #outer: number | null = null;
  #inString = false;
  #escaped = false;

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === 0x7b || byte === 0x5b) {
        this.#outer ??= byte === 0x5b ? 1 : 0;
        if (byte === 0x7b && this.#depth === this.#outer) this.#rows++;
        this.#depth++;
      } else if (byte === 0x7d || byte === 0x5d) this.#depth--;
    }
  }

  rows(): number {
    return this.#rows;
  }
}

/** What stands at the beginning of a block. */
export interface BlockHead {
  readonly rows: number;
  /** Of all that is of the block, this head included. */
  readonly bytes: number;
}

/** The head of the block that `bytes` begin with; null where it is longer than they are, 'end' behind the last one. */
type ReadHead = (bytes: Buffer) => BlockHead | 'end' | null;

class Blocks implements Counter {
  readonly #read: ReadHead;
  #rows = 0;
  #skip = 0;
  #pending: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(read: ReadHead) {
    this.#read = read;
  }

  push(chunk: Buffer): void {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (!this.#ended && rest.length > 0) {
      if (this.#skip >= rest.length) {
        this.#skip -= rest.length;
        rest = rest.subarray(rest.length);
        break;
      }
      rest = rest.subarray(this.#skip);
      this.#skip = 0;
      const head = this.#read(rest);
      if (head === null) break;
      // One that claims a length below nothing would be read again and again.
      if (head === 'end' || head.bytes <= 0) this.#ended = true;
      else {
        this.#rows += head.rows;
        this.#skip = head.bytes;
      }
    }
    this.#pending = Buffer.from(this.#ended ? '' : rest);
  }

  rows(): number {
    return this.#rows;
  }
}

const AVRO_SYNC_BYTES = 16;

/** First the header, then blocks of a number of rows, a number of bytes, those, and the marker. */
function avroBlock(): ReadHead {
  let inHeader = true;
  return (bytes) => {
    if (inHeader) {
      const header = avroSchema(bytes);
      if (header?.kind !== 'part') return null;
      inHeader = false;
      return { rows: 0, bytes: header.data.length };
    }
    const [rows, size] = [signedLong(bytes, 0), signedLong(bytes, signedLong(bytes, 0)?.end ?? 0)];
    if (rows === null || size === null) return null;
    return { rows: rows.value, bytes: size.end + size.value + AVRO_SYNC_BYTES };
  };
}
