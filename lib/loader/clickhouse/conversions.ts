/**
 * Conversions that say so when a value does not fit. What ClickHouse does by itself in an `INSERT … SELECT` keeps the low
 * bits of a number that is too large for its column, and makes NULL or 0 of text that is no number, both without a word:
 * 300 becomes 44 in a UInt8. https://clickhouse.com/docs/sql-reference/functions/type-conversion-functions
 */
import { baseType, isNullable } from './types.js';

const INTEGER = /^(U?)Int(\d+)$/;
const TEXT = /^(String|FixedString\(\d+\))$/;
const COMPOSITE = /^(Array|Map|Tuple|Nested|JSON|Object|Variant|Dynamic|AggregateFunction|SimpleAggregateFunction)\b/;

/**
 * As what an integer of a text file is read: by a type in which ClickHouse notices what the column's own would swallow.
 * The sign stays, as the parsers refuse a minus before an unsigned number.
 */
export function widened(type: string): string {
  const integer = INTEGER.exec(type) ?? INTEGER.exec(/^Nullable\((.*)\)$/.exec(type)?.[1] ?? '');
  if (!integer) return type;
  const [, sign, bits] = integer;
  const wide = Number(bits) < 64 ? 64 : 128;
  if (Number(bits) >= wide) return type;
  return isNullable(type) ? `Nullable(${sign}Int${wide})` : `${sign}Int${wide}`;
}

export type Conversion = { readonly kind: 'in-range' | 'parsed'; readonly to: string; readonly nullable: boolean };

/**
 * How a value that was read as `from` becomes one of `to`; null where ClickHouse's own conversion loses nothing.
 *
 * @param unsigned whether the file's format has unsigned types; where it has none, a negative 64-bit number may stand
 * for one, as ClickHouse itself writes it
 */
export function conversion(from: string, to: string, unsigned: boolean): Conversion | null {
  const [source, target] = [baseType(from), baseType(to)];
  const nullable = isNullable(from);
  const [narrow, wide] = [INTEGER.exec(target), INTEGER.exec(source)];
  if (narrow && wide) return fits(wide, narrow, unsigned) ? null : { kind: 'in-range', to: target, nullable };
  const parses = TEXT.test(source) && !TEXT.test(target) && !COMPOSITE.test(target);
  return parses ? { kind: 'parsed', to: target, nullable } : null;
}

function fits(
  [, sourceSign, source]: RegExpExecArray,
  [, targetSign, target]: RegExpExecArray,
  unsigned: boolean,
): boolean {
  const [sourceBits, targetBits] = [Number(source), Number(target)];
  if (sourceSign === targetSign) return sourceBits <= targetBits;
  if (sourceSign === 'U') return sourceBits < targetBits;
  return !unsigned && sourceBits === 64 && targetBits === 64;
}
