/** One LZ4 frame, block by block; the package itself makes as much room as the frame claims to need. */
import { decompressBlock } from 'lz4js';
import { TooLarge } from '../../errors.js';

const MAGIC = 0x184d2204;
const STORED = 0x8000_0000;
/** By the number in the frame's header. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 2 ** 16, 5: 2 ** 18, 6: 2 ** 20, 7: 2 ** 22 };
/** A byte of a compressed block stands for no more than this many. */
const MOST_PER_BYTE = 255;

/** @throws TooLarge, or another error where the data is damaged; checksums are not looked at */
export function unpackLz4(bytes: Buffer, most: number): Buffer {
  const { blocksAt, blockBytes, hasBlockChecksums } = readHeader(bytes);
  const blocks = listBlocks(bytes, blocksAt, hasBlockChecksums);
  const bound = blocks.reduce((sum, { length, stored }) => sum + (stored ? length : least(length, blockBytes)), 0);
  // One block more than may be, which shows that there is more. Memory is taken when it is written to.
  const room = new Uint8Array(Math.min(bound, most + blockBytes));
  let filled = 0;
  for (const { at, length, stored } of blocks) {
    if (stored) {
      if (filled + length > room.length) throw new TooLarge(most);
      room.set(bytes.subarray(at, at + length), filled);
      filled += length;
    } else {
      filled = decompressBlock(bytes, room, at, length, filled);
    }
    if (filled > most) throw new TooLarge(most);
  }
  return Buffer.from(room.buffer, 0, filled);
}

function least(length: number, blockBytes: number): number {
  return Math.min(blockBytes, length * MOST_PER_BYTE);
}

function readHeader(bytes: Buffer) {
  const descriptor = bytes.length < 7 ? 0 : bytes.readUInt8(4);
  const blockBytes = BLOCK_BYTES[((bytes[5] ?? 0) >> 4) & 7];
  if (descriptor >> 6 !== 1 || bytes.readUInt32LE() !== MAGIC || blockBytes === undefined) throw damaged();
  const hasContentSize = (descriptor & 8) !== 0;
  const hasDictionary = (descriptor & 1) !== 0;
  if (hasDictionary) throw new Error('the lz4 data needs a dictionary that is not in it');
  return { blocksAt: 7 + (hasContentSize ? 8 : 0), blockBytes, hasBlockChecksums: (descriptor & 0x10) !== 0 };
}

interface Block {
  readonly at: number;
  readonly length: number;
  readonly stored: boolean;
}

function listBlocks(bytes: Buffer, blocksAt: number, hasChecksums: boolean): Block[] {
  const blocks: Block[] = [];
  for (let at = blocksAt; ; ) {
    if (at + 4 > bytes.length) throw damaged();
    const size = bytes.readUInt32LE(at);
    if (size === 0) return blocks;
    const stored = size >= STORED;
    const length = stored ? size - STORED : size;
    at += 4;
    if (at + length > bytes.length) throw damaged();
    blocks.push({ at, length, stored });
    at += length + (hasChecksums ? 4 : 0);
  }
}

function damaged(): Error {
  return new Error('the lz4 data is damaged');
}
