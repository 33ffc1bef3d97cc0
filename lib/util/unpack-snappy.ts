/** Snappy in one piece, which begins with the length of what it unpacks to. */
import createSnappyCodec from 'kafkajs-snappy';
import { TooLarge } from '../errors.js';
import { Leb128Reader } from './leb128.js';

/** What the package takes for many pieces, whose lengths are looked at by nobody. */
export const XERIAL_MAGIC = Buffer.from('82534e4150505900', 'hex');

export function beginsAsXerial(bytes: Buffer): boolean {
  return bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC);
}

/** @throws Error where the data is damaged */
export function snappyLength(piece: Buffer): number {
  const length = new Leb128Reader(piece).next();
  if (Number.isNaN(length) || beginsAsXerial(piece)) throw new Error('the snappy data is damaged');
  return length;
}

/** @throws TooLarge, or another error where the data is damaged */
export async function unpackSnappy(piece: Buffer, most: number): Promise<Uint8Array> {
  if (snappyLength(piece) > most) throw new TooLarge(most);
  return await createSnappyCodec().decompress(piece);
}
