/** Files that are far more than they seem to be: refused in bounded memory, in a line that says why. */
import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { writeLeb128 } from '../../lib/util/leb128.js';
import { type Bench, startBench } from './as-cli.js';
import { readPeak, tellPeak } from './peak.js';

const MIB = 1024 * 1024;
const TERABYTES = 3e12;
/** A record, header or footer of 64 MiB is looked at, behind a compression in pieces that are put together. */
const LIMIT = 320 * MIB;

const NO_RECORD = /no whole record in its first 67108864 bytes/;

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

function repeated(bytes: Buffer, times: number): Buffer[] {
  return Array.from({ length: times }, () => bytes);
}

async function sparse(name: string): Promise<string> {
  const handle = await open(bench.path(name), 'w');
  await handle.truncate(TERABYTES);
  await handle.close();
  return bench.path(name);
}

/** Of ORC, with a footer of `unpacked` zeros, or one that claims blocks of that size. */
function orcFile(unpacked: number, blockBytes = 256 * 1024): Buffer {
  const footer = deflateRawSync(Buffer.alloc(unpacked));
  const header = Buffer.alloc(3);
  header.writeUIntLE(footer.length << 1, 0, 3);
  const postscript: number[] = [];
  for (const number of [1 << 3, header.length + footer.length, 2 << 3, 1, 3 << 3, blockBytes]) {
    writeLeb128(postscript, number);
  }
  const magic = Buffer.from('ORC');
  const end = Buffer.concat([Buffer.from(postscript), Buffer.of((8000 & 0x7f) | 0x02, magic.length), magic]);
  return Buffer.concat([magic, header, footer, end, Buffer.of(end.length)]);
}

async function refused(file: string, reason: RegExp): Promise<void> {
  const status = `${file}.status`;
  const args = ['--create-table'];
  const { code, stdout, stderr } = await bench.load(file, 'bomb', args, tellPeak(status));
  assert.equal(code, 65, stdout + stderr);
  assert.match(stderr, reason);
  const peak = await readPeak(status);
  assert.ok(peak < LIMIT, `${file} took ${Math.round(peak / MIB)} MiB`);
}

for (const format of ['csv', 'tsv', 'jsonl', 'parquet', 'orc', 'arrow', 'avro']) {
  test(`three terabytes of nothing, as ${format}`, async () => {
    const reason =
      /no whole record in its first 67108864 bytes|it is not a whole \w+ file, it may be truncated|contents/;
    await refused(await sparse(`sparse.${format}`), reason);
  });
}

test('a line without an end, in a file of its own and compressed to a thousandth', async () => {
  const line = Buffer.alloc(80 * MIB, 'x');
  await refused(await bench.write('line.csv', line), NO_RECORD);
  // One block of text, and many that say: 128 KiB of the same.
  const [begin, block] = [Buffer.from('a,b\n1,'), Buffer.of(0x02, 0, 0x10, 0x78)];
  const zstd = [
    Buffer.from('28b52ffd0058', 'hex'),
    Buffer.of(begin.length << 3, 0, 0),
    begin,
    ...repeated(block, 160_000),
  ];
  await refused(await bench.write('line.csv.zst', Buffer.concat(zstd)), NO_RECORD);
  const member = gzipSync(line.subarray(0, 64 * MIB));
  await refused(await bench.write('line.csv.gz', Buffer.concat(repeated(member, 100))), NO_RECORD);
});

test('a file that has to be unpacked to its end, where its columns stand', async () => {
  const member = gzipSync(Buffer.alloc(64 * MIB));
  for (const [format, magic] of [
    ['parquet', 'PAR1'],
    ['orc', 'ORC'],
  ] as const) {
    const file = Buffer.concat([gzipSync(Buffer.from(magic)), ...repeated(member, 32)]);
    await refused(await bench.write(`end.${format}.gz`, file), /it is not a whole \w+ file/);
  }
});

test('a footer that unpacks to far more than it is', async () => {
  const reason = /its schema cannot be read/;
  await refused(await bench.write('footer.orc', orcFile(200 * MIB)), reason);
  await refused(await bench.write('blocks.orc', orcFile(200 * MIB, 2 ** 40)), reason);
});
