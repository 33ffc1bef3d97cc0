/**
 * Zstandard frames, unpacked to a bound. The package takes the memory that a frame's header asks for, up to 2 GB, and moves
 * the whole window with each block. So frames are looked through first, which their layout permits without unpacking.
 */
import { Decompress, decompress } from 'fzstd';
import { TooLarge } from '../errors.js';
import {
  CHECKSUM_BYTES,
  contentBytes,
  dictionaryOf,
  FRAME_MAGIC,
  hasChecksum,
  headerBytes,
  isSingleSegment,
  RESERVED_BLOCK,
  RLE_BLOCK,
  SKIPPABLE_MAGIC,
  windowBytes,
} from './zstd-header.js';

interface Frame {
  readonly bytes: Buffer;
  /** Null where it is not told. */
  readonly contentBytes: number | null;
  readonly windowBytes: number;
  readonly blocks: number;
  /** The content has no more. */
  readonly mostBytes: number;
}

const MAGIC_BYTES = 4;
const COMPRESSED_BLOCK = 2;
const BLOCK_BYTES = 128 * 1024;
const MIN_WINDOW_LOG = 10;
/** What blocks times window may come to: some seconds of moving memory. Compressors fill their blocks and stay far below it. */
const MOST_MOVED_BYTES = 4 * 1024 ** 3;
/** Each block costs this much at least, however small its window is. */
const LEAST_MOVED_BYTES = 256 * 1024;

/** @throws TooLarge, or another error where the data is damaged; checksums are not looked at */
export function unpackZstd(bytes: Buffer, most: number): Buffer {
  const unpacked: Uint8Array[] = [];
  let left = most;
  for (const frame of listFrames(bytes)) {
    const content = frame.contentBytes === null ? unpackUnsized(frame, left, most) : unpackSized(frame, left, most);
    left -= content.length;
    unpacked.push(content);
  }
  return unpacked.length === 1 ? toBuffer(unpacked[0] as Uint8Array) : Buffer.concat(unpacked);
}

function unpackSized({ bytes, contentBytes, blocks }: Frame, left: number, most: number): Uint8Array {
  if ((contentBytes as number) > left || blocks * LEAST_MOVED_BYTES > MOST_MOVED_BYTES) throw new TooLarge(most);
  return decompress(bytes);
}

/** With a window that is no larger than what may come out of it. */
function unpackUnsized(frame: Frame, left: number, most: number): Uint8Array {
  const needed = Math.min(frame.windowBytes, frame.mostBytes, left + BLOCK_BYTES);
  const log = Math.max(MIN_WINDOW_LOG, Math.ceil(Math.log2(Math.max(1, needed))));
  const isSmaller = 2 ** log < frame.windowBytes;
  const window = isSmaller ? 2 ** log : frame.windowBytes;
  if (frame.blocks * Math.max(window, LEAST_MOVED_BYTES) > MOST_MOVED_BYTES) throw new TooLarge(most);
  const bytes = isSmaller ? withWindow(frame.bytes, log) : frame.bytes;
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Decompress((part) => {
    length += part.length;
    if (length > left) throw new TooLarge(most);
    parts.push(part.slice());
  });
  stream.push(bytes, true);
  return Buffer.concat(parts);
}

function withWindow(frame: Buffer, log: number): Buffer {
  const changed = Buffer.from(frame);
  changed.writeUInt8((log - MIN_WINDOW_LOG) << 3, MAGIC_BYTES + 1);
  return changed;
}

function listFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + MAGIC_BYTES + 2 > bytes.length) throw damaged();
    const magic = bytes.readUInt32LE(at);
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) {
      if (at + 2 * MAGIC_BYTES > bytes.length) throw damaged();
      at += 2 * MAGIC_BYTES + bytes.readUInt32LE(at + MAGIC_BYTES);
      continue;
    }
    if (magic !== FRAME_MAGIC) throw damaged();
    const frame = readFrame(bytes.subarray(at));
    frames.push(frame);
    at += frame.bytes.length;
  }
  return frames;
}

/** The frame that begins with the first of the bytes. */
function readFrame(bytes: Buffer): Frame {
  const descriptor = bytes.readUInt8(MAGIC_BYTES);
  let at = MAGIC_BYTES + headerBytes(descriptor);
  if (at > bytes.length) throw damaged();
  const header = bytes.subarray(MAGIC_BYTES, at);
  if (dictionaryOf(header) !== 0) throw new Error('the zstd data needs a dictionary that is not in it');
  const sized = contentBytes(header);
  const window = isSingleSegment(descriptor) ? (sized as number) : windowBytes(header);
  let blocks = 0;
  let mostBytes = 0;
  for (let isLast = false; !isLast; blocks += 1) {
    if (at + 3 > bytes.length) throw damaged();
    const block = bytes.readUIntLE(at, 3);
    const type = (block >> 1) & 3;
    const length = block >> 3;
    // A larger block the format does not have.
    if (type === RESERVED_BLOCK || length > BLOCK_BYTES) throw damaged();
    isLast = (block & 1) === 1;
    at += 3 + (type === RLE_BLOCK ? 1 : length);
    mostBytes += type === COMPRESSED_BLOCK ? BLOCK_BYTES : length;
  }
  at += hasChecksum(descriptor) ? CHECKSUM_BYTES : 0;
  if (at > bytes.length) throw damaged();
  return { bytes: bytes.subarray(0, at), contentBytes: sized, windowBytes: window, blocks, mostBytes };
}

function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(): Error {
  return new Error('the zstd data is damaged');
}
