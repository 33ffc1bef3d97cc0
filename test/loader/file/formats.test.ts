import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chooseCompression,
  chooseFormat,
  compressionOf,
  contentKindOf,
  type FormatName,
} from '../../../lib/loader/file/formats.js';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const ARROW_FILE = 'ARROW1\0\0\xff\xff\xff\xff';
const ARROW_STREAM = '\xff\xff\xff\xff\x10\0\0\0';
const ORC = 'ORC\x08\x01';

const CONTENTS: readonly (readonly [head: string, contents: string])[] = [
  ['', 'empty'],
  ['PAR1\x15\x00', 'parquet'],
  [ARROW_FILE, 'arrow'],
  [ARROW_STREAM, 'arrow stream'],
  ['Obj\x01\x04', 'avro'],
  [ORC, 'orc'],
  ['ORC,Orders\n1,2\n', 'text'],
  ['\xef\xbb\xbf\n {"a":1}', 'json'],
  [' [{"a":1}]', 'json array'],
  ['a,b\n', 'text'],
  ['a\0b', 'binary'],
];

test('contents are told by the first bytes', () => {
  for (const [head, contents] of CONTENTS) assert.equal(contentKindOf(bytes(head)), contents, JSON.stringify(head));
});

test('compression is told by the first bytes, also behind a frame that is to be skipped', () => {
  assert.equal(compressionOf(bytes('\x1f\x8b\x08')), 'gzip');
  assert.equal(compressionOf(bytes('\x28\xb5\x2f\xfd\x04')), 'zstd');
  assert.equal(compressionOf(bytes('\x50\x2a\x4d\x18\x04')), 'zstd');
  for (const head of ['', 'a,b', 'PAR1', '\x1f', 'P*M\x19']) assert.equal(compressionOf(bytes(head)), null, head);
});

type Case = readonly [option: FormatName | null, file: string, head: string, expected: string];

const CASES: readonly Case[] = [
  [null, '/d/a.parquet', 'PAR1', 'parquet'],
  [null, '/d/a.PQ', 'PAR1', 'parquet'],
  [null, '/d/a.csv', 'a,b', 'csv'],
  [null, '/d/a.ndjson', '{}', 'jsonl'],
  [null, '/d/a.json', '', 'jsonl'],
  [null, '/d/noext', 'PAR1', 'parquet'],
  [null, '/d.csv/noext', '{"a":1}', 'jsonl'],
  ['csv', '/d/a.jsonl', 'a,b', 'csv'],
  ['jsonl', '/d/a.log', '{}', 'jsonl'],
  [null, '/d/a.txt', 'a,b', 'undecided'],
  [null, '/d/.csv', 'a,b', 'undecided'],
  [null, '/d/a.tsv', 'a\tb', 'tsv'],
  [null, '/d/a.tsv.gz', 'a\tb', 'tsv'],
  [null, '/d/a.Parquet.ZST', 'PAR1', 'parquet'],
  [null, '/d/a.gz', '{"a":1}', 'jsonl'],
  [null, '/d/a.gz', 'a,b', 'undecided'],
  [null, '/d/a.arrow', ARROW_FILE, 'arrow'],
  [null, '/d/a.feather', ARROW_STREAM, 'arrow'],
  [null, '/d/noext', ARROW_STREAM, 'arrow'],
  ['arrow', '/d/a', ARROW_FILE, 'arrow'],
  [null, '/d/a.avro', 'Obj\x01', 'avro'],
  [null, '/d/noext', 'Obj\x01', 'avro'],
  [null, '/d/a.orc', ORC, 'orc'],
  [null, '/d/noext', ORC, 'orc'],
  [null, '/d/a.csv', 'ORC,Orders\n', 'csv'],
  [null, '/d/a.json', '[{"a":1}]', 'jsonl'],
  [null, '/d/a.log', '[main] started', 'undecided'],
  [null, '/d/a.tsv', 'PAR1', 'contradiction'],
  [null, '/d/a.csv', '{"a":1}', 'contradiction'],
  [null, '/d/a.jsonl', 'a,b\n', 'contradiction'],
  [null, '/d/a.orc', 'PAR1', 'contradiction'],
  [null, '/d/a.arrow', '', 'contradiction'],
  ['avro', '/d/a.avro', ORC, 'contradiction'],
  [null, '/d/a.parquet', 'garbage', 'contradiction'],
  [null, '/d/a.parquet', '', 'contradiction'],
  [null, '/d/a.csv', 'PAR1', 'contradiction'],
  ['csv', '/d/a.parquet', 'PAR1', 'contradiction'],
  ['jsonl', '/d/a', '{\x00', 'contradiction'],
];

test('the option decides, then the extension, then the contents, which have a veto', () => {
  for (const [option, file, head, expected] of CASES) {
    const choice = chooseFormat(option, file, bytes(head));
    const outcome = choice.kind === 'format' ? choice.format.name : choice.kind;
    assert.equal(outcome, expected, `${option} ${file} ${head}`);
  }
});

test('the readers of Arrow files and streams and of line ends are chosen by the contents', () => {
  const chosen = (file: string, head: string) => {
    const choice = chooseFormat(null, file, bytes(head));
    assert.equal(choice.kind, 'format');
    return choice.kind === 'format' ? choice.format : null;
  };
  assert.equal(chosen('a.arrow', ARROW_FILE)?.clickhouse, 'Arrow');
  assert.equal(chosen('a.arrow', ARROW_STREAM)?.clickhouse, 'ArrowStream');
  assert.deepEqual(chosen('a.tsv', 'a\tb\r\n')?.settings, { input_format_tsv_crlf_end_of_line: 1 });
  assert.deepEqual(chosen('a.tsv', 'a\tb\n\r\n')?.settings, {});
  assert.deepEqual(chosen('a.csv', 'a,b\r\n')?.settings, { input_format_csv_trim_whitespaces: 0 });
  assert.deepEqual(chosen('a.csv', 'a, b\n')?.settings, {}, 'blanks beside the commas are no part of the values');
});

type CompressionCase = readonly [option: FormatName | null, file: string, head: string, expected: string | null];

const GZIP = '\x1f\x8b\x08\x00';
const ZSTD = '\x28\xb5\x2f\xfd';
const COMPRESSIONS: readonly CompressionCase[] = [
  [null, '/d/a.csv.gz', GZIP, 'gzip'],
  [null, '/d/a.csv.zst', ZSTD, 'zstd'],
  [null, '/d/A.CSV.GZIP', GZIP, 'gzip'],
  [null, '/d/a.gz', GZIP, 'gzip'],
  [null, '/d/noext', ZSTD, 'zstd'],
  ['csv', '/d/a.dat', GZIP, 'gzip'],
  [null, '/d/a.csv', 'a,b', null],
  [null, '/d/a.gz', 'a,b', 'contradiction'],
  [null, '/d/a.csv.gz', '', 'contradiction'],
  [null, '/d/a.csv.gz', ZSTD, 'contradiction'],
  [null, '/d/a.csv', GZIP, 'contradiction'],
  [null, '/d/a.parquet', ZSTD, 'contradiction'],
];

test('a file is compressed as its bytes show, and an extension that says otherwise is refused', () => {
  for (const [option, file, head, expected] of COMPRESSIONS) {
    const choice = chooseCompression(option, file, bytes(head));
    assert.equal(choice.kind === 'compression' ? choice.compression : choice.kind, expected, `${file} ${head}`);
  }
});

test('a contradiction names the option, the extension and the contents', () => {
  const reason = (choice: ReturnType<typeof chooseFormat> | ReturnType<typeof chooseCompression>) =>
    'reason' in choice ? choice.reason : choice.kind;
  assert.equal(
    reason(chooseFormat('csv', '/d/a.json', bytes('PAR1'))),
    "it is not csv (--format csv, extension '.json', contents parquet)",
  );
  assert.equal(
    reason(chooseFormat(null, '/d/a.csv.GZ', bytes('PAR1'), 'gzip')),
    "it is not csv (--format not given, extension '.csv.gz', contents gzip of parquet)",
  );
  assert.equal(
    reason(chooseCompression('tsv', '/d/a.gz', bytes('a\tb'))),
    "it is not compressed by gzip (--format tsv, extension '.gz', contents plain text)",
  );
  assert.equal(
    reason(chooseCompression(null, '/d/a.csv', bytes(ZSTD))),
    "it is not plain csv (--format not given, extension '.csv', contents zstd)",
  );
});

test('what others compress by is named', () => {
  const heads: readonly (readonly [string, readonly number[]])[] = [
    ['bzip2', [...Buffer.from('BZh91AY&SY'), 0, 1]],
    ['xz', [0xfd, ...Buffer.from('7zXZ'), 0, 0, 4]],
    ['lz4', [0x04, 0x22, 0x4d, 0x18, 0x64]],
    ['zip', [...Buffer.from('PK'), 3, 4, 20, 0]],
  ];
  for (const [name, head] of heads)
    assert.deepEqual(chooseCompression(null, `/d/a.csv.${name}`, Uint8Array.from(head)), {
      kind: 'compression-unknown',
      reason: `it is compressed by ${name}`,
    });
  assert.equal(chooseCompression(null, '/d/a.csv', Buffer.from('BZh,a\n1,2\n')).kind, 'compression');
});
