/**
 * Which format a file has and how it is compressed: `--format`, else its extension, else its first bytes. What the bytes
 * show always has a veto, because a Parquet file read as CSV would become a table of garbage. A further format is one
 * more line in FORMATS, and where it is binary one more in MAGIC.
 */

export const FORMAT_NAMES = ['parquet', 'csv', 'tsv', 'jsonl', 'arrow', 'avro', 'orc'] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];

export interface Format {
  readonly name: FormatName;
  /** ClickHouse's name of it. */
  readonly clickhouse: string;
  readonly extensions: readonly string[];
  /** Whether the file itself says which types its columns have; the others are text. */
  readonly typed: boolean;
  /** What ClickHouse must be told beyond the name. */
  readonly settings: Readonly<Record<string, string | number>>;
  /** What comes before the header of a text file. */
  readonly preamble: Omit<Preamble, 'separator'>;
  /** Of a text file whose header has not one name for each value: how it is read without it. */
  readonly byPosition: ByPosition | null;
  /** Whether a typed file has columns of JSON text, which ClickHouse would parse. */
  readonly readsJson: boolean;
}

interface Preamble {
  readonly bytes: number;
  readonly lines: number;
  /** That a line says; null where none does. */
  readonly separator: string | null;
}

export interface ByPosition {
  /** ClickHouse's name of the format. */
  readonly clickhouse: string;
  /** Columns without a name, by the names that stand for them. */
  readonly unnamed: ReadonlyMap<string, Unnamed>;
}

export interface Unnamed {
  readonly position: number;
  /** In the first row. */
  readonly hasValues: boolean;
}

function format(name: FormatName, clickhouse: string, extensions: readonly string[], typed: boolean): Format {
  return {
    name,
    clickhouse,
    extensions,
    typed,
    settings: {},
    preamble: { bytes: 0, lines: 0 },
    byPosition: null,
    readsJson: false,
  };
}

export const FORMATS: readonly Format[] = [
  format('parquet', 'Parquet', ['.parquet', '.pq'], true),
  format('csv', 'CSVWithNames', ['.csv'], false),
  format('tsv', 'TabSeparatedWithNames', ['.tsv', '.tab'], false),
  format('jsonl', 'JSONEachRow', ['.jsonl', '.ndjson', '.json'], false),
  format('arrow', 'Arrow', ['.arrow', '.arrows', '.feather', '.ipc'], true),
  format('avro', 'Avro', ['.avro'], true),
  format('orc', 'ORC', ['.orc'], true),
];

/** As ClickHouse reads it from a request by `Content-Encoding`, under the same name. */
export type Compression = 'gzip' | 'zstd';

const COMPRESSIONS: Readonly<Record<string, Compression>> = {
  '.gz': 'gzip',
  '.gzip': 'gzip',
  '.zst': 'zstd',
  '.zstd': 'zstd',
};

/** What the first bytes look like, once they are decompressed. */
export type ContentKind =
  | 'parquet'
  | 'arrow'
  | 'arrow stream'
  | 'avro'
  | 'orc'
  | 'json'
  | 'json array'
  | 'text'
  | 'UTF-16'
  | 'UTF-32'
  | 'binary'
  | 'empty';

/** The option or the extension says one thing and the bytes another, or none of them says anything. */
export type FormatRefused = {
  readonly kind: 'contradiction' | 'undecided' | 'encoding' | 'compression-unknown';
  readonly reason: string;
};

export type CompressionChoice =
  | { readonly kind: 'compression'; readonly compression: Compression | null }
  | FormatRefused;

export type FormatChoice = { readonly kind: 'format'; readonly format: Format } | FormatRefused;

const MAGIC: readonly (readonly [contents: ContentKind, bytes: readonly number[]])[] = [
  ['parquet', [...Buffer.from('PAR1')]],
  ['arrow', [...Buffer.from('ARROW1\0\0')]],
  ['arrow stream', [0xff, 0xff, 0xff, 0xff]],
  ['avro', [...Buffer.from('Obj\x01')]],
];
/** What others compress or pack files by, and ClickHouse does not unpack from a request. */
const FOREIGN: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['bzip2', [...Buffer.from('BZh')]],
  ['xz', [0xfd, ...Buffer.from('7zXZ\0')]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['zip', [...Buffer.from('PK\x03\x04')]],
];
const ORC_MAGIC = [...Buffer.from('ORC')];
const GZIP_MAGIC = [0x1f, 0x8b];
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** Looks at the first bytes of a file; some kilobytes are enough. */
export function contentKindOf(head: Uint8Array): ContentKind {
  if (head.length === 0) return 'empty';
  const magic = MAGIC.find(([, bytes]) => startsWith(head, bytes));
  if (magic) return magic[0];
  // The three letters may begin a CSV file too; what follows them in an ORC file is never text.
  if (startsWith(head, ORC_MAGIC) && head.some((byte) => byte < 0x09)) return 'orc';
  if (head.includes(0)) return wideTextOf(head) ?? 'binary';
  const start = startsWith(head, [0xef, 0xbb, 0xbf]) ? 3 : 0;
  const first = head.subarray(start).find((byte) => byte > 0x20);
  if (first === 0x7b) return 'json';
  return first === 0x5b ? 'json array' : 'text';
}

/** Text of two or four bytes for each character: with its mark, or so far without any but Latin letters. */
function wideTextOf(head: Uint8Array): ContentKind | null {
  const marked = startsWith(head, [0xff, 0xfe]) || startsWith(head, [0xfe, 0xff]);
  if (startsWith(head, [0xff, 0xfe, 0, 0]) || startsWith(head, [0, 0, 0xfe, 0xff])) return 'UTF-32';
  const start = head.subarray(0, 64);
  const everyOther = [0, 1].some((half) => start.every((byte, index) => (byte === 0) === (index % 2 === half)));
  return marked || (everyOther && start.length >= 8) ? 'UTF-16' : null;
}

/** A zstd file may begin with a skippable frame, as those of pzstd do. */
export function compressionOf(head: Uint8Array): Compression | null {
  if (startsWith(head, GZIP_MAGIC)) return 'gzip';
  const skippable = startsWith(head.subarray(1), [0x2a, 0x4d, 0x18]) && (head[0] ?? 0) >> 4 === 5;
  return skippable || startsWith(head, ZSTD_MAGIC) ? 'zstd' : null;
}

/** `head` is the beginning of the file as it is; `option` and the result are as for chooseFormat. */
export function chooseCompression(option: FormatName | null, file: string, head: Uint8Array): CompressionChoice {
  const found = compressionOf(head);
  const foreign = FOREIGN.find(([, bytes]) => startsWith(head, bytes) && head.some((byte) => byte < 0x09))?.[0];
  if (foreign !== undefined) return { kind: 'compression-unknown', reason: `it is compressed by ${foreign}` };
  const { format, compression } = extensionsOf(file);
  const evidence = describe(option, file, found ?? named(contentKindOf(head)));
  if (compression !== null && found !== compression) {
    return { kind: 'contradiction', reason: `it is not compressed by ${compression} (${evidence})` };
  }
  const plain = FORMATS.find(({ extensions }) => extensions.includes(format));
  if (compression === null && found !== null && plain) {
    return { kind: 'contradiction', reason: `it is not plain ${plain.name} (${evidence})` };
  }
  return { kind: 'compression', compression: found };
}

/**
 * @param option the value of `--format`, already known to be one of FORMAT_NAMES
 * @param head the beginning of the file, decompressed
 */
export function chooseFormat(
  option: FormatName | null,
  file: string,
  head: Uint8Array,
  compression: Compression | null = null,
): FormatChoice {
  const contents = contentKindOf(head);
  const extension = extensionsOf(file).format;
  const byName =
    option !== null
      ? FORMATS.find(({ name }) => name === option)
      : FORMATS.find(({ extensions }) => extensions.includes(extension));
  const shown = named(contents);
  const evidence = describe(option, file, compression === null ? shown : `${compression} of ${shown}`);
  if ((contents === 'UTF-16' || contents === 'UTF-32') && !byName?.typed)
    return { kind: 'encoding', reason: `its text is ${contents}` };
  const chosen = byName ?? FORMATS.find(({ name }) => name === formatOfContents(contents));
  if (!chosen) return { kind: 'undecided', reason: `the format cannot be told (${evidence})` };
  if (!canBe(chosen, contents)) return { kind: 'contradiction', reason: `it is not ${chosen.name} (${evidence})` };
  return { kind: 'format', format: variant(chosen, contents, head) };
}

function formatOfContents(contents: ContentKind): FormatName | null {
  if (contents === 'json') return 'jsonl';
  if (contents === 'arrow stream') return 'arrow';
  return FORMAT_NAMES.find((name) => name === contents) ?? null;
}

/** An empty text file is a file without rows; an empty file of another format is a broken one. */
function canBe({ name, typed }: Format, contents: ContentKind): boolean {
  if (typed) return formatOfContents(contents) === name;
  if (contents === 'empty' || contents === 'json array') return true;
  return name === 'jsonl' ? contents === 'json' : contents === 'text';
}

function variant(chosen: Format, contents: ContentKind, head: Uint8Array): Format {
  if (contents === 'arrow stream') return { ...chosen, clickhouse: 'ArrowStream' };
  if (chosen.name !== 'csv' && chosen.name !== 'tsv') return chosen;
  const text = Buffer.from(head).toString('latin1');
  const { separator, ...preamble } = preambleOf(chosen.name, text);
  const header = text.slice(preamble.bytes).split('\n', 1)[0] ?? '';
  const settings: Record<string, string | number> = {};
  if (chosen.name === 'tsv' && header.endsWith('\r')) settings['input_format_tsv_crlf_end_of_line'] = 1;
  // Blanks are part of a value, unless the file was written with blanks beside its commas.
  if (chosen.name === 'csv' && !/[ \t],|,[ \t]/.test(header)) settings['input_format_csv_trim_whitespaces'] = 0;
  if (separator !== null && separator !== ',') settings['format_csv_delimiter'] = separator;
  return { ...chosen, settings, preamble };
}

/** The separator, as spreadsheets write it for spreadsheets. */
const SEPARATOR_LINE = /^(?:\xef\xbb\xbf)?"?sep=(.)"?\r?\n/i;
const BLANK_LINES = /^(?:\r?\n)*/;

function preambleOf(name: FormatName, head: string): Preamble {
  const [line = '', separator = null] = (name === 'csv' ? SEPARATOR_LINE.exec(head) : null) ?? [];
  const [blanks = ''] = BLANK_LINES.exec(head.slice(line.length)) ?? [];
  const lines = (line === '' ? 0 : 1) + blanks.replaceAll('\r', '').length;
  return { bytes: line.length + blanks.length, lines, separator };
}

interface Extensions {
  readonly format: string;
  readonly compression: Compression | null;
  /** Both, as the file has them. */
  readonly all: string;
}

/** `/d/Events.CSV.gz` -> format `.csv`, compression gzip. A name that only begins with a dot has no extension. */
function extensionsOf(file: string): Extensions {
  const name = file.slice(file.lastIndexOf('/') + 1).toLowerCase();
  const last = lastExtension(name);
  const compression = COMPRESSIONS[last] ?? null;
  if (compression === null) return { format: last, compression, all: last };
  const format = lastExtension(name.slice(0, -last.length));
  return { format, compression, all: format + last };
}

function lastExtension(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot);
}

function describe(option: FormatName | null, file: string, contents: string): string {
  const { all } = extensionsOf(file);
  return `--format ${option ?? 'not given'}, extension ${all === '' ? 'none' : `'${all}'`}, contents ${contents}`;
}

function named(contents: ContentKind): string {
  return contents === 'text' ? 'plain text' : contents;
}

function startsWith(data: Uint8Array, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => data[index] === byte);
}
