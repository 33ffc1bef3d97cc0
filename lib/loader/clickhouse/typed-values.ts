/**
 * Values that a file has by a type of its own, as values of a column's type: converted, and converted back, which must give
 * what was read. ClickHouse's casts keep the low bits of a number that is too large, and the nearest date of one that is out of
 * range. https://clickhouse.com/docs/sql-reference/functions/type-conversion-functions
 */
import { dayOf } from './days.js';
import { quoteString } from './quoting.js';
import { type Guarded, textAs } from './text-values.js';
import { parseType, type Type } from './type-tree.js';

const INTEGER = /^(U?)Int(\d+)$/;

/**
 * Null where ClickHouse's own conversion loses nothing, or refuses. A negative number stays one in formats without unsigned types
 * too, where it may be what ClickHouse wrote of a large UInt64: nothing in the file tells the two apart.
 */
export function typedAs(from: Type, to: Type, rounding: boolean): Guarded | null {
  if (from.name === 'Date32') return fromDay(from, to, rounding);
  if (from.name === 'DateTime64' && (from.text === to.text || to.name === 'String')) return asShown(from);
  if (from.text === to.text || to.name === 'String') return null;
  if (from.name === 'String') return textAs(to, rounding);
  if (to.name === 'FixedString' && from.name !== 'FixedString') return throughText(to, rounding);
  if (from.name === 'FixedString') return fromFixed(from, to, rounding);
  if (INTEGER.test(from.name)) return fromInteger(from, to, rounding);
  if (from.name === 'Bool') return to.name === 'Bool' || INTEGER.test(to.name) ? null : throughText(to, rounding);
  if (/^(BFloat16|Float\d+)$/.test(from.name)) return fromFloat(from, to, rounding);
  if (from.name === 'Decimal') return fromDecimal(from, to, rounding);
  if (isTime(from)) return fromTime(from, to, rounding);
  if (from.name.startsWith('Interval')) return fromInterval(from, to, rounding);
  if (isClock(from)) return fromClock(from, to, rounding);
  // An Enum by its names, and whatever else by what it is shown as: it fits where that text would.
  return throughText(to, rounding);
}

function isTime({ name }: Type): boolean {
  return /^(Date|Date32|DateTime|DateTime64)$/.test(name);
}

/** A time of day. */
function isClock({ name }: Type): boolean {
  return name === 'Time' || name === 'Time64';
}

/** Digits of the fraction of a second. */
function scaleOf({ name, values }: Type): number {
  return name.endsWith('64') ? Number(values[0] ?? 3) : 0;
}

/**
 * That ClickHouse shows an instant as it is: a DateTime64 holds more years than it shows, and of what is beyond them it shows
 * another one. Of a scale that has fewer years null.
 */
function isShown(x: string, scale: number): string | null {
  const bound = (text: string): string => `toDateTime64('${text}', ${scale}, 'UTC')`;
  const last = `9999-12-31 23:59:59${scale === 0 ? '' : `.${'9'.repeat(scale)}`}`;
  if (scale > 8) return null;
  return scale > 7 ? `${x} >= ${bound(FIRST)}` : `(${x} >= ${bound(FIRST)} AND ${x} <= ${bound(last)})`;
}

const FIRST = '0001-01-01 00:00:00';

function asShown(type: Type): Guarded | null {
  const fits = isShown('x', scaleOf(type));
  return fits === null ? null : { value: 'x', fits };
}

function both(...conditions: readonly (string | null)[]): string | null {
  return conditions.filter((condition) => condition !== null).join(' AND ') || null;
}

/** Nothing that the column has is this value. */
function never(to: Type): Guarded {
  return { value: `CAST(NULL, ${nullable(to)})`, fits: null };
}

function nullable({ text }: Type): string {
  return quoteString(`Nullable(${text})`);
}

/** By the value's shortest text, which is how a Decimal is meant that a program held as a double. */
function throughText(to: Type, rounding: boolean, of = (value: string) => `toString(${value})`): Guarded | null {
  const guarded = textAs(to, rounding);
  return guarded === null ? null : { ...guarded, of };
}

function fromFixed(from: Type, to: Type, rounding: boolean): Guarded | null {
  if (/^(UUID|IPv6)$/.test(to.name)) return null;
  if (to.name === 'FixedString' && Number(from.values[0]) <= Number(to.values[0])) return null;
  // NUL bytes at the end fill the text up.
  return throughText(to, rounding, (value) => `toStringCutToZero(${value})`);
}

function fromInteger(from: Type, to: Type, rounding: boolean): Guarded | null {
  const narrow = INTEGER.exec(to.name);
  const wide = INTEGER.exec(from.name) as RegExpExecArray;
  if (narrow) return fits(wide, narrow) ? null : { value: `accurateCastOrNull(x, '${to.name}')`, fits: null };
  if (to.name === 'Bool') return { value: `CAST(x, 'Nullable(Bool)')`, fits: 'x IN (0, 1)' };
  if (/^Float(32|64)$/.test(to.name)) {
    if (rounding) return null;
    return Number(wide[2]) < (to.name === 'Float32' ? 32 : 64) && Number(wide[2]) <= (to.name === 'Float32' ? 16 : 32)
      ? null
      : { value: `accurateCastOrNull(x, '${to.name}')`, fits: null };
  }
  if (/^(Decimal|BFloat16|Enum8|Enum16)$/.test(to.name)) return throughText(to, rounding);
  if (/^Time(64)?$/.test(to.name)) return secondsOfDay('x', to);
  // Seconds or days since 1970; what is out of range comes back as another number.
  if (isTime(to)) return { value: `CAST(x, ${nullable(to)})`, fits: `toInt64(CAST(x, ${nullable(to)})) = x` };
  if (to.name === 'IPv4' && from.name.startsWith('UInt'))
    return from.name === 'UInt32'
      ? null
      : { value: `CAST(accurateCastOrNull(x, 'UInt32'), ${nullable(to)})`, fits: null };
  return throughText(to, rounding);
}

/** ClickHouse shows no more than 999:59:59. */
function secondsOfDay(seconds: string, to: Type): Guarded {
  return { value: `CAST(${seconds}, ${nullable(to)})`, fits: `abs(${seconds}) < 3600000` };
}

function fits([, sourceSign, source]: RegExpExecArray, [, targetSign, target]: RegExpExecArray): boolean {
  const [sourceBits, targetBits] = [Number(source), Number(target)];
  return sourceSign === targetSign ? sourceBits <= targetBits : sourceSign === 'U' && sourceBits < targetBits;
}

function fromFloat(from: Type, to: Type, rounding: boolean): Guarded | null {
  if (INTEGER.test(to.name)) {
    return { value: `accurateCastOrNull(${rounding ? 'trunc(x)' : 'x'}, '${to.name}')`, fits: null };
  }
  if (to.name === 'Float32' && from.name === 'Float64') {
    const value = 'toFloat32(x)';
    // A Float32 stands for the double of the same shortest text.
    const same = `(toFloat64(${value}) = x OR toString(${value}) = toString(x))`;
    return { value, fits: `(NOT isFinite(x) OR ${rounding ? `isFinite(${value})` : same})` };
  }
  if (to.name === 'Float64') return null;
  if (to.name === 'BFloat16') {
    const value = `CAST(x, 'Nullable(BFloat16)')`;
    return from.name === 'BFloat16' || rounding
      ? null
      : { value, fits: `(toFloat64(${value}) = toFloat64(x) OR NOT isFinite(x))` };
  }
  if (/^Time(64)?$/.test(to.name))
    return secondsOfDay(`accurateCastOrNull(${rounding ? 'trunc(x)' : 'x'}, 'Int64')`, to);
  if (to.name === 'Decimal') return throughText(to, rounding);
  if (to.name === 'Bool') return { value: `CAST(x, 'Nullable(Bool)')`, fits: 'x IN (0, 1)' };
  if (isTime(to) && to.name !== 'DateTime64') {
    const whole = rounding ? 'floor(x)' : 'x';
    const value = `CAST(accurateCastOrNull(${whole}, 'Int64'), ${nullable(to)})`;
    return { value, fits: `toInt64(${value}) = ${whole}` };
  }
  if (isTime(to)) {
    const value = `CAST(toDecimal128OrNull(toString(x), 9), ${nullable(to)})`;
    const same = rounding ? `abs(toFloat64(${value}) - x) < 1` : `toFloat64(${value}) = x`;
    return { value, fits: both(same, isShown(value, scaleOf(to))) };
  }
  return throughText(to, rounding);
}

function fromDecimal(from: Type, to: Type, rounding: boolean): Guarded | null {
  if (to.name === 'Decimal') {
    const [[fromDigits = 0, fromScale = 0], [digits = 0, scale = 0]] = [from.values.map(Number), to.values.map(Number)];
    if (fromScale <= scale && fromDigits - fromScale <= digits - scale) return null;
    return throughText(to, rounding);
  }
  if (INTEGER.test(to.name) || /^(Bool|BFloat16|Time|Time64)$/.test(to.name)) return throughText(to, rounding);
  if (/^Float/.test(to.name)) {
    const value = `to${to.name}OrNull(toString(x))`;
    return { value, fits: rounding ? null : `toDecimal256OrNull(toString(${value}), ${from.values[1]}) = x` };
  }
  if (isTime(to) && to.name !== 'DateTime64') {
    const whole = rounding ? 'floor(x)' : 'x';
    const value = `CAST(toInt64OrNull(toString(${whole})), ${nullable(to)})`;
    return { value, fits: `toInt64(${value}) = ${whole}` };
  }
  if (isTime(to)) {
    const value = `CAST(toDecimal128OrNull(toString(x), 9), ${nullable(to)})`;
    const back = `toDecimal128(${value}, ${Math.min(9, Number(from.values[1]))})`;
    const same = rounding ? `abs(${back} - x) < 1` : `${back} = x`;
    return { value, fits: both(same, isShown(value, scaleOf(to))) };
  }
  return throughText(to, rounding);
}

/** `x` is the date; what is read is its number. */
function fromDay(from: Type, to: Type, rounding: boolean): Guarded {
  const plain: Guarded = { value: to.name === 'String' ? 'toString(x)' : 'x', fits: null };
  const found = to.name === 'FixedString' ? throughText(to, rounding) : fromTime(from, to, rounding);
  const { of = (date: string) => date, ...guarded } = /^(String|Date32)$/.test(to.name) ? plain : (found ?? plain);
  return { ...guarded, of: (value) => of(dayOf(value)) };
}

function fromTime(from: Type, to: Type, rounding: boolean): Guarded | null {
  if (isClock(to)) return clockOf(from, to, rounding);
  // Seconds or days since 1970.
  if (!isTime(to)) {
    const number =
      from.name === 'DateTime64'
        ? (x: string) => `toDecimal128(${x}, ${from.values[0]})`
        : (x: string) => `toInt64(${x})`;
    // Neither true nor false, which ClickHouse would make of it.
    if (to.name === 'Bool') return never(to);
    return throughText(
      to,
      rounding,
      /^(U?Int|Float|Decimal)/.test(to.name) ? (x) => `toString(${number(x)})` : undefined,
    );
  }
  const back = `CAST(CAST(x, ${nullable(to)}), ${nullable(from)})`;
  if (to.name === 'DateTime64') {
    const finer = scaleOf(to) >= scaleOf(from);
    // Years that nanoseconds have no room for are an error without a row.
    const room = scaleOf(to) === 9 ? `(toYear(x) > 1677 AND x < toDateTime64('2262-04-11 00:00:00', 0, 'UTC'))` : null;
    const value = room === null ? `CAST(x, ${nullable(to)})` : `if(${room}, CAST(x, ${nullable(to)}), NULL)`;
    const shown = room === null && from.name === 'DateTime64' ? isShown('x', scaleOf(from)) : null;
    if (finer) return room === null && shown === null ? null : { value, fits: shown };
    return { value, fits: both(rounding ? null : `CAST(${value}, ${nullable(from)}) = x`, shown) };
  }
  const value = `CAST(x, ${nullable(to)})`;
  if (!rounding) return { value, fits: `${back} = x` };
  const cut = to.name === 'DateTime' ? `toStartOfSecond(toDateTime64(x, 3))` : `toStartOfDay(toDateTime64(x, 3))`;
  return {
    value,
    fits: from.name === 'Date' || from.name === 'Date32' ? `${back} = x` : `toDateTime64(${value}, 3) = ${cut}`,
  };
}

/** A time of day is what readers show as one of the first of January 1970. ClickHouse's cast leaves out any other day. */
function clockOf(from: Type, to: Type, rounding: boolean): Guarded {
  if (!from.name.startsWith('DateTime')) return never(to);
  const value = `CAST(x, ${nullable(to)})`;
  const day = `(toYear(x) = 1970 AND toDayOfYear(x) = 1)`;
  if (rounding || scaleOf(to) >= scaleOf(from)) return { value, fits: day };
  return { value, fits: `(${day} AND CAST(CAST(x, 'Nullable(DateTime64(${scaleOf(to)}))'), ${nullable(from)}) = x)` };
}

function fromClock(from: Type, to: Type, rounding: boolean): Guarded | null {
  if (isClock(to)) return to.name === 'Time64' && scaleOf(to) >= scaleOf(from) ? null : throughText(to, rounding);
  if (to.name === 'Bool') return never(to);
  if (/^(U?Int|Float|Decimal|BFloat16)/.test(to.name)) {
    const seconds =
      from.name === 'Time64' ? (x: string) => `toDecimal128(${x}, ${scaleOf(from)})` : (x: string) => `toInt64(${x})`;
    return throughText(to, rounding, (x) => `toString(${seconds(x)})`);
  }
  if (to.name !== 'DateTime64' || scaleOf(to) < scaleOf(from)) return throughText(to, rounding);
  const value = `CAST(x, ${nullable(to)})`;
  return { value, fits: `position(toString(${value}), concat('1970-01-01 ', toString(x))) = 1` };
}

/** How long something took, by the number of its unit; seconds are a time of day too. */
function fromInterval({ name }: Type, to: Type, rounding: boolean): Guarded | null {
  const number = (x: string): string => `CAST(${x}, 'Nullable(Int64)')`;
  if (isTime(to) || (isClock(to) && name !== 'IntervalSecond')) return never(to);
  const { of = (x: string) => x, ...guarded } = typedAs(parseType('Int64'), to, rounding) ?? { value: 'x', fits: null };
  return { ...guarded, of: (x) => of(number(x)) };
}
