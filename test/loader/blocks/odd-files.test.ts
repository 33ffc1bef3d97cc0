/** Files that lie about themselves, or begin as they do not go on: what is found of their rows is the same each time, and soon. */
import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { RowSize } from '../../../lib/loader/blocks/block-rows.js';
import { rowSize } from '../../../lib/loader/blocks/row-size.js';
import { type Contents, contentsOfFile } from '../../../lib/loader/file/contents.js';
import { chooseFormat } from '../../../lib/loader/file/formats.js';
import { countRows } from '../../../lib/loader/file/row-count.js';
import { takeSample } from '../../../lib/loader/file/sample.js';
import { openSourceFile } from '../../../lib/loader/file/source-file.js';
import { writeLeb128 } from '../../../lib/util/leb128.js';

const MIB = 1024 * 1024;
const MANY = 600_000;

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atd-odd-'));
});

after(async () => {
  await rm(directory, { recursive: true });
});

interface Given {
  /** Whether the table is still to be made. */
  readonly types?: boolean;
  readonly columns?: number;
}

async function sizeOf(path: string, { types = true, columns = 1 }: Given = {}): Promise<RowSize | null> {
  const file = await openSourceFile(path);
  const read = (at: number, bytes: number): Promise<Uint8Array> => {
    assert.ok(bytes <= 64 * MIB, `${bytes} bytes are read at once`);
    return file.read(at, bytes);
  };
  try {
    const contents: Contents = { ...contentsOfFile(file, null), file: { ...file, read } };
    const choice = chooseFormat(null, path, (await contents.head(16_384)).data);
    assert.ok(choice.kind === 'format');
    const sample = await takeSample(contents, choice.format, types);
    assert.ok(sample.kind === 'sample');
    return await rowSize(contents, choice.format, sample.data, columns);
  } finally {
    await file.close();
  }
}

async function written(name: string, contents: Uint8Array | string, bytes = 0): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, contents);
  const handle = await open(path, 'r+');
  if (bytes > 0) await handle.truncate(bytes);
  await handle.close();
  return path;
}

for (const [extension, separator] of [
  ['csv', ','],
  ['tsv', '\t'],
] as const) {
  test(`${extension}: long rows at its beginning count the same before and after its table is made`, async () => {
    const long = `1${separator}${'x'.repeat(1_000)}\n`.repeat(60);
    const short = `1${separator}${'x'.repeat(17)}\n`.repeat(MANY);
    const file = await written(`long.${extension}`, `id${separator}text\n${long}${short}`);
    assert.deepEqual(await sizeOf(file, { types: false }), await sizeOf(file, { types: true }));
  });
}

test('jsonl: its columns are those of the file, however many somebody else finds', async () => {
  const file = await written('keys.jsonl', '{"a":1}\n'.repeat(MANY));
  const size = await sizeOf(file, { columns: 1 });
  assert.ok(size !== null && size.rows > 500_000);
  assert.deepEqual(await sizeOf(file, { columns: 50 }), size);
});

/** A message of no rows that claims a body of so many bytes. */
function arrowMessage(bodyBytes: number): Buffer {
  const message = Buffer.alloc(40);
  message.writeUInt32LE(0xffffffff, 0);
  message.writeInt32LE(32, 4);
  const metadata = message.subarray(8);
  metadata.writeUInt32LE(16, 0);
  metadata.writeUInt16LE(12, 4);
  metadata.writeUInt16LE(16, 6);
  metadata.writeUInt16LE(8, 14);
  metadata.writeInt32LE(12, 16);
  metadata.writeBigInt64LE(BigInt(bodyBytes), 24);
  return message;
}

test('arrow: a message that leads back to itself is no file of many rows', async () => {
  assert.equal(await sizeOf(await written('ring.arrows', arrowMessage(-40), MIB)), null);
});

test('a message or block that leads back to itself ends the count of rows', async () => {
  const header = Buffer.concat([Buffer.from('Obj\x01\x00'), Buffer.alloc(16)]);
  for (const [name, data] of [
    ['ring.arrows', arrowMessage(-40)],
    ['ring.avro', Buffer.concat([header, leb128(0, -18), Buffer.alloc(16)])],
  ] as const) {
    const choice = chooseFormat(null, name, data);
    assert.ok(choice.kind === 'format');
    async function* chunks() {
      yield data;
    }
    assert.equal(await countRows({ chunks }, choice.format, data), 0);
  }
});

test('arrow: a message as long as the file is not read', async () => {
  const long = Buffer.alloc(8);
  long.writeUInt32LE(0xffffffff, 0);
  long.writeInt32LE(2 ** 31 - 16, 4);
  const file = await written('long.arrows', Buffer.concat([arrowMessage(0), long]), 2 ** 31);
  assert.equal(await sizeOf(file), null);
});

function leb128(...numbers: readonly number[]): Buffer {
  const bytes: number[] = [];
  for (const number of numbers) writeLeb128(bytes, number < 0 ? -2 * number - 1 : 2 * number);
  return Buffer.from(bytes);
}

for (const codec of ['null', 'deflate']) {
  test(`avro, ${codec}: a block as long as the file is not read`, async () => {
    const pair = Buffer.from(`\x14avro.codec${String.fromCharCode(codec.length * 2)}${codec}`);
    const head = Buffer.concat([Buffer.from('Obj\x01\x02'), pair, Buffer.alloc(17)]);
    const block = leb128(MANY, 2 ** 31 - 1_000);
    const size = await sizeOf(await written('long.avro', Buffer.concat([head, block]), 2 ** 31));
    assert.equal(size?.rows ?? null, codec === 'null' ? MANY : null);
  });
}

/** Texts with a dictionary at `offset`; `columns` of them, all with one and the same. */
function parquetFile(start: Buffer, offset: number, columns: number): Buffer {
  const metadata = [
    ...[Buffer.of(0x15), leb128(6), Buffer.of(0x19, 0x15), leb128(2), Buffer.of(0x25), leb128(2)],
    ...[Buffer.of(0x16), leb128(MANY), Buffer.of(0x16), leb128(1), Buffer.of(0x56), leb128(offset), Buffer.of(0)],
  ];
  const column = Buffer.concat([Buffer.of(0x3c), ...metadata, Buffer.of(0)]);
  const count: number[] = [];
  writeLeb128(count, columns);
  const footer = Buffer.concat([
    ...[Buffer.of(0x29, 0x1c, 0), Buffer.of(0x16), leb128(MANY), Buffer.of(0x19, 0x1c)],
    ...[Buffer.of(0x19, 0xfc, ...count), ...Array.from({ length: columns }, () => column)],
    ...[Buffer.of(0x26), leb128(MANY), Buffer.of(0, 0)],
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), start, footer, length, Buffer.from('PAR1')]);
}

test('parquet: a dictionary before the beginning of the file is no fault of the disk', async () => {
  assert.equal(await sizeOf(await written('before.parquet', parquetFile(Buffer.alloc(0), -5, 1))), null);
});

test('parquet: one large dictionary of thousands of columns is not unpacked for each', async () => {
  const packed = gzipSync(Buffer.alloc(16 * MIB));
  const header = Buffer.concat([
    ...[Buffer.of(0x15), leb128(2), Buffer.of(0x15), leb128(16 * MIB)],
    ...[Buffer.of(0x15), leb128(packed.length), Buffer.of(0)],
  ]);
  const start = Buffer.concat([header, packed]);
  assert.equal((await sizeOf(await written('one.parquet', parquetFile(start, 4, 1))))?.rows, MANY);
  assert.equal(await sizeOf(await written('each.parquet', parquetFile(start, 4, 50_000))), null);
});
