/** What producers compressed, unpacked up to a bound; `test/faults/bombs.test.ts` does the same with the whole service. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TooLarge } from '../../../lib/errors.js';
import { unpack } from '../../../lib/kafka/batches/unpack.js';
import { bytesOf, PACKERS, type Run } from '../../support/bombs.js';

const MIB = 1024 * 1024;
const TEXT = Buffer.from('{"filename":"/in/1.parquet"}');
const RUNS: readonly Run[] = [TEXT, 3 * MIB + 5, TEXT];
const LENGTH = RUNS.reduce<number>((sum, run) => sum + bytesOf(run), 0);
const PLAIN = Buffer.concat(RUNS.map((run) => (typeof run === 'number' ? Buffer.alloc(run) : run)));
const GIGABYTE = 1024 * MIB;

describe('unpack', () => {
  for (const [name, { compression, pack }] of Object.entries(PACKERS)) {
    it(`reads ${name} of exactly the bound, and refuses one byte more`, async () => {
      const packed = await pack(RUNS);
      assert.ok((await unpack(compression, packed, LENGTH)).equals(PLAIN));
      await assert.rejects(unpack(compression, packed, LENGTH - 1), TooLarge);
      await assert.rejects(unpack(compression, packed, 1), TooLarge);
    });
  }

  it('refuses what claims to be larger before it takes the memory', async () => {
    const snappy = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x07, 0x00, 0x00]);
    const sized = Buffer.from('28b52ffde0ffffff7f00000000010000', 'hex');
    for (const [codec, bytes] of [
      ['snappy', snappy],
      ['zstd', sized],
    ] as const) {
      const before = process.memoryUsage().arrayBuffers;
      await assert.rejects(unpack(codec, bytes, MIB), TooLarge);
      assert.ok(process.memoryUsage().arrayBuffers - before < 64 * MIB, codec);
    }
  });

  it('reads zstd of a large window as far as it has something to keep in it', async () => {
    // A window of 3.75 GB, for which a frame of 28 bytes has no use.
    const frame = Buffer.concat([Buffer.from('28b52ffd00af', 'hex'), Buffer.of((TEXT.length << 3) + 1, 0, 0), TEXT]);
    const before = process.memoryUsage().arrayBuffers;
    assert.ok((await unpack('zstd', frame, MIB)).equals(TEXT));
    assert.ok(process.memoryUsage().arrayBuffers - before < GIGABYTE);
  });

  it('refuses zstd of very many blocks, each of which would move the whole window', async () => {
    const block = Buffer.of((1 << 3) + 2, 0, 0, 0);
    const last = Buffer.of((1 << 3) + 3, 0, 0, 0);
    const blocks = Buffer.concat([...Array.from({ length: 100_000 }, () => block), last]);
    for (const header of ['28b52ffd0088', '28b52ffda0a1860100']) {
      const bytes = Buffer.concat([Buffer.from(header, 'hex'), blocks]);
      await assert.rejects(unpack('zstd', bytes, 64 * MIB), TooLarge);
    }
  });

  it('reads zstd behind what is to be skipped, and needs no dictionary', async () => {
    const frame = Buffer.from(
      `28b52ffd20${TEXT.length.toString(16)}${((TEXT.length << 3) + 1).toString(16)}0000`,
      'hex',
    );
    const skipped = Buffer.from('502a4d1803000000aabbcc', 'hex');
    const bytes = Buffer.concat([skipped, frame, TEXT]);
    assert.ok((await unpack('zstd', bytes, MIB)).equals(TEXT));
    const withDictionary = Buffer.from('28b52ffd2107000100006162', 'hex');
    await assert.rejects(unpack('zstd', withDictionary, MIB), /needs a dictionary that is not in it/);
  });

  it('takes what is not compressed as it is', async () => {
    assert.equal(await unpack('none', TEXT, TEXT.length), TEXT);
    await assert.rejects(unpack('none', TEXT, TEXT.length - 1), TooLarge);
  });

  it('refuses pieces of snappy within pieces, whose lengths nobody has looked at', async () => {
    const { pack } = PACKERS['snappy in pieces'] as (typeof PACKERS)[string];
    const inner = await pack([3 * MIB]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(inner.length);
    const outer = Buffer.concat([inner.subarray(0, 16), length, inner]);
    await assert.rejects(unpack('snappy', outer, MIB), /the snappy data is damaged/);
  });

  it('fails with data that is cut off, or is of another kind', async () => {
    for (const { compression, pack } of Object.values(PACKERS)) {
      const packed = await pack([TEXT, 200, TEXT]);
      if (compression !== 'snappy') {
        for (const length of [1, 5, 8, 20, packed.length - 1]) {
          await assert.rejects(
            unpack(compression, packed.subarray(0, length), MIB),
            `${compression} of ${length} bytes`,
          );
        }
      }
      await assert.rejects(unpack(compression, Buffer.alloc(64, 0xee), MIB), compression);
    }
  });
});
