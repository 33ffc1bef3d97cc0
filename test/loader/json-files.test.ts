/** JSON as programs write it beside one object in a line, and columns of typed files that hold JSON or a few values. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { arrowFields } from '../../lib/loader/file/arrow-schema.js';
import { arrowSchema } from '../../lib/loader/file/binary-schema.js';
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

const ROWS = [
  { a: 1, s: 'x]}' },
  { a: 2, s: '"[{' },
];

interface Case {
  readonly what: string;
  readonly content: string;
  /** Of the table; absent where the file makes it. */
  readonly columns?: string;
  readonly args?: readonly string[];
  readonly expected: readonly Record<string, unknown>[] | RegExp;
}

const CASES: readonly Case[] = [
  { what: 'a list of objects', content: JSON.stringify(ROWS), expected: ROWS },
  { what: 'the same into a table', content: JSON.stringify(ROWS), columns: 'a Int8, s String', expected: ROWS },
  { what: 'a list over many lines', content: JSON.stringify(ROWS, null, 2), expected: ROWS },
  {
    what: 'objects over many lines, one behind the other',
    content: ROWS.map((row) => JSON.stringify(row, null, 2)).join('\n'),
    columns: 'a Int8, s String',
    expected: ROWS,
  },
  {
    what: 'a list with a key that has no value',
    content: '[{"a":null,\n"s":"x"}]',
    columns: 'a Int8, s String',
    expected: /row 1, column 'a': expected Int8, found no value/,
  },
  {
    what: 'a list with a key that the table lacks',
    content: '[{"a":1,"s":"x","more":1}]',
    columns: 'a Int8, s String',
    expected: /has no column for 'more'/,
  },
  { what: 'an empty list', content: '[]', columns: 'a Int8', expected: [] },
  { what: 'an empty list on lines', content: ' [\n]\n', columns: 'a Int8', expected: [] },
  {
    what: 'numbers beyond 64 bits',
    content: '{"id":1,"x":123456789012345678901234567890,"y":"\\"1234567890123456789012"}\n',
    expected: [{ id: 1, x: '123456789012345678901234567890', y: '"1234567890123456789012' }],
  },
  {
    what: 'such numbers into a table that has room for them',
    content: '{"x":123456789012345678901234567890}\n',
    columns: 'x Int128, y String ALIAS toString(x), z String DEFAULT toString(x)',
    expected: [{ x: 1.2345678901234568e29, z: '123456789012345678901234567890' }],
  },
  {
    what: 'infinity',
    content: '{"x":1.5}\n{"x":Infinity}\n',
    columns: 'x Float64',
    expected: /row 2, column 'x': Infinity is no JSON, write it in quotes, or null/,
  },
  {
    what: 'infinity in quotes',
    content: '{"x":"-Infinity"}\n',
    columns: 'x Float64',
    expected: [{ x: null }],
  },
  {
    what: 'seconds with a fraction',
    content: '{"a":1706704496.123}\n',
    columns: "a DateTime64(3, 'UTC')",
    expected: [{ a: '2024-01-31 12:34:56.123' }],
  },
  { what: 'a key twice', content: '{"a":1,"a":2}\n', columns: 'a Int64', expected: /row 1: it has the key 'a' twice/ },
  {
    what: 'a key twice, although unknown ones are skipped',
    content: '{"a":1}\n{"a":1,"other":0,"a":2}\n',
    columns: 'a Int64',
    args: ['--skip-unknown'],
    expected: /row 2: it has the key 'a' twice/,
  },
  {
    what: 'a key twice within an object',
    content: '{"a":{"x":1,"x":2}}\n',
    columns: 'a Tuple(x Int8)',
    expected: /row 1: the table has no column for all fields of 'a', or one of them is there twice/,
  },
  {
    what: 'a key twice within an object, although unknown ones are skipped',
    content: '{"a":{"x":1,"x":2}}\n',
    columns: 'a Tuple(x Int8)',
    args: ['--skip-unknown'],
    expected: /row 1: it has the key 'a.x' twice/,
  },
  { what: 'a key twice, for a table of its own', content: '{"a":1,"a":2}\n', expected: /it has 'a' twice in one row/ },
];

for (const { what, content, columns, args = [], expected } of CASES) {
  test(`${what}${columns === undefined ? '' : `: into ${columns}`}`, async () => {
    const table = `json_${tables++}`;
    const file = await bench.write(`${table}.json`, content);
    await checkFile(bench, { table, file, columns: columns ?? null, args, expected, order: 'ORDER BY ALL' });
  });
}

test('an empty list makes no table', async () => {
  const ended = await bench.load(await bench.write('empty.json', '[]'), 'json_empty', ['--create-table', '--json']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.equal((JSON.parse(ended.stdout) as { rows: number }).rows, 0);
});

for (const [what, indent] of [
  ['on one line', undefined],
  ['on many lines', 1],
] as const) {
  test(`a list that is longer than its sample, ${what}`, async () => {
    const rows = Array.from({ length: 30_000 }, (_, n) => ({ n, text: `${'[{"'.repeat(10)}`, inner: [{ n }] }));
    const file = await bench.write('long.json', JSON.stringify(rows, null, indent));
    const table = `json_long_${indent ?? 0}`;
    const ended = await bench.load(file, table, ['--create-table']);
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
    assert.deepEqual(await bench.rows(`SELECT count() AS n, max(t.n) AS last, any(text) AS text FROM ${table} AS t`), [
      { n: 30_000, last: 29_999, text: '[{"'.repeat(10) },
    ]);
  });
}

test('JSON in a column of Parquet is kept as it is written, be it an object or a list', async () => {
  const object = await readFile(
    await bench.writeSelect(
      'column.parquet',
      `SELECT '{"a":1}'::JSON AS x SETTINGS output_format_parquet_compression_method = 'none', output_format_parquet_write_checksums = 0`,
      'Parquet',
    ),
  );
  // As long as the object is.
  const list = Buffer.from(object.toString('latin1').replaceAll('{"a":1}', '[1,2,3]'), 'latin1');
  for (const [name, content, expected] of [
    ['object', object, '{"a":1}'],
    ['list', list, '[1,2,3]'],
  ] as const) {
    const file = await bench.write(`column-${name}.parquet`, content);
    for (const args of [['--create-table'], []]) {
      const ended = await bench.load(file, `parquet_json_${name}`, args);
      assert.deepEqual([ended.code, ended.stderr], [0, '']);
    }
    assert.deepEqual(await bench.rows(`SELECT x FROM parquet_json_${name}`), [{ x: expected }, { x: expected }]);
  }
  await bench.rows('CREATE TABLE parsed (x JSON) ENGINE = MergeTree ORDER BY ()');
  const ended = await bench.load(bench.path('column-object.parquet'), 'parsed');
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(await bench.rows('SELECT x.a AS a FROM parsed'), [{ a: 1 }]);
});

test('a column of few numbers makes a column of numbers', async () => {
  const few = `SELECT CAST(number % 3 + 7, 'LowCardinality(Int64)') AS c, CAST(toString(number % 2), 'LowCardinality(String)') AS s
    FROM numbers(4) SETTINGS allow_suspicious_low_cardinality_types = 1, output_format_arrow_low_cardinality_as_dictionary = 1`;
  const ended = await bench.load(await bench.writeSelect('few.arrow', few, 'Arrow'), 'few', ['--create-table']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(await bench.rows('SELECT c, s, toTypeName(c) AS type FROM few ORDER BY ALL'), [
    ...['70', '71', '81', '90'].map(([c, s]) => ({ c: Number(c), s, type: 'Int64' })),
  ]);
});

/** The byte of the schema that says which type `column` has becomes that of no values, where it was that of text. */
function withNullType(stream: Buffer, column: string): Buffer {
  for (let at = 8; at < stream.length; at++) {
    if (stream[at] !== 5) continue;
    const changed = Buffer.from(stream);
    changed[at] = 1;
    const part = arrowSchema(changed);
    if (part?.kind === 'part' && readable(part.data, column)) return withTwoBuffers(changed, part.data.length);
  }
  throw new Error(`no column '${column}' of text`);
}

/** Those of the number before it, as no values have none: the batch behind the schema has a list of five. */
function withTwoBuffers(stream: Buffer, batch: number): Buffer {
  for (let at = batch; ; at += 4) {
    if (stream.readUInt32LE(at) !== 5) continue;
    stream.writeUInt32LE(2, at);
    return stream;
  }
}

function readable(part: Uint8Array, column: string): boolean {
  try {
    return arrowFields(part).some(({ name, isNull }) => name === column && isNull);
  } catch {
    return false;
  }
}

test('a column of Arrow that has no values at all is a column without values', async () => {
  const text = await readFile(
    await bench.writeSelect('text.arrows', 'SELECT 1::Int64 AS id, NULL::Nullable(String) AS note', 'ArrowStream'),
  );
  const file = await bench.write('none.arrows', withNullType(text, 'note'));
  const ended = await bench.load(file, 'none', ['--create-table']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.deepEqual(await bench.rows('SELECT * FROM none'), [{ id: 1, note: null }]);
  await bench.rows('CREATE TABLE refuses (id Int64, note String) ENGINE = MergeTree ORDER BY ()');
  const refused = await bench.load(file, 'refuses');
  assert.match(refused.stderr, /row 1, column 'note': expected String, found no value/);
});
