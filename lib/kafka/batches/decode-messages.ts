/**
 * kafkajs 2.2.4 unpacks whatever a fetch brings, as far as it goes: 0.4 MB of gzip are 2.4 GB of memory, and in a container
 * the end of the service, at each start again. Here the batches of one answer share a bound. What does not fit into the rest
 * of it is left for the next fetch; a batch that alone is beyond it is not read, and its records say so.
 */
import { createRequire } from 'node:module';
import { TooLarge } from '../../errors.js';
import { CODECS, unpack } from './unpack.js';

/** A record as the client hands it out. */
export interface ClientMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: unknown;
  readonly isControlRecord: boolean;
  /** Of the batch: the client looks here for aborted transactions. */
  readonly batchContext: unknown;
  /** Why nothing of it was read but where it stands. */
  readonly unread?: string;
}

/** The client's own reader of bytes. */
interface Decoder {
  readInt32(): number;
  canReadBytes(length: number): boolean;
  readBytes(length: number): Buffer;
  readVarIntBytes(): Buffer;
}

interface Internals {
  readonly Decoder: new (bytes: Buffer) => Decoder;
  readonly readRecord: (decoder: Decoder, context: object) => ClientMessage;
  /** Batches of the formats before Kafka 0.11. */
  readonly readOldMessages: (decoder: Decoder, bytes: number) => Promise<ClientMessage[]>;
}

/** What a record takes in memory beside its bytes, and each of its headers. */
const RECORD_BYTES = 512;
const RECORD_HEADER_BYTES = 256;
/** Of a batch with more records that is not read, one stands for all: its letter names them. */
const MOST_NAMED = 1_000;
const MAGIC_AT = 16;
const MAGIC = 2;
/** Of a batch: its offset and its length, which counts what comes behind it. */
const LENGTH_END = 12;
const HEADER_BYTES = 61;

let most = Number.POSITIVE_INFINITY;
/** What is left of the bound, by the decoder of a whole answer. */
const left = new WeakMap<object, number>();

/**
 * Affects all clients of this process, and has to come before their first fetch.
 *
 * @param bytes that the records of one answer may take in memory
 */
export function boundBatches(bytes: number): void {
  most = bytes;
  const require = createRequire(import.meta.url);
  const path = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');
  require(path);
  const module = require.cache[path];
  // The versions of the answer get it by `require` when they are needed.
  if (module !== undefined) module.exports = (decoder: Decoder) => decodeMessages(decoder, internals(require));
}

function internals(require: NodeJS.Require): Internals {
  return {
    Decoder: require('kafkajs/src/protocol/decoder'),
    readRecord: require('kafkajs/src/protocol/recordBatch/record/v0/decoder'),
    readOldMessages: require('kafkajs/src/protocol/messageSet/decoder'),
  };
}

/** The messages of one partition, of which the answer's decoder is about to read the length. */
async function decodeMessages(decoder: Decoder, client: Internals): Promise<ClientMessage[]> {
  const length = decoder.readInt32();
  if (length <= MAGIC_AT || !decoder.canReadBytes(length)) return [];
  const bytes = decoder.readBytes(length);
  if (bytes.readInt8(MAGIC_AT) !== MAGIC) return await client.readOldMessages(new client.Decoder(bytes), length);
  const messages: ClientMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const end = at + LENGTH_END + bytes.readInt32BE(at + LENGTH_END - 4);
    // The broker cuts its answer off where it is long enough.
    if (end > bytes.length) break;
    if (end < at + HEADER_BYTES) throw new Error('a batch in the log of the broker is damaged');
    const read = await readBatch(bytes.subarray(at, end), left.get(decoder) ?? most, client);
    if (read === null) break;
    left.set(decoder, (left.get(decoder) ?? most) - read.cost);
    for (const message of read.messages) messages.push(message);
    at = end;
  }
  return messages;
}

interface Read {
  readonly messages: readonly ClientMessage[];
  readonly cost: number;
}

/** Null where the batch has to wait for the next answer, with the whole bound for itself. */
async function readBatch(batch: Buffer, room: number, client: Internals): Promise<Read | null> {
  const { count, codec, context } = readHeader(batch);
  if (count <= 0) return { messages: [], cost: 0 };
  const records = batch.subarray(HEADER_BYTES);
  const roomForBytes = room - count * RECORD_BYTES;
  try {
    if (roomForBytes <= 0) throw new TooLarge(most);
    const unpacked = await unpack(codec, records, roomForBytes);
    const decoder = new client.Decoder(unpacked);
    const messages: ClientMessage[] = [];
    let cost = unpacked.length + count * RECORD_BYTES;
    for (let index = 0; index < count; index += 1) {
      const message = client.readRecord(new client.Decoder(decoder.readVarIntBytes()), context);
      cost += countHeaders(message) * RECORD_HEADER_BYTES;
      if (cost > room) throw new TooLarge(most);
      messages.push(message);
    }
    return { messages, cost };
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
    return room < most ? null : unread(batch, roomForBytes <= 0);
  }
}

function countHeaders({ headers }: ClientMessage): number {
  let count = 0;
  for (const value of Object.values(headers ?? {})) count += Array.isArray(value) ? value.length : 1;
  return count;
}

function readHeader(batch: Buffer) {
  const attributes = batch.readInt16BE(21);
  const codec = CODECS[attributes & 7];
  if (codec === undefined) throw new Error(`a batch is compressed by a method that is not known (${attributes & 7})`);
  const context = {
    firstOffset: String(batch.readBigInt64BE(0)),
    partitionLeaderEpoch: batch.readInt32BE(12),
    timestampType: (attributes & 8) === 0 ? 0 : 1,
    inTransaction: (attributes & 0x10) !== 0,
    isControlBatch: (attributes & 0x20) !== 0,
    lastOffsetDelta: batch.readInt32BE(23),
    firstTimestamp: String(batch.readBigInt64BE(27)),
    maxTimestamp: String(batch.readBigInt64BE(35)),
    producerId: String(batch.readBigInt64BE(43)),
    producerEpoch: batch.readInt16BE(51),
    firstSequence: batch.readInt32BE(53),
    magicByte: MAGIC,
  };
  return { codec, context, count: batch.readInt32BE(57) };
}

/** Its records, without anything in them. Which numbers are taken is known only where none is missing. */
function unread(batch: Buffer, isOfTooMany: boolean): Read {
  const { codec, context, count } = readHeader(batch);
  const { firstOffset, lastOffsetDelta, firstTimestamp, isControlBatch } = context;
  const first = BigInt(firstOffset);
  const isWhole = count === lastOffsetDelta + 1 && count <= MOST_NAMED;
  const offsets = isWhole ? Array.from({ length: count }, (_, index) => index) : [lastOffsetDelta];
  const where = `offsets ${first} to ${first + BigInt(lastOffsetDelta)}, ${batch.length} bytes${codec === 'none' ? '' : ` of ${codec}`}`;
  const why = isOfTooMany ? `has ${count} records, too many` : 'unpacks to more';
  const messages = offsets.map((delta) => ({
    offset: String(first + BigInt(delta)),
    timestamp: firstTimestamp,
    key: null,
    value: null,
    headers: {},
    isControlRecord: isControlBatch,
    batchContext: context,
    unread:
      `it is in a batch (${where}) that ${why} than may be taken in at once (${most} bytes, with ` +
      `${RECORD_BYTES} for each record and ${RECORD_HEADER_BYTES} for each header); have it sent in smaller batches, or raise ingest.max_queued_bytes and announce it again`,
  }));
  return { messages, cost: messages.length * RECORD_BYTES };
}
