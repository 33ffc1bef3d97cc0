/** What is found of a file's rows, in files that ClickHouse wrote: the same through every format, whatever they are packed by. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { RowSize } from '../../../lib/loader/blocks/block-rows.js';
import { rowSize } from '../../../lib/loader/blocks/row-size.js';
import { type Contents, contentsOfFile } from '../../../lib/loader/file/contents.js';
import { chooseCompression, chooseFormat } from '../../../lib/loader/file/formats.js';
import { takeSample } from '../../../lib/loader/file/sample.js';
import { openSourceFile } from '../../../lib/loader/file/source-file.js';
import { type Bench, startBench } from '../as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const MANY = 500_001;
/** 100 bytes of text: few values, so that a dictionary has them. */
const rowsOf = (count: number): string =>
  `SELECT toInt64(number) AS id, repeat(toString(number % 10), 100) AS text FROM numbers(${count})`;

async function sizeOf(path: string, lies: (contents: Contents) => Contents = (contents) => contents) {
  const file = await openSourceFile(path);
  try {
    const head = await file.read(0, 16_384);
    const compressed = chooseCompression(null, path, head);
    assert.ok(compressed.kind === 'compression');
    const contents = contentsOfFile(file, compressed.compression);
    const format = chooseFormat(null, path, (await contents.head(16_384)).data, compressed.compression);
    assert.ok(format.kind === 'format');
    const sample = await takeSample(contents, format.format, true);
    assert.ok(sample.kind === 'sample');
    return await rowSize(lies(contents), format.format, sample.data, 2);
  } finally {
    await file.close();
  }
}

function isAbout(size: RowSize | null, least: number, most: number): void {
  assert.ok(size !== null && size.rows > 500_000, `rows: ${size?.rows}`);
  assert.ok(size.bytes >= least && size.bytes <= most, `${size.bytes} bytes instead of ${least} to ${most}`);
}

for (const [extension, format, settings = ''] of [
  ['parquet', 'Parquet'],
  ['parquet', 'Parquet', "output_format_parquet_compression_method = 'none'"],
  [
    'parquet',
    'Parquet',
    "output_format_parquet_compression_method = 'snappy', output_format_parquet_row_group_size = 50000",
  ],
  ['parquet', 'Parquet', "output_format_parquet_compression_method = 'lz4'"],
  ['parquet', 'Parquet', "output_format_parquet_compression_method = 'gzip'"],
  ['parquet', 'Parquet', "output_format_parquet_compression_method = 'brotli'"],
  ['parquet', 'Parquet', 'output_format_parquet_max_dictionary_size = 0'],
  ['orc', 'ORC'],
  ['arrow', 'Arrow'],
  ['arrow', 'Arrow', "output_format_arrow_compression_method = 'zstd'"],
  ['arrows', 'ArrowStream', "output_format_arrow_compression_method = 'none'"],
  ['avro', 'Avro', "output_format_avro_codec = 'deflate'"],
  ['avro', 'Avro', "output_format_avro_codec = 'snappy'"],
  ['avro', 'Avro', "output_format_avro_codec = 'zstd'"],
  ['avro', 'Avro', "output_format_avro_codec = 'null'"],
  ['csv', 'CSVWithNames'],
  ['tsv', 'TSVWithNames'],
  ['jsonl', 'JSONEachRow'],
] as const) {
  test(`${extension}${settings && `, ${settings}`}: rows of some 110 bytes are found where there are many`, async () => {
    const select = `${rowsOf(MANY)}${settings && ` SETTINGS ${settings}`}`;
    const file = await bench.writeSelect(`many.${extension}`, select, format);
    const size = await sizeOf(file);
    isAbout(size, 100, 140);
    assert.deepEqual(await sizeOf(file), size);
  });
}

for (const compression of ['gz', 'zst'] as const) {
  test(`csv.${compression}: the same as without compression, although it is packed thirty to one and more`, async () => {
    const plain = await bench.writeSelect('packed.csv', rowsOf(MANY), 'CSVWithNames');
    const packed = await bench.compress(plain, compression);
    const [before, after] = [await readFile(plain), await readFile(packed)];
    assert.ok(after.length * 30 < before.length, `${after.length} of ${before.length} bytes`);
    assert.deepEqual(await sizeOf(packed), await sizeOf(plain));
  });
}

for (const [extension, format] of [
  ['parquet', 'Parquet'],
  ['orc', 'ORC'],
  ['arrow', 'Arrow'],
  ['avro', 'Avro'],
  ['csv', 'CSVWithNames'],
] as const) {
  test(`${extension}: 500,000 rows are not many`, async () => {
    const found = await sizeOf(await bench.writeSelect(`ordinary.${extension}`, rowsOf(500_000), format));
    assert.ok(found === null || found.rows === 500_000, JSON.stringify(found));
  });
}
