/** Compressed batches, read as other producers write them. */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import createSnappyCodec from 'kafkajs-snappy';
import { compress as compressLz4 } from 'lz4js';
import { registerCodecs } from '../../../lib/kafka/batches/codecs.js';
import { GroupMember, startBroker, TOPIC } from '../../support/group-member.js';

interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
}

const { CompressionCodecs, CompressionTypes } = kafkajs;
/** Bytes that a batch may unpack to. */
const MOST = 64 * 1024 * 1024;

function codec(type: number): Codec {
  return (CompressionCodecs as unknown as Record<number, () => Codec>)[type]?.() as Codec;
}

/** Forty messages, which repeat each other and are therefore worth compressing. */
const TEXT = Buffer.from(Array.from({ length: 40 }, (_, index) => `{"filename":"/in/${index}.parquet"}\n`).join(''));

/** `TEXT`, compressed by the programs that the formats' authors give away. */
const ZSTD_WITH_LENGTH =
  'KLUv/WSmAz0DAEJEDhGgb4WCg5yxqqL+2k+1uZ+DMP//////7u7u7u7d3d3d3SqhY8p7gxxsu7SyKciQb4QVWmSywecCDiioEfDr' +
  '/xmAM0oPEbxDMEP4eX4mYf+ii1vM4hVVnCKKTzRxkVL1MgJBVAM+tMZY';
const ZSTD_OF_A_STREAM =
  'KLUv/QRoPQMAQkQOEaBvhYKDnLGqov7aT7W5n4Mw///////u7u7u7t3d3d3dKqFjynuDHGy7tLIpyJBvhBVaZLLB5wIOKKgR8Ov/' +
  'GYAzSg8RvEMwQ/h5fiZh/6KLW8ziFVWcIopPNHGRUvUyAkFUAz60xlg=';
const LZ4 =
  'BCJNGGRAp+UAAAD9DnsiZmlsZW5hbWUiOiIvaW4vMC5wYXJxdWV0In0KHQAfMR0ACR8yHQAJHzMdAAkfNB0ACR81HQAJHzYdAAkf' +
  'Nx0ACR84HQAJHzkFAQoPIwELDyQBCh8xJQEKHzEmAQofMScBCh8xKAEKHzEpAQofMSoBCh8xKwEKHzEsAQofMiwBCh8yUAILDywB' +
  'Ch8yLAEKHzIsAQofMiwBCh8yLAEKHzIsAQofMiwBCh8yLAEKHzMsAQofMywBCh8zfQMLDywBCh8zLAEKHzMsAQofMywBCh8zLAEK' +
  'HzMsAQoTMywBUGV0In0KAAAAAMzyB9s=';

/** Snappy in pieces behind a header, as Java's clients write it. */
function inXerialPieces(pieces: readonly Buffer[]): Buffer {
  const header = Buffer.from('82534e41505059000000000100000001', 'hex');
  return Buffer.concat([
    header,
    ...pieces.flatMap((piece) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(piece.length);
      return [length, piece];
    }),
  ]);
}

/** Snappy's own format: the length, and the bytes as one literal (of at most 60). */
function asSnappy(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length, (bytes.length - 1) << 2]), bytes]);
}

/** A zstd frame that holds the bytes as they are. */
function asZstd(bytes: Buffer): Buffer {
  const lastRawBlock = Buffer.alloc(3);
  lastRawBlock.writeUIntLE((bytes.length << 3) + 1, 0, 3);
  return Buffer.concat([Buffer.from('28b52ffd0058', 'hex'), lastRawBlock, bytes]);
}

describe('the codecs', () => {
  before(() => registerCodecs(MOST));

  it('read zstd, with and without its length before it, and several frames in a row', async () => {
    const { decompress } = codec(CompressionTypes.ZSTD);
    for (const text of [ZSTD_WITH_LENGTH, ZSTD_OF_A_STREAM]) {
      const frame = Buffer.from(text, 'base64');
      assert.deepEqual(await decompress(frame), TEXT);
      assert.deepEqual(await decompress(Buffer.concat([frame, frame])), Buffer.concat([TEXT, TEXT]));
    }
  });

  it('read lz4, of one block and of many', async () => {
    const { decompress } = codec(CompressionTypes.LZ4);
    assert.deepEqual(await decompress(Buffer.from(LZ4, 'base64')), TEXT);
    const large = Buffer.concat(Array(10_000).fill(TEXT));
    assert.ok((await decompress(Buffer.from(compressLz4(large)))).equals(large));
  });

  it('read snappy, in one piece and in several behind a header', async () => {
    const { decompress } = codec(CompressionTypes.Snappy);
    const piece = await createSnappyCodec().compress({ buffer: TEXT });
    assert.ok(piece.length < TEXT.length);
    assert.deepEqual(await decompress(Buffer.from(piece)), TEXT);
    const pieces = inXerialPieces([Buffer.from(piece), Buffer.from(piece)]);
    assert.deepEqual(await decompress(pieces), Buffer.concat([TEXT, TEXT]));
  });

  it('leave gzip as it was: that is what we write', async () => {
    const { compress, decompress } = codec(CompressionTypes.GZIP);
    assert.deepEqual(await decompress(gzipSync(TEXT)), TEXT);
    assert.deepEqual(await decompress(await compress({ buffer: TEXT })), TEXT);
  });

  it('write neither snappy nor lz4 nor zstd', async () => {
    await assert.rejects(
      codec(CompressionTypes.Snappy).compress({ buffer: TEXT }),
      /snappy is only read, never written/,
    );
    await assert.rejects(codec(CompressionTypes.LZ4).compress({ buffer: TEXT }), /lz4 is only read, never written/);
    await assert.rejects(codec(CompressionTypes.ZSTD).compress({ buffer: TEXT }), /zstd is only read, never written/);
  });

  it('fail with what is damaged, instead of reading something else', async () => {
    for (const [type, text] of [
      [CompressionTypes.ZSTD, ZSTD_WITH_LENGTH],
      [CompressionTypes.LZ4, LZ4],
    ] as const) {
      const bytes = Buffer.from(text, 'base64');
      bytes[0] = 0;
      await assert.rejects(codec(type).decompress(bytes));
    }
  });

  it('serve a consumer, whatever each batch is compressed by', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['snappy'], {
      number: CompressionTypes.Snappy,
      convert: (bytes) => inXerialPieces([asSnappy(bytes)]),
    });
    broker.topics.append(TOPIC, 0, ['lz4'], {
      number: CompressionTypes.LZ4,
      convert: (bytes) => Buffer.from(compressLz4(bytes)),
    });
    broker.topics.append(TOPIC, 0, ['zstd'], { number: CompressionTypes.ZSTD, convert: asZstd });
    broker.topics.append(TOPIC, 0, ['gzip'], { number: CompressionTypes.GZIP, convert: (bytes) => gzipSync(bytes) });
    broker.topics.append(TOPIC, 0, ['plain']);
    const member = await GroupMember.join(t, broker);
    await member.reports('record', 5);
    const values = member.records.map(({ value }) => Buffer.from(value ?? []).toString());
    assert.deepEqual(values, ['snappy', 'lz4', 'zstd', 'gzip', 'plain']);
  });
});
