/** CSV and TSV as programs write them around the rows: each is loaded, or the message says what to do in words of the file. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Bench, startBench } from './as-cli.js';
import { checkFile } from './file-cases.js';

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

interface Case {
  readonly what: string;
  readonly content: string | Uint8Array;
  readonly extension?: string;
  /** Of the table; absent where the file makes it. */
  readonly columns?: string;
  readonly args?: readonly string[];
  /** What is in the table then, or what is said. */
  readonly expected: readonly Record<string, unknown>[] | RegExp;
}

const PANDAS = ',a,b\n0,1,x\n1,2,y\n';
const AB = [
  { a: 1, b: 2 },
  { a: 3, b: 4 },
];
const ID_S = [
  { id: 1, s: 'a' },
  { id: 2, s: 'b' },
];

const CASES: readonly Case[] = [
  {
    what: "pandas' default, with its index in a column without a name",
    content: PANDAS,
    expected: [
      { c1: 0, a: 1, b: 'x' },
      { c1: 1, a: 2, b: 'y' },
    ],
  },
  {
    what: 'the same, into a table without a column for the index',
    content: PANDAS,
    columns: 'a Int8, b String',
    expected: /row 1: column 1 has no name in the header, and a value, '0' .*index=False.*'c1'.*--skip-unknown/,
  },
  {
    what: 'the same, left out on request',
    content: PANDAS,
    columns: 'a Int8, b String',
    args: ['--skip-unknown'],
    expected: [
      { a: 1, b: 'x' },
      { a: 2, b: 'y' },
    ],
  },
  {
    what: 'the same as TSV',
    content: '\ta\tb\n0\t1\tx\n1\t2\ty\n',
    extension: 'tsv',
    expected: [
      { c1: 0, a: 1, b: 'x' },
      { c1: 1, a: 2, b: 'y' },
    ],
  },
  {
    what: 'the same by CRLF, with a byte order mark, all in quotes, a line end in a name',
    content: '\ufeff"","a","b\nc"\r\n"0","1","x"\r\n',
    expected: [{ c1: '0', a: '1', 'b\nc': 'x' }],
  },
  { what: 'a comma at the end of each line', content: 'a,b,\n1,2,\n3,4,\n', expected: AB },
  { what: 'the same into a table', content: 'b,a,\n2,1,\n4,3,\n', columns: 'a Int8, b Int8', expected: AB },
  { what: 'a tab at the end of each line', content: 'a\tb\t\n1\t2\t\n3\t4\t\n', extension: 'tsv', expected: AB },
  { what: 'a comma at the end of the header', content: 'a,b,\n1,2\n3,4\n', expected: AB },
  { what: 'a comma at the end of the rows', content: 'a,b\n1,2,\n3,4,\n', expected: AB },
  {
    what: 'a comma at the end of each line, and once a value behind it',
    content: 'a,b,\n1,2,\n3,4,lost\n',
    expected: /row 2: column 3 has no name in the header, and a value, 'lost'/,
  },
  {
    what: 'a comma at the end of the first row only',
    content: 'a,b\n1,2,\n3,4\n',
    expected: /row 2: it has fewer values than the first row/,
  },
  {
    what: 'a column without a name that is named c1 by another',
    content: ',c1\n1,2\n',
    expected: /it has 'c1' twice .*; rename one of them/,
  },
  { what: 'blank lines at the end', content: 'id,s\n1,a\n2,b\n\n\r\n', expected: ID_S },
  { what: 'blank lines at the end of TSV', content: 'id\ts\n1\ta\n2\tb\n\n\n', extension: 'tsv', expected: ID_S },
  { what: 'blank lines before the header', content: '\n\r\nid,s\n1,a\n2,b\n', expected: ID_S },
  { what: 'a blank line between rows', content: 'id,s\n1,a\n\n2,b\n', expected: /row 2: it is a blank line/ },
  {
    what: 'a blank line between rows of TSV',
    content: 'id\ts\n1\ta\n\n2\tb\n',
    extension: 'tsv',
    expected: /row 2: it is a blank line/,
  },
  {
    what: 'a blank line in a file of one column, where it is a row',
    content: 'a\n1\n\n2\n',
    expected: [{ a: 1 }, { a: 2 }, { a: null }],
  },
  { what: 'a line that says which separator there is', content: 'sep=,\nid,s\n1,a\n2,b\n', expected: ID_S },
  { what: 'one that says another', content: '\ufeffsep=;\r\nid;s\r\n1;a\r\n2;b\r\n', expected: ID_S },
  { what: 'the same into a table', content: 'sep=;\ns;id\na;1\nb;2\n', columns: 'id Int8, s String', expected: ID_S },
  {
    what: 'such a line, columns without names and blank lines at once',
    content: 'sep=;\n\n;s\n7;a\n\n',
    expected: [{ c1: 7, s: 'a' }],
  },
  {
    what: 'a row that is bad behind all of that',
    content: 'sep=;\n;a\n7;1\n8;many\n',
    columns: 'c1 Int8, a Int8',
    expected: /row 2, column 'a': expected Int8, found 'many'/,
  },
  {
    what: 'UTF-16 with its mark',
    content: Buffer.from('\ufeffid,s\n1,a\n', 'utf16le'),
    expected: /its text is UTF-16; have it written as UTF-8/,
  },
  {
    what: 'UTF-16 with its mark, the other way round',
    content: Buffer.from('\ufeffid\ts\n1\tä\n', 'utf16le').swap16(),
    extension: 'tsv',
    expected: /its text is UTF-16/,
  },
  { what: 'UTF-16 without a mark', content: Buffer.from('id,s\n1,a\n', 'utf16le'), expected: /its text is UTF-16/ },
  {
    what: 'UTF-16 of JSON lines',
    content: Buffer.from('\ufeff{"a":1}\n', 'utf16le'),
    extension: 'jsonl',
    expected: /its text is UTF-16/,
  },
  {
    what: 'UTF-16 that is compressed',
    content: gzipSync(Buffer.from('\ufeffid,s\n1,a\n', 'utf16le')),
    extension: 'csv.gz',
    expected: /its text is UTF-16/,
  },
  {
    what: 'a header in Latin-1',
    content: Buffer.from('id,straße\n1,a\n', 'latin1'),
    expected: /its header is not UTF-8 \(perhaps Latin-1 or Windows-1252: 'id,straße'\); have it written as UTF-8/,
  },
];

for (const { what, content, extension = 'csv', columns, args = [], expected } of CASES) {
  test(`${what}${columns === undefined ? '' : `: into ${columns}`}`, async () => {
    const table = `layout_${tables++}`;
    const file = await bench.write(`${table}.${extension}`, content);
    await checkFile(bench, { table, file, columns: columns ?? null, args, expected, order: 'ORDER BY ALL' });
  });
}

test('text in Latin-1 behind a header that is none is stored byte for byte, with a warning', async () => {
  const file = await bench.write('latin.csv', Buffer.from('id,s\n1,Straße\n', 'latin1'));
  const ended = await bench.load(file, 'latin', ['--create-table']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stderr, /^as-cli: warning: the text of \S+latin\.csv is not UTF-8 \(perhaps Latin-1/);
  assert.deepEqual(await bench.rows('SELECT hex(s) AS s FROM latin'), [{ s: '53747261DF65' }]);
});
