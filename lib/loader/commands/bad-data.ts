/**
 * What ClickHouse says of data that it cannot take, in one sentence: which row, which column, what was expected and what
 * was found. It knows all of that, but spreads it over a page, under the names that the statement uses.
 */

import type { LoadedColumn } from '../clickhouse/columns.js';
import { oneLine } from '../failures.js';

const FOUND_LENGTH = 60;

/** How the sentence on a field of JSON that the table does not have begins. */
export const UNKNOWN_COLUMN = 'the table has no column for';

/** Null for a text that says nothing more of the place than its first line does. */
export function badData(text: string, columns: readonly LoadedColumn[]): string | null {
  // The last one, as what is before may be data that ClickHouse quotes.
  const row = [...text.matchAll(/\(at row (\d+)\)/g)].at(-1)?.[1];
  const what =
    (row === undefined ? null : fromRowReport(text, row, columns)) ??
    fromJson(text, columns) ??
    fromConversion(text, columns);
  if (what !== null) return row === undefined ? what : `row ${row}${what.startsWith('column ') ? ', ' : ': '}${what}`;
  return row === undefined ? null : `row ${row}: ${firstSentence(text)}`;
}

const REPORTED = /^Column \d+, +name: (.*?), +type: (.+), +(parsed text: |ERROR: text )(.*)$/;

/** The readers of CSV and TSV list the values of the row up to the one that they did not understand. */
function fromRowReport(text: string, row: string, columns: readonly LoadedColumn[]): string | null {
  const start = text.lastIndexOf(`Row ${row}:\n`);
  if (start < 0) return null;
  const report = text.slice(start).split('\n');
  const separator = text.includes('TabSeparatedRowInputFormat') ? '<TAB>' : ',';
  const first = (values: string): string => values.split(separator)[0] ?? '';
  let last: { name: string; type: string; value: string } | null = null;
  for (const line of report.slice(1)) {
    const [, name = '', type = '', kind, rest = ''] = REPORTED.exec(line) ?? [];
    if (kind === 'ERROR: text ') {
      return mismatch(name, expected(name, columns, type), first(rest.replace(/" is not like .*$/, '').slice(1)));
    }
    if (kind !== undefined && rest.endsWith('ERROR')) {
      const value = rest.slice(0, -'ERROR'.length).replace(/^"|"$/g, '');
      // Of a value in quotes the opening quote was read.
      const quoted = value === '<DOUBLE QUOTE>' ? /before: '(.*?)"/s.exec(text)?.[1] : undefined;
      if (quoted !== undefined) return mismatch(name, expected(name, columns, type), quoted);
      return `${mismatch(name, expected(name, columns, type), value)} (${firstSentence(text)})`;
    }
    if (kind !== undefined) last = { name, type, value: rest.replace(/^"|"$|^<EMPTY>$/g, '') };
    const garbage = /^ERROR: garbage after .*?: "(.*)"$/.exec(line)?.[1];
    if (garbage !== undefined && last) {
      return mismatch(last.name, expected(last.name, columns, last.type), first(last.value + garbage));
    }
    if (/less columns than expected/.test(line)) return 'it has fewer values than the header has names';
    if (/more columns than expected/.test(line)) return 'it has more values than the header has names';
  }
  return null;
}

function fromJson(text: string, columns: readonly LoadedColumn[]): string | null {
  const unknown = /Unknown field found while parsing JSONEachRow format: (.*?): \(at row/s.exec(text)?.[1];
  if (unknown !== undefined) return `${UNKNOWN_COLUMN} '${oneLine(unknown)}'`;
  const key = /\(while reading the value of key (.*?)\): /s.exec(text)?.[1];
  if (key === undefined) return null;
  const type = expected(key, columns, '');
  const found = /before: '(.*?)["\\,}\n]/s.exec(text)?.[1];
  if (found && type !== '') return mismatch(key, type, found);
  return `column '${oneLine(key)}': expected ${type || 'another type'} (${firstSentence(text)})`;
}

/** A value that was read, but is none of the table's type. */
function fromConversion(text: string, columns: readonly LoadedColumn[]): string | null {
  const quoted = /__table\d+\.(?:`((?:[^`\\]|\\.)*)`|(\w+))/.exec(text);
  const name =
    /while converting source column (.+?) to destination column/.exec(text)?.[1] ?? quoted?.[1] ?? quoted?.[2];
  if (name === undefined) return null;
  const source = name.replace(/^`(.*)`$/, '$1').replace(/\\(.)/g, '$1');
  const type = expected(source, columns, '');
  const found =
    /Cannot parse string '(.*?)' as /s.exec(text)?.[1] ?? /Unknown element '(.*?)' for enum/s.exec(text)?.[1];
  if (found !== undefined && type !== '') return mismatch(source, type, found);
  if (/cannot be safely converted into type/.test(text)) {
    return `column '${oneLine(source)}': a value is out of the range of ${type || 'its type'}`;
  }
  const read = columns.find((column) => column.source === source)?.readAs;
  if (read !== undefined && /^Illegal type/.test(firstSentence(text))) {
    return `column '${oneLine(source)}': expected ${type}, found ${read}`;
  }
  return `column '${oneLine(source)}': expected ${type || 'another type'} (${firstSentence(text)})`;
}

/** The table's type, as the message may speak of the one by which the value was read. */
function expected(source: string, columns: readonly LoadedColumn[], otherwise: string): string {
  return columns.find((column) => column.source === source)?.type ?? otherwise;
}

function mismatch(column: string, type: string, found: string): string {
  const value = found.split(/<LINE FEED>|<CARRIAGE RETURN>/)[0] ?? '';
  return `column '${oneLine(column)}': expected ${type}, found '${oneLine(value.replaceAll('<DOUBLE QUOTE>', '"'), FOUND_LENGTH)}'`;
}

function firstSentence(text: string): string {
  return oneLine(text.split(/: \((?:at row|while reading)|\n|: [Ww]hile (?:converting|executing)/)[0] ?? text, 200);
}
