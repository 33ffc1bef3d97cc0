/**
 * Columns of an Avro file that are times in a unit of their own. ClickHouse describes those without a time zone as plain
 * numbers, and would take them for seconds. https://avro.apache.org/docs/1.12.0/specification/#logical-types
 */

/** Of an instant on somebody's clock, and of a time of day. */
export interface AvroTime {
  readonly kind: 'local-timestamp' | 'time';
  /** Digits of the fraction of a second. */
  readonly scale: number;
  readonly nullable: boolean;
}

const KEY = 'avro.schema';
const DIGITS: Readonly<Record<string, number>> = { millis: 3, micros: 6, nanos: 9 };

/** `header` is the beginning of the file, with the whole schema in it. Only fields of the outermost record are looked at. */
export function avroTimes(header: Uint8Array): ReadonlyMap<string, AvroTime> {
  const found = new Map<string, AvroTime>();
  for (const { name, type } of fieldsOf(schemaText(header))) {
    const types = Array.isArray(type) ? type : [type];
    const logical = types
      .map((one) => (one as { logicalType?: unknown } | null)?.logicalType)
      .find((text) => typeof text === 'string');
    const [, kind, unit = ''] = /^(local-timestamp|time)-(millis|micros|nanos)$/.exec(String(logical)) ?? [];
    if (kind === undefined) continue;
    found.set(name, { kind: kind as AvroTime['kind'], scale: DIGITS[unit] ?? 0, nullable: types.includes('null') });
  }
  return found;
}

interface Field {
  readonly name: string;
  readonly type: unknown;
}

function fieldsOf(text: string): readonly Field[] {
  try {
    const { fields } = JSON.parse(text) as { fields?: readonly Field[] };
    return Array.isArray(fields) ? fields : [];
  } catch {
    // ClickHouse says what is wrong with it.
    return [];
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
