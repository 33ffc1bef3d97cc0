/**
 * Bytes that are kept for long, in little memory. An array of some bytes takes three hundred more, in four places, of which
 * half lie outside the heap; a string with a character for each byte takes twenty. Large ones stay arrays: they lie outside
 * the heap, which has a limit of its own.
 */
export type PackedBytes = string | Uint8Array;

/** What is larger is not packed. */
const MOST_BYTES = 1_024;

/** A copy in any case: what is given may be a view into something much larger. */
export function pack(bytes: Uint8Array): PackedBytes {
  if (bytes.byteLength > MOST_BYTES) return new Uint8Array(bytes);
  // What comes from the wire is one already, and to make one is half of the cost.
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}

export function unpack(packed: PackedBytes): Uint8Array {
  return typeof packed === 'string' ? new Uint8Array(Buffer.from(packed, 'latin1')) : packed;
}

/** How many bytes it stands for. */
export function sizeOf(packed: PackedBytes | null): number {
  return packed?.length ?? 0;
}
