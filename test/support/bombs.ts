/** Little that unpacks to much: text and runs of zeros in each compression that a producer may use, written by hand. */
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import { type Compression, varint, wrapBatch } from '../sandbox/raw-records.js';

/** Bytes as they are, or a number of zeros. */
export type Run = Uint8Array | number;

const ZSTD_BLOCK = 128 * 1024;
const LZ4_BLOCK = 64 * 1024;
const XERIAL_PIECE = 32 * 1024;
const ZEROS = Buffer.alloc(1024 * 1024);

export const PACKERS: Readonly<
  Record<string, { compression: Compression; pack: (runs: readonly Run[]) => Promise<Buffer> }>
> = {
  gzip: { compression: 'gzip', pack: packGzip },
  'snappy in one piece': { compression: 'snappy', pack: async (runs) => packSnappy(runs) },
  'snappy in pieces': { compression: 'snappy', pack: async (runs) => packXerial(runs) },
  lz4: { compression: 'lz4', pack: async (runs) => packLz4(runs) },
  zstd: { compression: 'zstd', pack: async (runs) => packZstd(runs) },
  'zstd that tells its length': { compression: 'zstd', pack: async (runs) => packZstd(runs, true) },
};

/** A batch whose records have these values. */
export async function bombBatch(packer: keyof typeof PACKERS, values: readonly Run[]): Promise<Buffer> {
  const { compression, pack } = PACKERS[packer] as (typeof PACKERS)[string];
  const base = BigInt(Date.now());
  const packed = await pack(values.flatMap((value, index) => recordOf(value, index)));
  return wrapBatch(packed, { count: values.length, compression, base, latest: base });
}

export function bytesOf(run: Run): number {
  return typeof run === 'number' ? run : run.length;
}

function recordOf(value: Run, index: number): Run[] {
  const before = Buffer.concat([Buffer.of(0, 0), varint(BigInt(index)), varint(-1n), varint(BigInt(bytesOf(value)))]);
  const noHeaders = Buffer.of(0);
  return [Buffer.concat([varint(BigInt(before.length + bytesOf(value) + 1)), before]), value, noHeaders];
}

async function packGzip(runs: readonly Run[]): Promise<Buffer> {
  const gzip = createGzip();
  const packed: Buffer[] = [];
  gzip.on('data', (bytes: Buffer) => packed.push(bytes));
  for (const run of runs)
    for (const piece of piecesOf(run, ZEROS.length)) {
      const bytes = typeof piece === 'number' ? ZEROS.subarray(0, piece) : piece;
      if (!gzip.write(bytes)) await once(gzip, 'drain');
    }
  gzip.end();
  await once(gzip, 'end');
  return Buffer.concat(packed);
}

function packZstd(runs: readonly Run[], tellsLength = false): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.reduce<number>((sum, run) => sum + bytesOf(run), 0));
  // A single segment with four bytes of length, or a window of 2 MiB.
  const header = tellsLength ? [Buffer.of(0xa0), length] : [Buffer.of(0, 11 << 3)];
  const parts: Uint8Array[] = [Buffer.of(0x28, 0xb5, 0x2f, 0xfd), ...header];
  const blocks = runs.flatMap((run) => piecesOf(run, ZSTD_BLOCK));
  for (const [index, block] of blocks.entries()) {
    const [raw, repeated] = [0, 1];
    const type = typeof block === 'number' ? repeated : raw;
    const head = Buffer.alloc(3);
    head.writeUIntLE((bytesOf(block) << 3) + (type << 1) + (index === blocks.length - 1 ? 1 : 0), 0, 3);
    parts.push(head, typeof block === 'number' ? Buffer.of(0) : block);
  }
  return Buffer.concat(parts);
}

function packLz4(runs: readonly Run[]): Buffer {
  const parts: Uint8Array[] = [Buffer.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82)];
  for (const block of runs.flatMap((run) => piecesOf(run, LZ4_BLOCK))) {
    const isStored = typeof block !== 'number' || block < 32;
    const bytes = typeof block !== 'number' ? block : isStored ? Buffer.alloc(block) : lz4Zeros(block);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes.length + (isStored ? 2 ** 31 : 0));
    parts.push(size, bytes);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

/** One zero, a copy of it over and over, and the five bytes as they are that a block has to end with. */
function lz4Zeros(length: number): Buffer {
  const rest = length - 1 - 5 - 4 - 15;
  const more = Buffer.concat([Buffer.alloc(Math.floor(rest / 255), 255), Buffer.of(rest % 255)]);
  return Buffer.concat([Buffer.of(0x1f, 0, 1, 0), more, Buffer.of(0x50, 0, 0, 0, 0, 0)]);
}

function packXerial(runs: readonly Run[]): Buffer {
  const parts: Buffer[] = [Buffer.from('82534e41505059000000000100000001', 'hex')];
  for (const piece of runs.flatMap((run) => piecesOf(run, XERIAL_PIECE))) {
    const bytes = packSnappy([piece]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(bytes.length);
    parts.push(size, bytes);
  }
  return Buffer.concat(parts);
}

function packSnappy(runs: readonly Run[]): Buffer {
  const parts: Uint8Array[] = [snappyLength(runs.reduce<number>((sum, run) => sum + bytesOf(run), 0))];
  for (const run of runs) {
    if (typeof run !== 'number') for (const piece of piecesOf(run, 60)) parts.push(literal(piece as Uint8Array));
    else if (run > 0) parts.push(snappyZeros(run));
  }
  return Buffer.concat(parts);
}

/** One zero, and copies of it of 64 bytes each. */
function snappyZeros(length: number): Buffer {
  const copies = Math.floor((length - 1) / 64);
  const last = (length - 1) % 64;
  const copy = (bytes: number): Buffer => Buffer.of(((bytes - 1) << 2) | 2, 1, 0);
  const many = Buffer.alloc(copies * 3, copy(64));
  return Buffer.concat([literal(Buffer.of(0)), many, last === 0 ? Buffer.alloc(0) : copy(last)]);
}

function literal(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((bytes.length - 1) << 2), bytes]);
}

function snappyLength(length: number): Buffer {
  const bytes: number[] = [];
  for (let left = length; ; left = Math.floor(left / 128)) {
    bytes.push((left % 128) + (left >= 128 ? 128 : 0));
    if (left < 128) return Buffer.from(bytes);
  }
}

function piecesOf(run: Run, most: number): Run[] {
  const pieces: Run[] = [];
  for (let at = 0; at < bytesOf(run); at += most) {
    const length = Math.min(most, bytesOf(run) - at);
    pieces.push(typeof run === 'number' ? length : run.subarray(at, at + length));
  }
  return pieces;
}
