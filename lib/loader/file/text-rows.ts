/** Where records end in a text file, as far as a sample of one needs to know. */
import type { FormatName } from './formats.js';
import { isEmptyList } from './json-text.js';

const EMPTY_LIST_BYTES = 1024;
const LINE_END = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;

/**
 * The end of the last whole record in `sample`, 0 if there is none. Line ends inside the quotes of a CSV field do not
 * count; a stray quote in an unquoted field may hide all of them, then any line end will do.
 */
export function wholeRecords(format: FormatName, sample: Uint8Array): number {
  const lastLineEnd = sample.lastIndexOf(LINE_END) + 1;
  if (format !== 'csv') return lastLineEnd;
  let quoted = false;
  let end = 0;
  for (let i = 0; i < lastLineEnd; i++) {
    if (sample[i] === QUOTE) quoted = !quoted;
    else if (sample[i] === LINE_END && !quoted) end = i + 1;
  }
  return end === 0 ? lastLineEnd : end;
}

/** Whether a whole text file, given as its bytes, has any row: one of names with nothing but a header has none. */
export function hasRows(format: FormatName, file: Uint8Array): boolean {
  if (format === 'jsonl' && file.length < EMPTY_LIST_BYTES && isEmptyList(file)) return false;
  const body = format === 'jsonl' ? file : file.subarray(endOfHeader(format, file));
  // A line of tabs is a row of empty values.
  return body.some((byte) => byte > 0x20 || (format === 'tsv' && byte === 0x09));
}

/** The line of names, with its end. */
export function headerOf(format: FormatName, sample: Uint8Array): Uint8Array {
  return sample.subarray(0, endOfHeader(format, sample));
}

function endOfHeader(format: FormatName, file: Uint8Array): number {
  let quoted = false;
  for (let i = 0; i < file.length; i++) {
    if (file[i] === QUOTE && format === 'csv') quoted = !quoted;
    else if (file[i] === LINE_END && !quoted) return i + 1;
  }
  return file.length;
}

/** Whether lines end with CR alone, as on old Macintoshes: ClickHouse would take the whole file for the header. */
export function endsWithCarriageReturn(format: FormatName, sample: Uint8Array): boolean {
  if (format !== 'csv' && format !== 'tsv') return false;
  const header = headerOf(format, sample);
  let quoted = false;
  for (let i = 0; i < header.length; i++) {
    if (header[i] === QUOTE && format === 'csv') quoted = !quoted;
    const next = header[i + 1];
    if (header[i] === CARRIAGE_RETURN && !quoted && next !== undefined && next !== LINE_END) return true;
  }
  return false;
}

export interface ForeignSeparator {
  readonly why: string;
  readonly remedy: string;
}

/** What a header says that is a single column only because its fields are separated by something else. */
export function foreignSeparator(format: FormatName, header: readonly string[]): ForeignSeparator | null {
  const only = header.length === 1 ? (header[0] ?? '') : '';
  if (format === 'csv' && only.includes('\t'))
    return { why: 'its fields are separated by tabs', remedy: 'give --format tsv' };
  if (format === 'csv' || format === 'tsv') {
    const found = [';', '|'].find((separator) => only.includes(separator));
    const asked = format === 'csv' ? 'commas' : 'tabs';
    if (found) return { why: `its fields are separated by '${found}'`, remedy: `have it written with ${asked}` };
  }
  if (format === 'tsv' && only.includes(','))
    return { why: 'its fields are separated by commas', remedy: 'give --format csv' };
  return null;
}
