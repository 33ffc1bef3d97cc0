/** The header of a zstd frame, as RFC 8878 lays it out: behind the magic number, beginning with its descriptor. */

export const FRAME_MAGIC = 0xfd2fb528;
/** Its last four bits are free. */
export const SKIPPABLE_MAGIC = 0x184d2a50;
export const CHECKSUM_BYTES = 4;
export const RLE_BLOCK = 1;
export const RESERVED_BLOCK = 3;

export function hasChecksum(descriptor: number): boolean {
  return (descriptor & 4) !== 0;
}

export function isSingleSegment(descriptor: number): boolean {
  return (descriptor & 0x20) !== 0;
}

export function dictionaryBytes(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3] as number;
}

export function contentSizeBytes(descriptor: number): number {
  return [isSingleSegment(descriptor) ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
}

/** With its first byte, the descriptor. */
export function headerBytes(descriptor: number): number {
  return 1 + (isSingleSegment(descriptor) ? 0 : 1) + dictionaryBytes(descriptor) + contentSizeBytes(descriptor);
}

/** 0 for none. */
export function dictionaryOf(header: Buffer): number {
  const descriptor = header.readUInt8();
  const length = dictionaryBytes(descriptor);
  return length === 0 ? 0 : header.readUIntLE(isSingleSegment(descriptor) ? 1 : 2, length);
}

/** What the frame says that it unpacks to; null where it says nothing. */
export function contentBytes(header: Buffer): number | null {
  const descriptor = header.readUInt8();
  const length = contentSizeBytes(descriptor);
  if (length === 0) return null;
  const size = header.subarray(headerBytes(descriptor) - length);
  if (length === 8) return Number(size.readBigUInt64LE());
  return size.readUIntLE(0, length) + (length === 2 ? 256 : 0);
}

/** How much of what was decompressed must be kept: of a single segment all of it. */
export function windowBytes(header: Buffer): number {
  if (isSingleSegment(header.readUInt8())) return contentBytes(header) as number;
  const window = header.readUInt8(1);
  return 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
}
