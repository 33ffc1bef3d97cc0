/**
 * The bytes of Kafka's protocol, as far as the scripted broker speaks it: numbers, texts, lists, and batches of records
 * (https://kafka.apache.org/protocol, https://kafka.apache.org/documentation/#recordbatch).
 */

export class Writer {
  readonly #parts: Buffer[] = [];

  raw(bytes: Uint8Array): this {
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  int8(value: number): this {
    return this.#number(1, (buffer) => buffer.writeInt8(value));
  }

  int16(value: number): this {
    return this.#number(2, (buffer) => buffer.writeInt16BE(value));
  }

  int32(value: number): this {
    return this.#number(4, (buffer) => buffer.writeInt32BE(value));
  }

  int64(value: number): this {
    return this.#number(8, (buffer) => buffer.writeBigInt64BE(BigInt(value)));
  }

  /** Zigzag, in groups of seven bits, the lowest first. */
  varint(value: number): this {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    const bytes: number[] = [];
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
    return this.raw(Buffer.from([...bytes, rest]));
  }

  string(text: string | null): this {
    if (text === null) return this.int16(-1);
    const bytes = Buffer.from(text);
    return this.int16(bytes.length).raw(bytes);
  }

  bytes(bytes: Uint8Array | null): this {
    return bytes === null ? this.int32(-1) : this.int32(bytes.length).raw(bytes);
  }

  varbytes(bytes: Uint8Array | null): this {
    return bytes === null ? this.varint(-1) : this.varint(bytes.length).raw(bytes);
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #number(size: number, write: (buffer: Buffer) => void): this {
    const buffer = Buffer.alloc(size);
    write(buffer);
    return this.raw(buffer);
  }
}

export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  raw(length: number): Buffer {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Buffer {
    return this.raw(this.#bytes.length - this.#at);
  }

  int8(): number {
    return this.raw(1).readInt8();
  }

  int16(): number {
    return this.raw(2).readInt16BE();
  }

  int32(): number {
    return this.raw(4).readInt32BE();
  }

  int64(): number {
    return Number(this.raw(8).readBigInt64BE());
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.raw(1).readUInt8();
      value += (byte % 128) * factor;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.raw(length).toString();
  }

  text(): string {
    return this.string() ?? '';
  }

  bytes(): Buffer | null {
    const length = this.int32();
    return length < 0 ? null : this.raw(length);
  }

  varbytes(): Buffer | null {
    const length = this.varint();
    return length < 0 ? null : this.raw(length);
  }

  array<T>(read: () => T): T[] {
    const length = this.int32();
    return Array.from({ length: Math.max(0, length) }, read);
  }
}

export interface WireRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[];
}

/** How the records of a batch are compressed: the number in its attributes, and what does it. */
export interface Compression {
  readonly number: number;
  readonly convert: (bytes: Buffer) => Buffer;
}

const PLAIN: Compression = { number: 0, convert: (bytes) => bytes };

/** What stands in a batch before its checksum: offset, length, epoch of the leader, and the version of the format. */
const MAGIC = 2;
const NO_PRODUCER = -1;

/** Without a checksum, which kafkajs does not look at. The records stand in the order of their offsets. */
export function encodeBatch(records: readonly WireRecord[], compression: Compression = PLAIN): Buffer {
  const first = records[0] as WireRecord;
  const last = records.at(-1) as WireRecord;
  const plain = new Writer();
  for (const record of records) plain.varbytes(encodeRecord(record, first));
  const body = new Writer()
    .int32(0)
    .int8(MAGIC)
    .int32(0)
    .int16(compression.number)
    .int32(last.offset - first.offset)
    .int64(first.timestamp)
    .int64(Math.max(...records.map(({ timestamp }) => timestamp)))
    .int64(NO_PRODUCER)
    .int16(-1)
    .int32(-1)
    .int32(records.length)
    .raw(compression.convert(plain.finish()))
    .finish();
  return new Writer().int64(first.offset).bytes(body).finish();
}

function encodeRecord({ offset, timestamp, key, value, headers }: WireRecord, first: WireRecord): Buffer {
  const record = new Writer()
    .int8(0)
    .varint(timestamp - first.timestamp)
    .varint(offset - first.offset)
    .varbytes(key)
    .varbytes(value)
    .varint(headers.length);
  for (const [name, bytes] of headers) record.varbytes(Buffer.from(name)).varbytes(bytes);
  return record.finish();
}

export interface Batch {
  /** The number of its compression. */
  readonly compression: number;
  /** -1 for a producer that is not idempotent. */
  readonly producerId: number;
  readonly records: readonly WireRecord[];
}

/** @param decompress is given the records as they came, and the number of their compression */
export function decodeBatch(bytes: Buffer, decompress: (bytes: Buffer, compression: number) => Buffer): Batch {
  const batch = new Reader(bytes);
  const base = batch.int64();
  batch.raw(4 + 4 + 1 + 4);
  const compression = batch.int16() & 7;
  batch.int32();
  const time = batch.int64();
  batch.int64();
  const producerId = batch.int64();
  batch.raw(2 + 4);
  const count = batch.int32();
  const records = new Reader(decompress(batch.rest(), compression));
  const read = () => decodeRecord(new Reader(records.varbytes() as Buffer), base, time);
  return { compression, producerId, records: Array.from({ length: count }, read) };
}

function decodeRecord(record: Reader, base: number, time: number): WireRecord {
  record.int8();
  const timestamp = time + record.varint();
  const offset = base + record.varint();
  const key = record.varbytes();
  const value = record.varbytes();
  const header = () => [(record.varbytes() as Buffer).toString(), record.varbytes() as Buffer] as const;
  return { offset, timestamp, key, value, headers: Array.from({ length: record.varint() }, header) };
}
