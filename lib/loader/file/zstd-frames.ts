/**
 * Where the blocks of zstd data end, and whether it is whole. ClickHouse (26.7) takes data that ends within a frame for data that ends there, so a file
 * that was cut off would be loaded in part and without a word. Frames and blocks tell their lengths, so nothing need be
 * decompressed to see the end: RFC 8878 has the layout.
 */

import {
  CHECKSUM_BYTES,
  dictionaryOf,
  FRAME_MAGIC,
  hasChecksum,
  headerBytes,
  RESERVED_BLOCK,
  RLE_BLOCK,
  SKIPPABLE_MAGIC,
  windowBytes,
} from '../../util/zstd-header.js';

/** What ClickHouse takes by default, and zstd itself unless it is told otherwise. */
const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

const BLOCK_BYTES = 128 * 1024;
/** A window of 128 KiB, without the length, a checksum or a dictionary. */
const FRAME_HEADER = Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3);

/** Data as a frame of its own, in blocks that are stored as they are. */
export function storedFrame(data: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [FRAME_HEADER];
  for (let start = 0; ; start += BLOCK_BYTES) {
    const block = data.subarray(start, start + BLOCK_BYTES);
    const isLast = start + BLOCK_BYTES >= data.length;
    const header = Buffer.alloc(3);
    header.writeUIntLE(block.length * 8 + (isLast ? 1 : 0), 0, 3);
    parts.push(header, block);
    if (isLast) return Buffer.concat(parts);
  }
}

/** What is expected next; the end of the data is fine before a frame only. */
type Expected = 'frame' | 'frame-header' | 'block' | 'skippable';

export class ZstdFrames {
  #expected: Expected = 'frame';
  /** The beginning of what is expected, kept from the chunk before. */
  #begun: Buffer = Buffer.alloc(0);
  #skip = 0;
  #checksum = false;
  #damaged = false;
  #unreadable: string | null = null;

  /** Looks at the next bytes of the file, and gives them out again in pieces that hold one block at most. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      at += this.#damaged
        ? chunk.length - at
        : this.#take(Buffer.from(chunk.buffer, chunk.byteOffset + at, chunk.length - at));
      if (at < chunk.length && !this.#atBlock) continue;
      yield chunk.subarray(start, at);
      start = at;
    }
  }

  /** How many of `bytes` belong to what is expected. */
  #take(bytes: Buffer): number {
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, bytes.length);
      this.#skip -= skipped;
      return skipped;
    }
    const wanted = this.#wanted() - this.#begun.length;
    this.#begun = Buffer.concat([this.#begun, bytes.subarray(0, wanted)]);
    if (this.#begun.length === this.#wanted()) {
      const read = this.#begun;
      this.#begun = Buffer.alloc(0);
      this.#read(read);
    }
    return Math.min(wanted, bytes.length);
  }

  /** Whether a block is over. */
  get #atBlock(): boolean {
    return this.#skip === 0 && this.#begun.length === 0 && this.#expected !== 'frame-header';
  }

  /** Whether the data so far ends where a frame does. */
  get whole(): boolean {
    return !this.#damaged && this.#expected === 'frame' && this.#skip === 0 && this.#begun.length === 0;
  }

  /** Why ClickHouse does not read a frame that came so far although nothing is wrong with it; null if it does. */
  get unreadable(): string | null {
    return this.#unreadable;
  }

  #wanted(): number {
    switch (this.#expected) {
      case 'frame-header':
        return this.#begun.length === 0 ? 1 : headerBytes(this.#begun.readUInt8());
      case 'block':
        return 3;
      default:
        return 4;
    }
  }

  #read(bytes: Buffer): void {
    switch (this.#expected) {
      case 'frame': {
        const magic = bytes.readUInt32LE();
        if (magic === FRAME_MAGIC) this.#expected = 'frame-header';
        else if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) this.#expected = 'skippable';
        else this.#damaged = true;
        return;
      }
      case 'skippable':
        this.#skip = bytes.readUInt32LE();
        this.#expected = 'frame';
        return;
      case 'frame-header':
        this.#readHeader(bytes);
        return;
      case 'block':
        this.#readBlock(bytes.readUIntLE(0, 3));
    }
  }

  #readHeader(header: Buffer): void {
    const descriptor = header.readUInt8();
    this.#checksum = hasChecksum(descriptor);
    this.#expected = 'block';
    const dictionary = dictionaryOf(header);
    if (dictionary !== 0) {
      this.#unreadable = `compressed with a dictionary (number ${dictionary}) that is not in it`;
    } else if (windowBytes(header) > MAX_WINDOW_BYTES) {
      const mebibytes = Math.round(windowBytes(header) / 1024 / 1024);
      this.#unreadable = `compressed with a window of ${mebibytes} MiB (zstd --long), where ClickHouse takes at most 128`;
    }
  }

  #readBlock(header: number): void {
    const last = (header & 1) === 1;
    const type = (header >> 1) & 3;
    this.#damaged = type === RESERVED_BLOCK;
    this.#skip = type === RLE_BLOCK ? 1 : header >> 3;
    if (!last) return;
    if (this.#checksum) this.#skip += CHECKSUM_BYTES;
    this.#expected = 'frame';
  }
}
