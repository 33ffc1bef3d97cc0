/**
 * How the values of a file's column become those of a table's: read by a type that loses nothing, converted, and looked at
 * before they are inserted. What ClickHouse does by itself in an `INSERT … SELECT` keeps the low bits of a number that is too
 * large for its column, the nearest date of one that is out of range, and 0 where there is no value, all without a word.
 */
import type { FormatName } from '../file/formats.js';
import { withDates } from './days.js';
import { listText } from './list-text.js';
import { quoteString } from './quoting.js';
import type { Guarded } from './text-values.js';
import { type Element, mapLeaves, parseType, type Type, whole } from './type-tree.js';
import { typedAs } from './typed-values.js';

export interface ConversionOptions {
  readonly format: FormatName;
  /** Take what is left of a number or time whose last digits the column has no room for. */
  readonly rounding: boolean;
  /** Take the type's default where a column that is not Nullable has no value. */
  readonly nullAsDefault: boolean;
  /** Leave out fields that the table's Tuple lacks. */
  readonly skipUnknown: boolean;
}

/** Functions of one argument that a statement defines once, as many columns need the same. */
export class Functions {
  readonly #names = new Map<string, string>();

  define(body: string): string {
    const known = this.#names.get(body);
    if (known !== undefined) return known;
    const name = `f${this.#names.size}`;
    this.#names.set(body, name);
    return name;
  }

  /** The definitions as they stand behind WITH. */
  get definitions(): readonly string[] {
    return [...this.#names].map(([body, name]) => `(x -> ${body}) AS ${name}`);
  }
}

/** An expression of the value, and of whether it is the one that was written. */
export interface Converted {
  readonly value: string;
  /** Null where nothing can go wrong that ClickHouse does not notice. */
  readonly fits: string | null;
}

/** A field of a struct that the table's Tuple has not. */
export class UnknownField extends Error {
  readonly field: string;
  readonly column: string;

  constructor(field: string, column: string) {
    super(`the table has no field for '${field}' in column '${column}'`);
    this.field = field;
    this.column = column;
  }
}

export interface ColumnOptions extends ConversionOptions {
  readonly hasDefault: boolean;
  /** For messages. */
  readonly column: string;
}

/** @throws UnknownField */
export function conversion(
  expression: string,
  from: Type,
  to: Type,
  options: ColumnOptions,
  functions: Functions,
): Converted {
  return new Converter(options, functions).column(expression, from, to, options.hasDefault);
}

class Converter {
  readonly #options: ColumnOptions;
  readonly #functions: Functions;
  #depth = 0;

  constructor(options: ColumnOptions, functions: Functions) {
    this.#options = options;
    this.#functions = functions;
  }

  column(x: string, from: Type, to: Type, hasDefault: boolean): Converted {
    // NULL becomes the column's default expression, or the type's default, when the insert meets it.
    const mayBeNull = hasDefault || this.#options.nullAsDefault;
    return this.#value(x, from, mayBeNull ? { ...to, nullable: true } : to);
  }

  #value(x: string, from: Type, to: Type): Converted {
    if (from.name === 'Variant' && (isScalar(to) || to.elements.length > 0) && to.name !== 'String')
      return this.#variant(x, from, to);
    if (from.elements.length > 0 && to.elements.length > 0) return this.#composite(x, from, to);
    if (to.elements.length > 0 && isScalar(from)) return from.name === 'String' ? this.#parsed(x, from, to) : never(to);
    return this.#scalar(from.elements.length > 0 ? withDates(x, from) : x, from, to);
  }

  #scalar(x: string, from: Type, to: Type): Converted {
    if (this.#options.format === 'csv' && from.name === 'String' && !from.nullable && isText(to))
      return this.#csvText(x, from, to);
    const found = this.#guarded(from, to);
    // No text is no value, but for text.
    const empty = from.name === 'String' && !isText(to) && isScalar(to);
    // Of no text each of the functions makes NULL, but the casts that refuse it.
    const castsEmpty = found === null || found.of !== undefined;
    const given = empty && castsEmpty ? `nullIf(${x}, '')` : x;
    const isNull = from.nullable || empty;
    const conditions: string[] = [];
    let value = given;
    if (found !== null) {
      const argument = found.of === undefined ? given : found.of(given);
      value = `${this.#functions.define(found.value)}(${argument})`;
      const holds =
        found.fits === null
          ? 'isNotNull(x)'
          : found.value === 'x'
            ? found.fits
            : `isNotNull(${found.value}) AND ${found.fits}`;
      const tested =
        found.fits === null ? `isNotNull(${value})` : `${this.#functions.define(`ifNull(${holds}, 0)`)}(${argument})`;
      // Most have a value, so that whether there is none is asked last.
      const absent = empty ? `ifNull(${x} = '', 1)` : `isNull(${given})`;
      conditions.push(to.nullable && isNull ? `(${tested} OR ${absent})` : tested);
    } else if (!to.nullable && isNull && isScalar(to)) conditions.push(`isNotNull(${given})`);
    if (!to.nullable && isScalar(to) && (isNull || found !== null)) value = `assumeNotNull(${value})`;
    return { value, fits: conditions.length === 0 ? null : conditions.join(' AND ') };
  }

  /** Without NULL in its type the reader of CSV leaves `\\N` as it is, in quotes or not. */
  #csvText(x: string, from: Type, to: Type): Converted {
    const text = `if(${x} = '\\\\N', NULL, ${x})`;
    const read = { ...from, nullable: true };
    const converted = this.#guarded(read, to) === null ? null : this.#scalar(text, read, to);
    const fits = to.nullable ? null : `${x} != '\\\\N'`;
    if (converted === null) return { value: to.nullable ? text : x, fits };
    return converted;
  }

  #guarded(from: Type, to: Type): Guarded | null {
    return typedAs(from, to, this.#options.rounding);
  }

  /** Each value as one of its own type, of which the file's column has several. */
  #variant(x: string, from: Type, to: Type): Converted {
    const conditions: string[] = to.nullable || to.elements.length > 0 ? [] : [`isNotNull(${x})`];
    const target = { ...to, nullable: isScalar(to) };
    const branches = from.values.flatMap((text) => {
      const type = parseType(text);
      const is = `variantType(${x}) = ${quoteString(text)}`;
      const element = `variantElement(${x}, ${quoteString(text)})`;
      const read = type.name === 'Date32' ? `toInt32(${element})` : element;
      const { value, fits } = this.#value(read, { ...type, nullable: isScalar(type) }, target);
      if (fits !== null) conditions.push(`(NOT (${is}) OR ${fits})`);
      return [is, `CAST(${value}, ${quoteString(whole(target))})`];
    });
    const none = isScalar(to) ? 'NULL' : defaultOf(to);
    const value = `multiIf(${[...branches, none].join(', ')})`;
    return {
      value: isScalar(to) && !to.nullable ? `assumeNotNull(${value})` : value,
      fits: conditions.length === 0 ? null : conditions.join(' AND '),
    };
  }

  /** Text of a list, map or tuple. */
  #parsed(x: string, from: Type, to: Type): Converted {
    const { type, value: parsed, fits: form } = listText(asArray(to), textType);
    const given = from.nullable ? `ifNull(${x}, '')` : x;
    const hasForm = form === null ? [] : [`${this.#functions.define(form)}(${given})`];
    const { value, fits } = this.#composite(`${this.#functions.define(parsed)}(${given})`, type, to);
    const held = [...hasForm, ...(fits === null ? [] : [fits])].join(' AND ') || '1';
    // Nothing between two separators is a list or map of nothing, but no tuple.
    const { format, nullAsDefault } = this.#options;
    const mayBeEmpty = nullAsDefault || (to.name !== 'Tuple' && (format === 'csv' || format === 'tsv'));
    return { value, fits: mayBeEmpty ? `(${given} = '' OR (${held}))` : held };
  }

  #composite(x: string, from: Type, to: Type): Converted {
    const [source, target] = [asArray(from), asArray(to)];
    if (source.name === 'Tuple' && target.name === 'Tuple') return this.#tuple(x, source, target);
    // ClickHouse makes one of the other, and keeps the low bits of the values.
    if (source.name === 'Map' && target.name === 'Array') {
      const pairs = asPairs(source);
      return this.#composite(`CAST(${x}, ${quoteString(pairs.text)})`, pairs, target);
    }
    if (source.name === 'Array' && target.name === 'Map') return this.#composite(x, source, asPairs(target));
    if (source.name !== target.name) return { value: withDates(x, source), fits: null };
    if (source.name === 'Array') {
      const each = this.#each(source.elements[0] as Element, target.elements[0] as Element);
      return this.#mapped(x, each, (value) => value);
    }
    const keys = this.#each(source.elements[0] as Element, target.elements[0] as Element);
    const values = this.#each(source.elements[1] as Element, target.elements[1] as Element);
    const [key, value] = [this.#mapped(`mapKeys(${x})`, keys), this.#mapped(`mapValues(${x})`, values)];
    const plain = keys.value === keys.variable && values.value === values.variable;
    const fits = [key.fits, value.fits].filter((condition) => condition !== null);
    return {
      value: plain ? x : `mapFromArrays(${key.value}, ${value.value})`,
      fits: fits.length === 0 ? null : fits.join(' AND '),
    };
  }

  #each(from: Element, to: Element): Converted & { readonly variable: string } {
    const variable = `e${this.#depth++}`;
    const converted = this.#value(variable, from.type, to.type);
    this.#depth--;
    return { ...converted, variable };
  }

  #mapped(x: string, each: Converted & { readonly variable: string }, shape = (value: string) => value): Converted {
    const { variable, value, fits } = each;
    return {
      value: value === variable ? x : shape(`arrayMap(${variable} -> ${value}, ${x})`),
      fits: fits === null ? null : `arrayAll(${variable} -> ifNull(${fits}, 0), ${x})`,
    };
  }

  /** Fields by name where both have names, else in their order. */
  #tuple(x: string, from: Type, to: Type): Converted {
    const named = [...from.elements, ...to.elements].every(({ name }) => name !== null);
    if (!named && from.elements.length !== to.elements.length) return { value: withDates(x, from), fits: null };
    const indexOf = (name: string | null): number => from.elements.findIndex((element) => element.name === name);
    const unknown = named
      ? from.elements.find(({ name }) => !to.elements.some((element) => element.name === name))
      : undefined;
    if (unknown !== undefined && !this.#options.skipUnknown)
      throw new UnknownField(unknown.name ?? '', this.#options.column);
    const parts = to.elements.map(({ name, type }, position) => {
      const index = named ? indexOf(name) : position;
      const source = from.elements[index];
      if (source === undefined) return { value: defaultOf(type), fits: null, same: false };
      const field = `tupleElement(${x}, ${index + 1})`;
      const part = this.#value(field, source.type, this.#options.nullAsDefault ? { ...type, nullable: true } : type);
      return { ...part, same: part.value === field && index === position };
    });
    const conditions = parts.map(({ fits }) => fits).filter((condition) => condition !== null);
    const fits = conditions.length === 0 ? null : conditions.join(' AND ');
    const same = parts.every((part) => part.same) && from.elements.length === to.elements.length;
    if (same) return { value: x, fits };
    const values = parts.map(({ value }, position) => {
      const { type } = to.elements[position] as Element;
      return this.#options.nullAsDefault && !type.nullable && isScalar(type)
        ? `ifNull(${value}, ${defaultOf(type)})`
        : value;
    });
    return { value: `CAST(tuple(${values.join(', ')}), ${quoteString(to.text)})`, fits };
  }
}

function defaultOf(type: Type): string {
  return `defaultValueOfTypeName(${quoteString(whole(type))})`;
}

/** Nothing that the column has is such a value. */
function never(to: Type): Converted {
  return { value: defaultOf(to), fits: '0' };
}

/** A Map is an Array of Tuples of a key and a value. */
function asPairs({ elements }: Type): Type {
  return parseType(`Array(Tuple(${elements.map(({ type }) => whole(type)).join(', ')}))`);
}

/** Nested is an Array of Tuples. */
function asArray(type: Type): Type {
  if (type.name !== 'Nested') return type;
  const tuple: Type = { ...type, name: 'Tuple', text: type.text.replace(/^Nested/, 'Tuple') };
  return { ...type, name: 'Array', text: `Array(${tuple.text})`, elements: [{ name: null, type: tuple }] };
}

/** A type of which no text at all may be a value. */
function isText({ name, text }: Type): boolean {
  return name === 'String' || name === 'FixedString' || (name.startsWith('Enum') && /[(,] *''/.test(text));
}

/** A type that may be Nullable, and has one value. */
export function isScalar({ name, elements }: Type): boolean {
  return (
    elements.length === 0 &&
    /^(U?Int\d+|Float\d+|BFloat16|Decimal|Bool|String|FixedString|Date|Date32|DateTime|DateTime64|Time|Time64|UUID|IPv4|IPv6|Enum8|Enum16)$/.test(
      name,
    )
  );
}

const AS_TEXT =
  /^(U?Int\d+|Float32|Float64|BFloat16|Decimal|Bool|Date|Date32|DateTime|DateTime64|Time|Time64|Enum8|Enum16|UUID|IPv4|IPv6|FixedString)$/;

/** As what a value of a text file is read: text, which loses nothing, wherever ClickHouse's own reader may change a value. */
export function readType(to: Type, format: FormatName): string {
  if (AS_TEXT.test(to.name)) return 'Nullable(String)';
  if (to.elements.length === 0) return isScalar(to) ? nullableText(to.text) : to.text;
  if (format === 'csv') return 'Nullable(String)';
  return format === 'jsonl' ? inJson(to) : inBrackets(to);
}

function nullableText(type: string): string {
  return `Nullable(${type})`;
}

function inJson(to: Type): string {
  return mapLeaves(to, (type, key) => textType(type, key) ?? type.text);
}

/** As what text one within a list or the like is read; null for a type of which ClickHouse makes its own reading. */
function textType(type: Type, key: boolean): string | null {
  if (AS_TEXT.test(type.name)) return key ? 'String' : 'Nullable(String)';
  if (!isScalar(type)) return null;
  return key ? type.text : nullableText(type.text);
}

/** Within brackets of TSV numbers have no quotes, so that they are read by the widest type of their kind: narrower ones wrap around. */
function inBrackets(to: Type): string {
  return mapLeaves(to, (type) => {
    const read = wide(type);
    return type.nullable ? nullableText(read) : read;
  });
}

function wide({ name, text, values }: Type): string {
  if (/^U?Int\d+$/.test(name)) return name === 'UInt256' ? name : 'Int256';
  if (name === 'Float32' || name === 'BFloat16') return 'Float64';
  if (/^(Date|Date32|DateTime|DateTime64|Time|Time64|Enum8|Enum16|UUID|IPv4|IPv6|FixedString)$/.test(name))
    return 'String';
  if (name === 'Decimal') {
    const [precision = 0, scale = 0] = values.map(Number);
    return `Decimal(76, ${Math.min(76 - (precision - scale), scale + 20)})`;
  }
  return text;
}
