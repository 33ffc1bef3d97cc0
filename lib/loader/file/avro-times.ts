/**
 * What an Avro file says of its columns beyond the types by which ClickHouse describes them: numbers that are times in a unit of their
 * own, and records that may be NULL. ClickHouse describes most of those without a time zone as plain
 * numbers, and would take them for seconds. https://avro.apache.org/docs/1.12.0/specification/#logical-types
 */

/** Of an instant, and of a time of day. */
export interface AvroTime {
  readonly kind: 'instant' | 'time';
  /** Digits of the fraction of a second. */
  readonly scale: number;
  /** Other values of the column are of other types, so that ClickHouse reads no time by itself. */
  readonly isOneOfMany: boolean;
}

/** By where they are within the column: names of fields, and numbers of what has none, all joined by dots. */
export interface AvroColumn {
  readonly times: ReadonlyMap<string, AvroTime>;
  /** Records that may be NULL, which a Tuple is not. */
  readonly absent: ReadonlySet<string>;
}

interface Found {
  readonly times: Map<string, AvroTime>;
  readonly absent: Set<string>;
}

const KEY = 'avro.schema';
const DIGITS: Readonly<Record<string, number>> = { millis: 3, micros: 6, nanos: 9 };
/** ClickHouse knows no types that hold themselves. */
const DEEPEST = 64;

/** `header` is the beginning of the file, with the whole schema in it. */
export function avroColumns(header: Uint8Array): ReadonlyMap<string, AvroColumn> {
  const columns = new Map<string, AvroColumn>();
  const schema = parsed(schemaText(header));
  const named = new Map<string, Schema>();
  for (const { name, type } of fieldsOf(schema)) {
    const found: Found = { times: new Map(), absent: new Set() };
    collect(type, [], false, named, found);
    columns.set(String(name), found);
  }
  return columns;
}

interface Schema {
  readonly name?: unknown;
  readonly type?: unknown;
  readonly logicalType?: unknown;
  readonly fields?: unknown;
  readonly items?: unknown;
  readonly values?: unknown;
}

function collect(
  type: unknown,
  path: readonly (string | number)[],
  isOneOfMany: boolean,
  named: Map<string, Schema>,
  found: Found,
): void {
  if (path.length > DEEPEST) return;
  if (Array.isArray(type)) {
    const types = type.filter((one) => one !== 'null');
    for (const one of types) collect(one, path, isOneOfMany || types.length > 1, named, found);
    const [only] = types;
    const isRecord = types.length === 1 && fieldsOf(schemaOf(only, named) ?? {}).length > 0;
    if (isRecord && types.length < type.length) found.absent.add(path.join('.'));
    return;
  }
  const schema = schemaOf(type, named);
  if (typeof schema !== 'object' || schema === null) return;
  if (typeof schema.name === 'string') named.set(shortName(schema.name), schema);
  const inside = (inner: unknown, step: string | number): void =>
    collect(inner, [...path, step], isOneOfMany, named, found);
  if (schema.type === 'array') return inside(schema.items, 0);
  if (schema.type === 'map') return inside(schema.values, 1);
  for (const { name, type: inner } of fieldsOf(schema)) inside(inner, String(name));
  if (typeof schema.type === 'object') collect(schema.type, path, isOneOfMany, named, found);
  const time = timeOf(schema.logicalType);
  if (time !== null) found.times.set(path.join('.'), { ...time, isOneOfMany });
}

/** One that was seen before is called by its name. */
function schemaOf(type: unknown, named: ReadonlyMap<string, Schema>): Schema | null | undefined {
  return typeof type === 'string' ? named.get(shortName(type)) : (type as Schema | null);
}

/** Those that ClickHouse does not describe as times. */
function timeOf(logical: unknown): Omit<AvroTime, 'isOneOfMany'> | null {
  const [, kind, unit = ''] = /^(local-timestamp|timestamp|time)-(millis|micros|nanos)$/.exec(String(logical)) ?? [];
  if (kind === undefined || (kind === 'timestamp' && unit !== 'nanos')) return null;
  return { kind: kind === 'time' ? 'time' : 'instant', scale: DIGITS[unit] ?? 0 };
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function fieldsOf({ fields }: Schema): readonly Schema[] {
  return Array.isArray(fields) ? fields : [];
}

function parsed(text: string): Schema {
  try {
    return (JSON.parse(text) as Schema | null) ?? {};
  } catch {
    // ClickHouse says what is wrong with it.
    return {};
  }
}

/** A key of the header's map is followed by the length of its value, and that by the value. */
function schemaText(header: Uint8Array): string {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.length);
  let at = bytes.indexOf(KEY);
  if (at < 0) return '';
  at += KEY.length;
  let length = 0;
  for (let factor = 1; at < bytes.length; factor *= 128) {
    const byte = bytes[at++] ?? 0;
    length += (byte & 0x7f) * factor;
    if (byte < 0x80) break;
  }
  return bytes.toString('utf8', at, at + length / 2);
}
