/**
 * A record as it is kept until it is complete, which may be many thousands for hours: in little memory, and as a copy, for what
 * is delivered are views into a whole answer of the broker.
 */
import type { HeaderValue, KafkaRecord, TopicPartition } from '../../../types.js';
import { type PackedBytes, pack, sizeOf, unpack } from '../../../util/packed-bytes.js';

type KeptHeader = PackedBytes | null | readonly (PackedBytes | null)[];

export interface KeptRecord extends TopicPartition {
  readonly offset: number;
  readonly key: PackedBytes | null;
  readonly value: PackedBytes | null;
  /** Null where there are none. */
  readonly headers: readonly (readonly [name: string, value: KeptHeader])[] | null;
  readonly timestamp: number;
}

type OneValue = Uint8Array | string | null;

/** What a header takes in memory beside its bytes: a thousand of them may be a few bytes each. */
const HEADER_BYTES = 256;

export function keep({ topic, partition, offset, key, value, headers, timestamp }: KafkaRecord): KeptRecord {
  return { topic, partition, offset, key: kept(key), value: kept(value), headers: keptHeaders(headers), timestamp };
}

/** As it was delivered, but for texts among the headers, which are their bytes now, as they are on the wire. */
export function released({ topic, partition, offset, key, value, headers, timestamp }: KeptRecord): KafkaRecord {
  const named: Record<string, HeaderValue> = Object.create(null);
  for (const [name, header] of headers ?? []) named[name] = isList(header) ? header.map(given) : given(header);
  return { topic, partition, offset, key: given(key), value: given(value), headers: named, timestamp };
}

/** Bytes of its message in memory. */
export function heldBy({ key, value, headers }: KeptRecord): number {
  let bytes = sizeOf(key) + sizeOf(value);
  for (const [name, header] of headers ?? []) {
    for (const one of isList(header) ? header : [header]) bytes += HEADER_BYTES + name.length + sizeOf(one);
  }
  return bytes;
}

function keptHeaders(headers: KafkaRecord['headers']): KeptRecord['headers'] {
  let kept: [string, KeptHeader][] | null = null;
  for (const name in headers) {
    kept ??= [];
    kept.push([name, keptHeader(headers[name] as HeaderValue)]);
  }
  return kept;
}

function keptHeader(header: HeaderValue): KeptHeader {
  return isList(header) ? header.map(kept) : kept(header);
}

function kept(bytes: OneValue): PackedBytes | null {
  if (bytes === null) return null;
  return pack(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
}

function given(packed: PackedBytes | null): Uint8Array | null {
  return packed === null ? null : unpack(packed);
}

function isList<One>(header: One | readonly One[]): header is readonly One[] {
  return Array.isArray(header);
}
