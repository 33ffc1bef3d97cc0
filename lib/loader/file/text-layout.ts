/**
 * What programs write around the header and the rows of CSV and TSV: lines before the header, columns without a name, a separator
 * at the end of each line. ClickHouse reads a file by its header only where every column has one name of its own, so such a
 * file is read by position instead, under names that it could have had.
 */
import type { Format, Unnamed } from './formats.js';
import { headerOf } from './text-rows.js';

export interface Layout {
  /** How to read the file. */
  readonly format: Format;
  /** The beginning of the file as it would be with a name for each column. */
  readonly sample: Uint8Array;
}

/** `data` is the beginning of the file from its header on. */
export function layoutOf(format: Format, data: Uint8Array): Layout {
  const header = headerOf(format.name, data);
  if (format.typed || format.name === 'jsonl') return { format, sample: data };
  const names = fieldsOf(format, header);
  const first = fieldsOf(format, headerOf(format.name, data.subarray(header.length)));
  // A blank line is a row of a file of one column.
  const several = names.length > 1;
  const sample = several ? withoutBlankEnd(data) : data;
  const skipEnd = several ? { [`input_format_${format.name}_skip_trailing_empty_lines`]: 1 } : {};
  const usual = { ...format, settings: { ...format.settings, ...skipEnd } };
  const adjusted = adjust(names, first);
  if (adjusted === null) return { format: usual, sample };
  const unnamed = new Map<string, Unnamed>();
  const written = adjusted.map((name, index) => {
    if (!isEmpty(name)) return name;
    unnamed.set(nameAt(index), { position: index + 1, hasValues: !isEmpty(first[index] ?? '') });
    return nameAt(index);
  });
  const lineEnd = /\r?\n$/.exec(latin1(header))?.[0] ?? '';
  const named = Buffer.from(written.join(separatorOf(format)) + lineEnd, 'latin1');
  return {
    format: { ...usual, byPosition: { clickhouse: usual.clickhouse.replace(/WithNames$/, ''), unnamed } },
    sample: Buffer.concat([named, sample.subarray(header.length)]),
  };
}

/** ClickHouse skips blank lines at the end when it reads, but not when it looks for types. */
function withoutBlankEnd(data: Uint8Array): Uint8Array {
  let end = data.length;
  while (end > 0 && (data[end - 1] === 0x0a || data[end - 1] === 0x0d)) end--;
  return data.subarray(0, data.indexOf(0x0a, end) + 1 || data.length);
}

/** As ClickHouse calls columns without names. */
function nameAt(index: number): string {
  return `c${index + 1}`;
}

/** The names as many as the rows have values; null where nothing is odd, or nothing can be made of it. */
function adjust(names: readonly string[], first: readonly string[]): readonly string[] | null {
  if (first.length === 1 && first[0] === '' && names.length > 1) return null;
  const endsEmpty = (fields: readonly string[]): boolean => isEmpty(fields.at(-1) ?? '');
  // What a program that ends each line with a separator does in some of its lines alone.
  if (names.length === first.length + 1 && names.length > 1 && endsEmpty(names)) return names.slice(0, -1);
  if (names.length === first.length - 1 && endsEmpty(first)) return [...names, ''];
  return names.length === first.length && names.length > 1 && names.some(isEmpty) ? names : null;
}

function isEmpty(field: string): boolean {
  return field === '' || field === '""';
}

function separatorOf({ name, settings }: Format): string {
  return name === 'tsv' ? '\t' : String(settings['format_csv_delimiter'] ?? ',');
}

/** Of one record, as they are written. */
function fieldsOf(format: Format, record: Uint8Array): readonly string[] {
  const text = latin1(record)
    .replace(/^\xef\xbb\xbf/, '')
    .replace(/\r?\n$/, '');
  const separator = separatorOf(format);
  if (format.name === 'tsv') return text.split(separator);
  const fields = [''];
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (character === separator && !quoted) fields.push('');
    else fields[fields.length - 1] += character;
  }
  // Blanks beside commas are part of a name, or the reader drops them.
  return fields.map((field) => field.trim());
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
