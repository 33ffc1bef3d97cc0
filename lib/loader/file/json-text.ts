/** JSON as programs write it: one object behind the other, on lines or over many of them, or all of them in one list. */
import { isUtf8 } from 'node:buffer';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = [0x7b, 0x5b];
const CLOSE = [0x7d, 0x5d];

/** As many whole objects as `data` begins with, in a list that is closed if they are in one; empty where none is whole. */
export function wholeObjects(data: Uint8Array): Uint8Array {
  const first = data.findIndex((byte) => byte > 0x20);
  const outer = data[first] === 0x5b ? 1 : 0;
  let depth = 0;
  let end = 0;
  for (let at = Math.max(0, first); at < data.length; at++) {
    const byte = data[at] as number;
    if (byte === QUOTE) at = endOfString(data, at);
    else if (OPEN.includes(byte)) depth++;
    else if (CLOSE.includes(byte) && --depth <= outer) end = at + 1;
  }
  const objects = data.subarray(0, end);
  if (end === 0 || outer === 0 || depth < outer) return objects;
  return Buffer.concat([objects, Buffer.from(']')]);
}

function endOfString(data: Uint8Array, start: number): number {
  for (let at = start + 1; at < data.length; at++) {
    if (data[at] === BACKSLASH) at++;
    else if (data[at] === QUOTE) return at;
  }
  return data.length;
}

/** What programs write that have nothing to say. */
export function isEmptyList(data: Uint8Array): boolean {
  const bytes = data.filter((byte) => byte > 0x20);
  return bytes.length === 2 && bytes[0] === 0x5b && bytes[1] === 0x5d;
}

/** A string without an end goes to that of the text: looked for from each of its quotes it would take for ever. */
const STRING_OR_LONG = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|$)|-?\d{19,}(?![\d.eE])/gs;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 64n - 1n;

/** Whole numbers beyond 64 bits as text, as ClickHouse finds no type for them. */
export function longNumbersAsText(sample: Uint8Array): Uint8Array {
  const text = Buffer.from(sample.buffer, sample.byteOffset, sample.length).toString('latin1');
  if (!/\d{19}/.test(text)) return sample;
  const quoted = text.replace(STRING_OR_LONG, (found) => {
    if (found.startsWith('"')) return found;
    return BigInt(found) < LEAST || BigInt(found) > MOST ? `"${found}"` : found;
  });
  return Buffer.from(quoted, 'latin1');
}

/** Of the objects that `sample` has, on lines or in a list; null where it is anything else, of which ClickHouse may still make something. */
export function objectKeys(sample: Uint8Array): readonly string[] | null {
  if (!isUtf8(sample)) return null;
  const text = Buffer.from(sample.buffer, sample.byteOffset, sample.length)
    .toString('utf8')
    .replace(/^\ufeff/, '');
  const keys = new Set<string>();
  try {
    const first = text.trimStart();
    const objects: unknown[] = first.startsWith('[')
      ? JSON.parse(first)
      : text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
    for (const object of objects) {
      if (typeof object !== 'object' || object === null || Array.isArray(object)) return null;
      for (const key of Object.keys(object)) keys.add(key);
    }
  } catch {
    return null;
  }
  const names = [...keys];
  // Half of a character that needs two has no bytes of its own.
  return names.some((name) => /\p{Surrogate}/u.test(name)) ? null : names;
}
