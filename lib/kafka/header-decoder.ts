/**
 * kafkajs 2.2.4 collects the headers of a record in a plain object, which it copies for each of them. A header that is named
 * like a member of `Object.prototype` therefore gets that member as its first value, and the time that many headers take
 * grows with their square: one message of a megabyte stops the event loop for hours. Here they are collected in one pass.
 */
import { createRequire } from 'node:module';
import type { HeaderValue } from '../types.js';

/** Of a record with more, the others are not read: they are a mistake of its producer, and each costs microseconds. */
const MAX_HEADERS = 1_000;
/** Says how many those are; a dead letter carries it like any header. */
const UNREAD = 'atd.headers-unread';

export interface HeaderDecoder {
  /** At the first of the record's last bytes: how many headers there are, then each. */
  readVarInt(): number;
}

type ReadHeader = (decoder: HeaderDecoder) => { readonly key: string | null; readonly value: Uint8Array | null };

let isMended = false;

/** Affects all clients of this process. */
export function mendHeaderDecoder(): void {
  if (isMended) return;
  isMended = true;
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/protocol/decoder') as { readonly prototype: object };
  // Nothing but a record's headers is read by this method, and its caller does nothing with them but reduce them.
  Object.assign(prototype, {
    readVarIntArray(this: HeaderDecoder, read: ReadHeader) {
      return { reduce: () => collectHeaders(this, read) };
    },
  });
}

/** The headers by their names, in an object without a prototype. */
export function collectHeaders(decoder: HeaderDecoder, read: ReadHeader): Record<string, HeaderValue> {
  const collected: Record<string, HeaderValue> = Object.create(null);
  const count = decoder.readVarInt();
  for (let index = 0; index < Math.min(count, MAX_HEADERS); index += 1) {
    const { key, value } = read(decoder);
    const name = key ?? '';
    const before = collected[name];
    if (before === undefined) collected[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else collected[name] = [before as Uint8Array | null, value];
  }
  if (count > MAX_HEADERS) collected[UNREAD] = String(count - MAX_HEADERS);
  return collected;
}
