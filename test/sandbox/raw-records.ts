/**
 * Messages as no producer of ours can write them: headers without value, any name, any time, any compression. The batch is
 * encoded here and sent as it is; what the broker makes of it, its answer says.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

export interface RawRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: Uint8Array | string, value: Uint8Array | string | null])[];
  /** Milliseconds since the epoch as a producer would have it; any number of 64 bits. */
  readonly timestamp: bigint;
}

/** The numbers are Kafka's. */
export const COMPRESSIONS = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

export type Compression = keyof typeof COMPRESSIONS;

const require = createRequire(import.meta.url);
const ACKNOWLEDGED = 0;
/** What a broker answers for a topic that was made just now. */
const NO_LEADER_YET: ReadonlySet<number> = new Set([3, 5, 6]);
const LEADER_TRIES = 600;
const LEADER_RETRY_MS = 100;
const TIMEOUT_MS = 30_000;
/** The first version that may carry zstd. */
const PRODUCE = { key: 0, version: 7 };
const BLOCK_BYTES = 64 * 1024;

/** @throws Error with the broker's code where it does not take the batch */
export async function produceRaw(
  broker: string,
  topic: string,
  partition: number,
  records: readonly RawRecord[],
  compression: Compression = 'none',
): Promise<void> {
  await produceBatch(broker, topic, partition, await encodeBatch(records, compression));
}

/** @throws Error with the broker's code where it does not take the batch */
export async function produceBatch(broker: string, topic: string, partition: number, batch: Uint8Array): Promise<void> {
  let code = await tryProduceBatch(broker, topic, partition, batch);
  for (let tries = 1; NO_LEADER_YET.has(code) && tries < LEADER_TRIES; tries += 1) {
    await delay(LEADER_RETRY_MS);
    code = await tryProduceBatch(broker, topic, partition, batch);
  }
  if (code !== ACKNOWLEDGED) throw new Error(`the broker refused the batch with error ${code}`);
}

/** The broker's error code, 0 where it took the batch. */
export async function tryProduceRaw(
  broker: string,
  topic: string,
  partition: number,
  records: readonly RawRecord[],
  compression: Compression = 'none',
): Promise<number> {
  return await tryProduceBatch(broker, topic, partition, await encodeBatch(records, compression));
}

/** The broker's error code for a batch that is encoded already, 0 where it took it. */
export async function tryProduceBatch(
  broker: string,
  topic: string,
  partition: number,
  batch: Uint8Array,
): Promise<number> {
  const request = Buffer.concat([
    ...[int16(PRODUCE.key), int16(PRODUCE.version), int32(1), text('raw')],
    ...[int16(-1), int16(-1), int32(TIMEOUT_MS)],
    ...[int32(1), text(topic), int32(1), int32(partition), int32(batch.length), batch],
  ]);
  const [host = '', port] = broker.split(':');
  const socket = connect(Number(port), host);
  try {
    socket.write(Buffer.concat([int32(request.length), request]));
    let answer = Buffer.alloc(0);
    while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
      const [bytes] = (await once(socket, 'data')) as [Buffer];
      answer = Buffer.concat([answer, bytes]);
    }
    // The frame's length, the request's number, one topic with its name, one partition with its number.
    const name = 4 + 4 + 4;
    return answer.readInt16BE(name + 2 + answer.readInt16BE(name) + 4 + 4);
  } finally {
    socket.destroy();
  }
}

async function encodeBatch(records: readonly RawRecord[], compression: Compression): Promise<Buffer> {
  const base = records[0]?.timestamp ?? 0n;
  const [latest = base] = records.map(({ timestamp }) => timestamp).sort((a, b) => Number(b > a) - Number(b < a));
  const plain = Buffer.concat(records.map((record, index) => encodeRecord(record, index, record.timestamp - base)));
  return wrapBatch(await compress(plain, compression), { count: records.length, compression, base, latest });
}

export interface BatchFacts {
  readonly count: number;
  readonly compression: Compression;
  /** The time of the first record, and the latest one. */
  readonly base: bigint;
  readonly latest: bigint;
}

/** Records that are encoded and compressed already, as a batch. */
export function wrapBatch(compressed: Uint8Array, { count, compression, base, latest }: BatchFacts): Buffer {
  const body = Buffer.concat([
    ...[int16(COMPRESSIONS[compression]), int32(count - 1), int64(base), int64(latest)],
    ...[int64(-1n), int16(-1), int32(-1), int32(count)],
    compressed,
  ]);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32c(body));
  const rest = Buffer.concat([int32(0), Buffer.from([2]), crc, body]);
  return Buffer.concat([int64(0n), int32(rest.length), rest]);
}

function encodeRecord({ key, value, headers }: RawRecord, index: number, age: bigint): Buffer {
  const body = Buffer.concat([
    ...[Buffer.from([0]), varint(age), varint(BigInt(index)), bytes(key), bytes(value), varint(BigInt(headers.length))],
    ...headers.flatMap(([name, header]) => [bytes(name), bytes(header)]),
  ]);
  return Buffer.concat([varint(BigInt(body.length)), body]);
}

async function compress(plain: Buffer, compression: Compression): Promise<Buffer> {
  switch (compression) {
    case 'none':
      return plain;
    case 'gzip':
      return gzipSync(plain);
    case 'snappy': {
      const create = require('kafkajs-snappy') as () => { compress(encoder: { buffer: Buffer }): Promise<Buffer> };
      return create().compress({ buffer: plain });
    }
    case 'lz4':
      return lz4Frame(plain);
    case 'zstd':
      return zstdFrame(plain);
  }
}

/** LZ4's format without its compression: brokers refuse the blocks that the package we read with would write. */
function lz4Frame(plain: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82])];
  for (let at = 0; at < plain.length; at += BLOCK_BYTES) {
    const block = plain.subarray(at, at + BLOCK_BYTES);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length + 2 ** 31);
    parts.push(size, block);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** Zstandard's format without its compression, which Node has only from version 22 on: every block is as it was. */
function zstdFrame(plain: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(plain.length);
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), size];
  for (let at = 0; at === 0 || at < plain.length; at += BLOCK_BYTES) {
    const block = plain.subarray(at, at + BLOCK_BYTES);
    const isLast = at + BLOCK_BYTES >= plain.length ? 1 : 0;
    const header = Buffer.alloc(3);
    header.writeUIntLE(block.length * 8 + isLast, 0, 3);
    parts.push(header, block);
  }
  return Buffer.concat(parts);
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function int64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
}

function text(value: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
}

function bytes(value: Uint8Array | string | null): Buffer {
  if (value === null) return varint(-1n);
  const buffer = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint(BigInt(buffer.length)), buffer]);
}

/** Zigzag, then seven bits to a byte. */
export function varint(value: bigint): Buffer {
  const encoded: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest >= 128n; rest >>= 7n) encoded.push(Number(rest & 127n) + 128);
  encoded.push(Number(rest));
  return Buffer.from(encoded);
}

const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (CRC32C[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
