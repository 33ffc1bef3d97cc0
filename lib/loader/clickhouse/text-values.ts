/**
 * Values that stand as text in a file, as values of a column's type. ClickHouse's own parsers take more than they should:
 * they roll 30 February over into March, complete `10:00` by today's date, cut digits off and wrap what is too large.
 * https://clickhouse.com/docs/sql-reference/functions/type-conversion-functions
 */
import { quoteString } from './quoting.js';
import type { Type } from './type-tree.js';

/** How a value `x` that was read becomes one of another type. */
export interface Guarded {
  /** An expression that is NULL where `x` is NULL, and may be where `x` does not fit. */
  readonly value: string;
  /** What must hold beside that for the value to be the one that was written; null if nothing. */
  readonly fits: string | null;
  /** What is `x` in both, made of an expression of the value; absent if it is the value itself. */
  readonly of?: (value: string) => string;
}

/** Null for a type of whose text ClickHouse itself refuses what does not fit. `x` is a String, or NULL. */
export function textAs(type: Type, rounding: boolean): Guarded | null {
  const { name, values } = type;
  const integer = /^U?Int(\d+)$/.exec(name);
  if (integer) return integerText(name, Number(integer[1]), rounding);
  if (name === 'Float32' || name === 'Float64') return floatText(name, rounding);
  if (name === 'Decimal') return decimalText(Number(values[0]), Number(values[1]), rounding);
  if (name === 'Date' || name === 'Date32') return dateText(name, rounding);
  if (name === 'DateTime' || name === 'DateTime64') return timeText(type, rounding);
  if (name === 'FixedString') return fixedText(Number(values[0]));
  if (name === 'Bool') {
    // The cast is a slow one.
    return { value: `if(x = 'true', true, if(x = 'false', false, accurateCastOrNull(x, 'Bool')))`, fits: null };
  }
  if (name === 'UUID' || name === 'IPv4' || name === 'IPv6') {
    return { value: `accurateCastOrNull(x, '${name}')`, fits: null };
  }
  if (name === 'Enum8' || name === 'Enum16') return enumText(type);
  if (name === 'Time' || name === 'Time64') return clockText(type, rounding);
  if (name === 'BFloat16') return shortFloatText(rounding);
  return null;
}

/** By name or by number. ClickHouse's readers wrap around numbers that are too large, and its cast of others is an error without a row. */
function enumText({ text, values }: Type): Guarded {
  const known = values.flatMap((value) => {
    const [, name = '', number = ''] = /^('.*')\s*=\s*(-?\d+)$/s.exec(value) ?? [];
    return name === '' ? [] : [name, quoteString(number)];
  });
  return { value: `if(x IN (${known.join(', ')}), CAST(assumeNotNull(x), ${quoteString(text)}), NULL)`, fits: null };
}

/** Hours, minutes and seconds: without the latter ClickHouse takes the hours for minutes, and 61 minutes for an hour and one. */
function clockText({ name, values, text }: Type, rounding: boolean): Guarded {
  const digits = rounding ? 9 : name === 'Time' ? 0 : Number(values[0] ?? 3);
  const form = `^-?[0-9]{1,3}:[0-5][0-9]:[0-5][0-9]([.]${fractionForm(digits)})?$`;
  const clock = name === 'Time' ? `extract(x, '^[^.]*')` : 'x';
  const cast = `CAST(assumeNotNull(${clock}), ${quoteString(text)})`;
  return { value: `if(match(x, ${quoteString(form)}), ${cast}, NULL)`, fits: null };
}

function shortFloatText(rounding: boolean): Guarded {
  const wide = floatText('Float32', rounding);
  const value = `CAST(${wide.value}, 'Nullable(BFloat16)')`;
  const same = `(toFloat32(${value}) = ${wide.value} OR NOT isFinite(${wide.value}))`;
  return { value, fits: rounding ? wide.fits : `(${wide.fits} AND ${same})` };
}

/** NUL bytes fill up what is shorter. */
function fixedText(length: number): Guarded {
  return { value: `toFixedString(if(length(x) <= ${length}, x, ''), ${length})`, fits: `length(x) <= ${length}` };
}

/** `1.0` and `1e3` are whole numbers too; they are rare, so that they are looked at only where the plain reading fails. */
function integerText(name: string, bits: number, rounding: boolean): Guarded {
  const plain = `to${name}OrNull(x)`;
  // The parsers of wide numbers wrap around.
  const digits = { 128: 38, 256: 76 }[bits];
  const fits = digits === undefined ? null : `(length(x) <= ${digits} OR toString(${plain}) = x)`;
  const fraction = rounding ? '[0-9]{0,20}' : '0{0,20}';
  const decimal = `toDecimal256OrNull(x, 20)`;
  // 53 digits are what a Decimal256 has room for beside 20 of a fraction.
  const whole = `match(x, '^[+-]?[0-9]{1,53}([.]${fraction})?$') OR match(x, '^[+-]?[0-9]([.][0-9]{0,16})?[eE][+]?[0-9]{1,2}$')`;
  const other = `if(${whole}, to${name}OrNull(toString(${rounding ? `trunc(${decimal})` : decimal})), NULL)`;
  return { value: `if(isNotNull(${plain}), ${plain}, ${other})`, fits };
}

const NO_NUMBER = `match(x, '^[+-]?[nNiI]')`;

/** 15 digits are never changed by a Float64, nor 6 by a Float32; more must be among the usual spellings of the result. */
function floatText(name: 'Float32' | 'Float64', rounding: boolean): Guarded {
  const value = `to${name}OrNull(x)`;
  const [safe, exact] = name === 'Float64' ? [15, '%.17g'] : [6, '%.9g'];
  const inRange = `((isFinite(${value}) AND (${value} != 0 OR NOT match(x, '^[^eE]*[1-9]'))) OR ${NO_NUMBER})`;
  if (rounding) return { value, fits: inRange };
  const bare = `replaceRegexpOne(replaceRegexpOne(x, '^[+]', ''), '([.][0-9]*?)0+$', '\\\\1')`;
  const spelled = [`toString(${value})`, `printf('${exact}', toFloat64(${value}))`, `toString(toFloat64(${value}))`];
  const decimal = (text: string): string => `toDecimal256OrNull(${text}, 30)`;
  const equal = `(match(x, '^[+-]?[0-9]{1,40}([.][0-9]{0,30})?$') AND ${decimal('x')} = ${decimal(`toString(${value})`)})`;
  const short = `lengthUTF8(extract(replaceOne(x, '.', ''), '^[+-]?0*([0-9]*?)0*([eE].*)?$')) <= ${safe}`;
  const same = `(x = ${spelled[1]} OR ${NO_NUMBER} OR has([${spelled.join(', ')}], ${bare}) OR ${short} OR ${equal})`;
  // The cheapest and most common first, as the rest is worked out for the others alone.
  const few = `(length(x) <= ${safe} AND ${value} != 0 AND isFinite(${value}))`;
  return { value, fits: `(${few} OR toString(${value}) = x OR (${inRange} AND (length(x) <= ${safe} OR ${same})))` };
}

function decimalText(precision: number, scale: number, rounding: boolean): Guarded {
  const bits = precision <= 9 ? 32 : precision <= 18 ? 64 : precision <= 38 ? 128 : 256;
  const whole = precision - scale;
  const value = `toDecimal${bits}OrNull(x, ${scale})`;
  const more = rounding ? '[0-9]' : '0';
  // There is a digit before the point or behind it; a sign or a point alone is 0 to the parser.
  const before = `${whole === 0 ? '0+' : `0*[0-9]{1,${whole}}`}([.][0-9]{0,${scale}}${more}*)?`;
  const behind = scale === 0 ? `[.]${more}+` : `[.][0-9]{1,${scale}}${more}*`;
  const plain = `match(x, '^[+-]?(${before}|${behind})$')`;
  // Of a number with an exponent nothing is lost where more digits give the same.
  const finer = `toDecimal256OrNull(x, ${Math.max(scale, Math.min(76 - whole, 40))})`;
  const kept = rounding ? '' : `${finer} = ${value} AND toFloat64OrNull(toString(${finer})) = toFloat64OrNull(x) AND `;
  const exponent = `(match(x, '[eE]') AND ${kept}abs(toFloat64OrNull(x)) < 1e${whole})`;
  return { value, fits: `((length(x) <= ${whole} AND toString(${value}) = x) OR ${plain} OR ${exponent})` };
}

const MONTH = '(0?[1-9]|1[0-2])';
const DAY = '(0?[1-9]|[12][0-9]|3[01])';
const CLOCK = '([01]?[0-9]|2[0-3]):[0-5][0-9]';
/** The parser takes any two digits for hours. */
const ZONE = ' ?(Z|UTC|GMT|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?';

/** Ends with its own zone, or says noon otherwise than by hours to 24. */
const ZONED = ':[0-9]{2}[0-9:.,]* ?(Z|UTC|GMT|[AaPp][Mm].*|[+-][0-9]{2}(:?[0-9]{2})?)$';

function fractionForm(digits: number): string {
  return `[0-9]{0,${digits}}0*`;
}

/** The forms of a date and time that have one reading: year, month, day; digits of a fraction beyond `digits` are zeros. */
function isoForm(digits: number): string {
  return `^[0-9]{4}-${MONTH}-${DAY}([T ]${CLOCK}(:[0-5][0-9]([.,]${fractionForm(digits)})?)?${ZONE})?$`;
}

/** Days without separators, and seconds, milli-, micro- or nanoseconds since 1970. */
function numberForm(digits: number): string {
  const epoch = (length: number): string =>
    `[0-9]{10}[0-9]{${Math.min(digits, length)}}0{${Math.max(0, length - digits)}}`;
  return `^([0-9]{8}|[0-9]{9,10}([.]${fractionForm(digits)})?|[0-9]{14}|${epoch(3)}|${epoch(6)}|${epoch(9)})$`;
}

/** Forms with a year of four digits, in which the month is a word or the order of day and month makes no difference. */
const OTHER_FORM =
  '^([0-9]{1,2}[-/. ]([0-9]{1,2}|[A-Za-z]{3,9})[-/. ][0-9]{4}|[0-9]{4}[/.][0-9]{1,2}[/.][0-9]{1,2}|' +
  `([A-Za-z]{3,9},? )?([0-9]{1,2} [A-Za-z]{3,9}|[A-Za-z]{3,9} [0-9]{1,2},?) [0-9]{4})([T, ]+${CLOCK}(:[0-5][0-9])?( ?[AaPp][Mm])?${ZONE})?$`;

/** Of a text the instant as DateTime64(scale). `digits` is how much of a fraction may be there. */
function instant(scale: number, zone: string | null, digits: number): Guarded & { readonly fits: string } {
  const where = zone === null ? '' : `, ${zone}`;
  const parse = (style: string): string => `parseDateTime64BestEffort${style}OrNull(x, ${scale}${where})`;
  const value = parse('');
  // An older ClickHouse takes the nearest year that it knows.
  const year = `abs(toYear(${value}) - toInt32OrZero(substring(x, 1, 4))) <= (length(x) > 19)`;
  // 31 April is 1 May to the parser: the day that was written must be the day that was read.
  const day = `has(extractAll(assumeNotNull(x), '[0-9]+'), toString(toDayOfMonth(${value}))) OR has(extractAll(assumeNotNull(x), '[0-9]+'), formatDateTime(${value}, '%d'))`;
  // An hour that clocks leave out in spring is another one to the parser.
  const shown = (form: string): string => `formatDateTime(${value}, '${form}'${where})`;
  const written = `leftPad(if(position(x, ':') = 0, '00:00', extract(x, '([0-9]{1,2}:[0-9]{2})')), 5, '0')`;
  const clock = zone === `'UTC'` ? '1' : `(match(x, ${quoteString(ZONED)}) OR ${shown('%H:%i')} = ${written})`;
  const compact = zone === `'UTC'` ? '1' : `(length(x) != 14 OR ${shown('%Y%m%d%H%i%S')} = x)`;
  const number = `match(x, ${quoteString(numberForm(digits))}) AND ${compact} AND (length(x) != 8 OR formatDateTime(${value}, '%Y%m%d', 'UTC') = x OR formatDateTime(${value}, '%Y%m%d'${where}) = x)`;
  const other = `match(x, ${quoteString(OTHER_FORM)}) AND ${parse('US')} = ${value} AND (${day}) AND ${clock}`;
  // How programs write UTC, seen without a pattern.
  const utc = `endsWith(x, 'Z') AND concat(replaceOne(toString(toTimeZone(${value}, 'UTC')), ' ', 'T'), 'Z') = x`;
  return {
    value,
    fits: `multiIf(${utc}, 1, match(x, ${quoteString(isoForm(digits))}), ${year} AND ${clock}, match(x, '^[0-9]+([.][0-9]*)?$'), ${number}, ${other})`,
  };
}

/** A day is the same in every zone, if it is read and shown by the same one. */
function dateText(name: string, rounding: boolean): Guarded {
  const { value: time, fits } = instant(3, "'UTC'", rounding ? 9 : 0);
  const other = `CAST(${time}, 'Nullable(${name})')`;
  const read = rounding ? `toStartOfDay(${time})` : time;
  return usual(`to${name}OrNull(x)`, {
    value: other,
    fits: `(${fits} AND ${read} = toDateTime64(${other}, 3, 'UTC'))`,
  });
}

function timeText({ name, values, text: type }: Type, rounding: boolean): Guarded {
  const scale = name === 'DateTime' ? 0 : Number(values[0] ?? 3);
  const zone = values[name === 'DateTime' ? 0 : 1] ?? null;
  // With less than milliseconds the parser has 32 bits for the seconds.
  const { value: time, fits } = instant(Math.max(scale, 3), zone, rounding ? 9 : scale);
  const where = zone === null ? '' : `, ${zone}`;
  const plain = name === 'DateTime' ? `toDateTimeOrNull(x${where})` : `toDateTime64OrNull(x, ${scale}${where})`;
  if (name === 'DateTime64' && scale >= 3) return usual(plain, { value: time, fits: `(${fits})` });
  const value = `CAST(${time}, ${quoteString(`Nullable(${type})`)})`;
  if (name === 'DateTime64') return usual(plain, { value, fits: `(${fits})` });
  const kept = `toUnixTimestamp(${value}) = intDiv(toUnixTimestamp64Milli(${time}), 1000)`;
  return usual(plain, { value, fits: `(${fits} AND ${kept})` });
}

/** What ClickHouse writes of a value as it was read is that value: cheap to see, and true of most. The others are looked at closely. */
function usual(plain: string, other: Guarded): Guarded {
  const same = `ifNull(toString(${plain}) = x, 0)`;
  return { value: `if(${same}, ${plain}, ${other.value})`, fits: `(${same} OR ${other.fits})` };
}
