/**
 * What ClickHouse says of data that it cannot take, in one sentence: which row, which column, what was expected and what
 * was found. It knows all of that, but spreads it over a page, under the names that the statement uses.
 */

import type { LoadedColumn } from '../clickhouse/columns.js';
import { BAD_VALUE } from '../clickhouse/insert-statement.js';
import { baseType, isNullable } from '../clickhouse/type-tree.js';
import { oneLine } from '../failures.js';
import type { ByPosition, Format } from '../file/formats.js';
import { RESERVED_REMEDY, reservedName } from './provenance.js';

const FOUND_LENGTH = 60;

/** How the sentence on a field of JSON that the table does not have begins. */
export const UNKNOWN_COLUMN = 'the table has no column for';

export interface BadValue {
  readonly place: string;
  readonly remedy: string;
  /** The column of the table and the type that would take the value; null where no other is near. */
  readonly wider: { readonly column: string; readonly type: string } | null;
}

const BAD = new RegExp(`Cannot parse string '${BAD_VALUE} (\\d+) (\\d+) (.*?) ${BAD_VALUE}' as UInt8`, 's');
/** What of a value a column of a type may have no room for, by the beginning of the type. */
const CUT_OFF: readonly (readonly [type: RegExp, found: RegExp])[] = [
  [/^(U?Int|Decimal)/, /[.]\d|\d[eE]-/],
  [/^Float/, /(\d[.]?){7}/],
  [/^Date/, /[.,]\d*[1-9]|^\d{11,}$/],
  [/^Date(32)?$/, /:\d\d/],
];

/** Digits, or a list or the like that may have some; no sentence that ends with an address. */
const NUMBERS = /^[[({+-]?[\d.'[({]/;

/** A value that was read, and that the table's column does not have; null for any other error. */
export function badValue(text: string, columns: readonly LoadedColumn[], format: Format): BadValue | null {
  const [, index, row, quoted = ''] = BAD.exec(text) ?? [];
  const found = quoted.replace(/\\(.)/gs, '$1').replace(/^day (-?\d+) since 1970$/, dayText);
  const column = columns[Number(index)];
  if (column === undefined) return null;
  if (column.isReserved)
    return { place: `row ${row}: ${reservedName(column.source)}`, remedy: RESERVED_REMEDY, wider: null };
  if (column.mustBeEmpty) return unnamed(column, row, found, format);
  const type = baseType(column.type);
  const wider = widerType(column.type, found);
  const place = (what: string): string =>
    `row ${row}, column '${oneLine(column.source)}': expected ${column.type}, found ${what}`;
  if (found === '\\N' || (found === '' && column.readAs.includes('String'))) {
    const absent =
      format.name === 'jsonl' ? 'no value (the key is missing, or its value is null or empty)' : 'no value';
    const remedy = `mend the file, make the column Nullable, give it a DEFAULT, or give --null-as-default, which takes the type's default`;
    return { place: place(absent), remedy, wider: null };
  }
  const remedies = ['mend the file or the table'];
  if (/^Date/.test(type) && /^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}/.test(found)) {
    remedies.unshift('write dates as year-month-day, as of day and month either may come first');
  }
  if (NUMBERS.test(found) && CUT_OFF.some(([types, digits]) => types.test(type) && digits.test(found))) {
    remedies.push('or give --allow-rounding if digits may be cut off');
  }
  if (column.absent === 'refused' && /NULL/.test(found))
    remedies.push('or give --null-as-default where a value is missing');
  return {
    place: place(`'${oneLine(found, FOUND_LENGTH)}'${wider === null ? '' : ` (${baseType(wider)})`}`),
    remedy: remedies.join(', '),
    wider: wider === null || column.target === null ? null : { column: column.target, type: wider },
  };
}

/** A day that this ClickHouse has not, by its number. */
function dayText(written: string, days: string): string {
  const day = new Date(Number(days) * 86_400_000);
  return Number.isNaN(day.getTime()) ? written : yearMonthDay(day);
}

/** What a column becomes in the life of a table: whole numbers have fractions or NaN one day, dates a time, and birthdays are before 1970. */
function widerType(written: string, found: string): string | null {
  const type = baseType(written);
  const fraction = /:\d\d[.,](\d{1,9})/.exec(found)?.[1]?.length ?? 0;
  const time = `DateTime64(${fraction > 6 ? 9 : fraction > 3 ? 6 : 3})`;
  let wider: string | null = null;
  if (/^U?Int/.test(type) && /^[+-]?(\d+[.]\d*|\d([.]\d+)?[eE][+-]?\d+|nan|inf(inity)?)$/i.test(found))
    wider = 'Float64';
  else if (/^Date(32)?$/.test(type) && /^\d{4}-\d\d-\d\d[T ]\d\d:/.test(found)) wider = time;
  else if (/^Date/.test(type) && isDay(found) && !/^(19|2[0-2])/.test(found)) wider = 'String';
  else if (type === 'Date' && isDay(found)) wider = 'Date32';
  else if (/^DateTime(\(|$)/.test(type) && (fraction > 0 || (isDay(found) && !/^(19[7-9]|20)/.test(found)))) {
    const zone = /\((.*)\)/.exec(type)?.[1];
    wider = zone === undefined ? time : time.replace(')', `, ${zone})`);
  }
  return wider !== null && isNullable(written) ? `Nullable(${wider})` : wider;
}

/** A day that there is, perhaps with its time; not every ClickHouse has those before 1900 and behind 2299. */
function isDay(found: string): boolean {
  const [, day = ''] = /^(\d{4}-\d\d-\d\d)( \d\d:\d\d:\d\d)?$/.exec(found) ?? [];
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

function unnamed({ source }: LoadedColumn, row: string | undefined, found: string, { byPosition }: Format): BadValue {
  const position = byPosition?.unnamed.get(source)?.position;
  return {
    place: `row ${row}: column ${position} has no name in the header, and a value, '${oneLine(found, FOUND_LENGTH)}'`,
    remedy:
      `write its name (pandas: df.to_csv(path, index=False) leaves its index out), ` +
      `give the table a column '${source}' for it, or give --skip-unknown`,
    wider: null,
  };
}

/** Null for a text that says nothing more of the place than its first line does. */
export function badData(
  text: string,
  columns: readonly LoadedColumn[],
  byPosition: ByPosition | null = null,
): string | null {
  const twice = /Duplicate column name found while schema inference: "(.*?)"/s.exec(text)?.[1];
  if (twice !== undefined) return `it has '${oneLine(twice)}' twice in one row or in its header`;
  const [, timed, seconds] =
    /Timestamp value in column "(.*?)" is out of range for DateTime64\(9\): seconds=(-?\d+)/s.exec(text) ?? [];
  if (timed !== undefined) return timeOutOfRange(timed, Number(seconds));
  // The last one, as what is before may be data that ClickHouse quotes.
  const row = [...text.matchAll(/\(at row (\d+)\)/g)].at(-1)?.[1];
  const what =
    (row === undefined ? null : fromRowReport(text, row, columns, byPosition)) ??
    fromJson(text, columns) ??
    fromConversion(text, columns);
  if (what !== null) return row === undefined ? what : `row ${row}${what.startsWith('column ') ? ', ' : ': '}${what}`;
  return row === undefined ? null : `row ${row}: ${firstSentence(text)}`;
}

/** ClickHouse reads times of ORC as nanoseconds, and does not say of which row one is that it has no room for. */
function timeOutOfRange(column: string, seconds: number): string {
  const time = new Date(seconds * 1000);
  const found = Number.isNaN(time.getTime()) ? `${seconds} seconds since 1970` : `'${yearMonthDay(time)}'`;
  return `column '${oneLine(column)}': found ${found}, where ClickHouse reads times of ORC from 1900 to 2262; have it written as a date, as text or without a value`;
}

/** `2024-01-31`, and the time of day where there is one. */
function yearMonthDay(time: Date): string {
  const [day = '', clock = ''] = time
    .toISOString()
    .replace(/^([+-])0*/, '$1')
    .split(/T|[.]000Z/);
  return clock === '00:00:00' ? day : `${day} ${clock}`;
}

const REPORTED = /^Column \d+, +name: (.*?), +type: (.+), +(parsed text: |ERROR: text )(.*)$/;

/** The readers of CSV and TSV list the values of the row up to the one that they did not understand. */
function fromRowReport(
  text: string,
  row: string,
  columns: readonly LoadedColumn[],
  byPosition: ByPosition | null,
): string | null {
  const wanted = byPosition === null ? 'the header has names' : 'the first row';
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
    if (/less columns than expected/.test(line) && last?.value === '' && report[1]?.includes(` name: ${last.name},`))
      return 'it is a blank line';
    if (/less columns than expected/.test(line)) return `it has fewer values than ${wanted}`;
    if (/more columns than expected/.test(line)) return `it has more values than ${wanted}`;
  }
  return null;
}

function fromJson(text: string, columns: readonly LoadedColumn[]): string | null {
  const field = /Tuple doesn't have element with name '(.*?)', enable setting/s.exec(text)?.[1];
  if (field !== undefined) {
    const column = /\(while reading the value of key (.*?)\): /s.exec(text)?.[1];
    return `${UNKNOWN_COLUMN} '${oneLine(column === undefined ? field : `${column}.${field}`)}'`;
  }
  if (/Unexpected number of elements in named tuple/.test(text)) {
    const column = /\(while reading the value of key (.*?)\): /s.exec(text)?.[1] ?? '';
    return `${UNKNOWN_COLUMN} all fields of '${oneLine(column)}', or one of them is there twice`;
  }
  const again = /Duplicate field found while parsing JSONEachRow format: (.*?): \(at row/s.exec(text)?.[1];
  if (again !== undefined) return `it has the key '${oneLine(again)}' twice`;
  const unknown = /Unknown field found while parsing JSONEachRow format: (.*?): \(at row/s.exec(text)?.[1];
  if (columns.some(({ source }) => source === unknown)) return `it has the key '${oneLine(unknown ?? '')}' twice`;
  if (unknown !== undefined) return `${UNKNOWN_COLUMN} '${oneLine(unknown)}'`;
  const key = /\(while reading the value of key (.*?)\): /s.exec(text)?.[1];
  if (key === undefined) return null;
  const within = /JSON object contains duplicate key '(.*?)'/s.exec(text)?.[1];
  if (within !== undefined) return `it has the key '${oneLine(`${key}.${within}`)}' twice`;
  const type = expected(key, columns, '');
  const infinite = /Cannot read JSON field here: '([+-]?Infinity)/.exec(text)?.[1];
  if (infinite !== undefined) return `column '${oneLine(key)}': ${infinite} is no JSON, write it in quotes, or null`;
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
