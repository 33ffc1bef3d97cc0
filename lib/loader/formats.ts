/**
 * Which format a file has: `--format`, else its extension, else its first bytes. What the bytes show always has a veto,
 * because a Parquet file read as CSV would become a table of garbage. A further format is one more line in FORMATS.
 */

export const FORMAT_NAMES = ['parquet', 'csv', 'jsonl'] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];

export interface Format {
  readonly name: FormatName;
  /** ClickHouse's name of it. */
  readonly clickhouse: 'Parquet' | 'CSVWithNames' | 'JSONEachRow';
  readonly extensions: readonly string[];
  /** Whether the file itself says which types its columns have. */
  readonly typed: boolean;
}

export const FORMATS: readonly Format[] = [
  { name: 'parquet', clickhouse: 'Parquet', extensions: ['.parquet', '.pq'], typed: true },
  { name: 'csv', clickhouse: 'CSVWithNames', extensions: ['.csv'], typed: false },
  { name: 'jsonl', clickhouse: 'JSONEachRow', extensions: ['.jsonl', '.ndjson', '.json'], typed: false },
];

/** What the first bytes look like. */
export type Contents = 'parquet' | 'json' | 'text' | 'binary' | 'empty';

export type FormatChoice =
  | { readonly kind: 'format'; readonly format: Format }
  /** The option or the extension says one thing, the bytes another. */
  | { readonly kind: 'contradiction'; readonly reason: string }
  | { readonly kind: 'undecided'; readonly reason: string };

const PARQUET_MAGIC = [0x50, 0x41, 0x52, 0x31];

/** Looks at the first bytes of a file; some kilobytes are enough. */
export function contentsOf(head: Uint8Array): Contents {
  if (head.length === 0) return 'empty';
  if (PARQUET_MAGIC.every((byte, index) => head[index] === byte)) return 'parquet';
  if (head.includes(0)) return 'binary';
  const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  const first = head.subarray(start).find((byte) => byte > 0x20);
  return first === 0x7b ? 'json' : 'text';
}

/** `option` is the value of `--format`, already known to be one of FORMAT_NAMES. */
export function chooseFormat(option: FormatName | null, file: string, head: Uint8Array): FormatChoice {
  const contents = contentsOf(head);
  const extension = extensionOf(file);
  const named =
    option !== null
      ? FORMATS.find((format) => format.name === option)
      : FORMATS.find((format) => format.extensions.includes(extension));
  const evidence =
    `--format ${option ?? 'not given'}, extension ${extension === '' ? 'none' : `'${extension}'`}, ` +
    `contents ${contents === 'text' ? 'plain text' : contents}`;
  const format = named ?? FORMATS.find((candidate) => candidate.name === (contents === 'json' ? 'jsonl' : contents));
  if (!format) return { kind: 'undecided', reason: `the format cannot be told (${evidence})` };
  const isParquet = contents === 'parquet';
  const contradicts = format.name === 'parquet' ? !isParquet : isParquet || contents === 'binary';
  // An empty text file is a file without rows; an empty Parquet file is a broken one.
  if (contradicts) return { kind: 'contradiction', reason: `it is not ${format.name} (${evidence})` };
  return { kind: 'format', format };
}

function extensionOf(file: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot).toLowerCase();
}

/**
 * The end of the last whole record in `sample`, 0 if there is none. Line ends inside the quotes of a CSV field do not
 * count; a stray quote in an unquoted field may hide all of them, then any line end will do.
 */
export function wholeRecords(format: FormatName, sample: Uint8Array): number {
  const lastLineEnd = sample.lastIndexOf(0x0a) + 1;
  if (format !== 'csv') return lastLineEnd;
  let quoted = false;
  let end = 0;
  for (let i = 0; i < lastLineEnd; i++) {
    if (sample[i] === 0x22) quoted = !quoted;
    else if (sample[i] === 0x0a && !quoted) end = i + 1;
  }
  return end === 0 ? lastLineEnd : end;
}

/** Whether a whole text file, given as its bytes, has any row: a CSV file with nothing but a header has none. */
export function hasRows(format: FormatName, file: Uint8Array): boolean {
  const body = format === 'csv' ? file.subarray(endOfHeader(file)) : file;
  return body.some((byte) => byte > 0x20);
}

function endOfHeader(file: Uint8Array): number {
  let quoted = false;
  for (let i = 0; i < file.length; i++) {
    if (file[i] === 0x22) quoted = !quoted;
    else if (file[i] === 0x0a && !quoted) return i + 1;
  }
  return file.length;
}

/** Where the footer of a Parquet file lies, from the last 8 bytes of the file; null if they are not a Parquet end. */
export function parquetFooter(
  end: Uint8Array,
  fileBytes: number,
): { readonly start: number; readonly length: number } | null {
  if (end.length !== 8 || !PARQUET_MAGIC.every((byte, index) => end[4 + index] === byte)) return null;
  const footer = new DataView(end.buffer, end.byteOffset, 8).getUint32(0, true);
  const start = fileBytes - 8 - footer;
  return footer === 0 || start < PARQUET_MAGIC.length ? null : { start, length: footer + 8 };
}
