/** Every format and compression with awkward data: what is read back is what was written, value by value. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type Bench, type Ended, startBench } from './as-cli.js';

let bench: Bench;

interface Column {
  readonly name: string;
  readonly type: string;
  /** Values of the rows, as ClickHouse expressions. */
  readonly values: readonly string[];
}

const ROWS = 4;
const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'Int32', values: ['1', '2', '3', '4'] },
  { name: 'small', type: 'Int8', values: ['-128', '127', '0', '-1'] },
  { name: 'big', type: 'Int64', values: ['-9223372036854775808', '9223372036854775807', '0', '-1'] },
  { name: 'huge', type: 'UInt64', values: ['18446744073709551615', '9007199254740993', '0', '1'] },
  { name: 'whole', type: 'UInt64', values: ['9223372036854775807', '9007199254740993', '0', '1'] },
  { name: 'float', type: 'Float64', values: ['-1.5e-300', '0.1', '-0.', '1e308'] },
  { name: 'money', type: 'Decimal(18, 4)', values: ["'-99999999999999.9999'", "'0.0001'", "'0'", "'12.3'"] },
  { name: 'exact', type: 'Decimal(38, 10)', values: ["'1234567890123456789012345678.0123456789'", "'-1'", '0', '1'] },
  { name: 'flag', type: 'Bool', values: ['true', 'false', 'true', 'false'] },
  { name: 'day', type: 'Date32', values: ["'1969-12-31'", "'2026-02-28'", "'2100-01-01'", "'1970-01-01'"] },
  {
    name: 'time',
    type: "DateTime64(3, 'UTC')",
    values: [
      "'1969-12-31 23:59:59.999'",
      "'2026-03-29 02:30:00.001'",
      "'2099-12-31 00:00:00'",
      "'1970-01-01 00:00:00'",
    ],
  },
  {
    name: 'zoned',
    type: "DateTime64(6, 'Europe/Berlin')",
    values: ["'2026-10-25 01:59:59.000001'", "'2026-03-29 03:00:00'", "'2026-07-01 12:00:00'", "'2026-01-01 00:00:00'"],
  },
  {
    name: 'text',
    type: 'String',
    values: ["''", "'it\\'s \"quoted\", \\\\ ; | \\t tab'", "'two\\nlines\\r\\nthree'", "'NULL'"],
  },
  { name: 'unicode', type: 'String', values: ["'Grüße, 世界'", "'👩‍👩‍👧‍👦 \\u202e'", "'é'", "' blanks '"] },
  { name: 'maybe', type: 'Nullable(String)', values: ['NULL', "''", "'x'", "'NULL'"] },
  { name: 'number', type: 'Nullable(Int64)', values: ['NULL', '0', '-7', 'NULL'] },
  { name: 'list', type: 'Array(String)', values: ['[]', "['']", "['a,b', 'c\"d', 'e\\'f', 'g\\nh']", "['ü']"] },
  { name: 'gaps', type: 'Array(Nullable(Int64))', values: ['[NULL]', '[1, NULL, -3]', '[]', '[9223372036854775807]'] },
  { name: 'deep', type: 'Array(Array(Int32))', values: ['[[]]', '[[1, 2], [], [3]]', '[]', '[[-1]]'] },
  { name: 'pair', type: 'Tuple(a Int32, b String)', values: ["(-1, '')", "(2, 'x,y')", "(3, 'q\"')", "(4, 'ü')"] },
  { name: 'map', type: 'Map(String, Int64)', values: ['map()', "map('k', -1)", "map('a', 1, 'b\"', 2)", "map('', 0)"] },
];
const DOTTED: Column = { name: 'Req.Header.user-agent', type: 'String', values: ["'a'", "'b'", "''", "'d'"] };

interface Written {
  readonly extension: string;
  readonly format: string;
  readonly settings?: string;
  /** What the format has no name or type for. */
  readonly lacks?: readonly string[];
}

const FORMATS: readonly Written[] = [
  { extension: 'parquet', format: 'Parquet' },
  { extension: 'csv', format: 'CSVWithNames', settings: 'output_format_csv_serialize_tuple_into_separate_columns = 0' },
  { extension: 'tsv', format: 'TabSeparatedWithNames' },
  { extension: 'jsonl', format: 'JSONEachRow' },
  { extension: 'arrow', format: 'Arrow' },
  { extension: 'arrows', format: 'ArrowStream' },
  // A name of Avro has letters, digits and underscores only. It has no unsigned numbers, nor has ORC.
  { extension: 'avro', format: 'Avro', lacks: [DOTTED.name, 'huge'] },
  { extension: 'orc', format: 'ORC', lacks: ['huge'] },
];

function columnsOf({ lacks = [] }: Written): readonly Column[] {
  return [...COLUMNS, DOTTED].filter(({ name }) => !lacks.includes(name));
}

/** The rows as a SELECT, with the names of the file. */
function selectRows(columns: readonly Column[], rows = ROWS): string {
  const row = (index: number): string =>
    columns.map(({ name, type, values }) => `CAST(${values[index]} AS ${type}) AS \`${name}\``).join(', ');
  return Array.from({ length: rows }, (_, index) => `SELECT ${row(index)}`).join(' UNION ALL ');
}

/** The rows as text, in which every type shows every digit; `names` are those of the table. */
async function shown(from: string, names: readonly string[]): Promise<readonly string[]> {
  const values = names.map((name) => `ifNull(toString(\`${name}\`), '(null)')`).join(', ');
  const rows = await bench.rows(`SELECT toString([${values}]) AS row FROM ${from} ORDER BY id`);
  return rows.map(({ row }) => String(row));
}

function succeeded(ended: Ended): void {
  assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
}

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

for (const written of FORMATS) {
  const { extension, format, settings } = written;
  const columns = columnsOf(written);
  const targets = columns.map(({ name }) => name.replaceAll('.', '_'));
  const write = async (name: string, select: string): Promise<string> =>
    await bench.writeSelect(`${name}.${extension}`, settings ? `${select} SETTINGS ${settings}` : select, format);
  const schemaFile = async (): Promise<string> =>
    await bench.write(
      `${extension}.json`,
      JSON.stringify(Object.fromEntries(columns.map(({ name, type }) => [name, type]))),
    );

  test(`${extension}: awkward values come back equal, plain and compressed`, async () => {
    const plain = await write('awkward', selectRows(columns));
    const expected = await shown(
      `(${selectRows(columns.map((column, i) => ({ ...column, name: targets[i] as string })))})`,
      targets,
    );
    assert.equal(expected.length, ROWS);
    const files = [plain, await bench.compress(plain, 'gz'), await bench.compress(plain, 'zst')];
    for (const [index, file] of files.entries()) {
      const table = `awkward_${extension}_${index}`;
      succeeded(await bench.load(file, table, ['--create-table', '--schema-file', await schemaFile()]));
      assert.deepEqual(await shown(table, targets), expected, file);
    }
  });
}

for (const written of FORMATS) {
  const { extension, format } = written;
  test(`${extension}: a table is made from the file itself, plain and compressed`, async () => {
    const plain = await bench.writeSelect(
      `inferred.${extension}`,
      "SELECT toInt64(number) AS id, concat('text ', toString(number)) AS text, number / 4 + 1 AS half FROM numbers(3000)",
      format,
    );
    const files = [plain, await bench.compress(plain, 'gz'), await bench.compress(plain, 'zst')];
    for (const [index, file] of files.entries()) {
      const table = `inferred_${extension}_${index}`;
      succeeded(await bench.load(file, table, ['--create-table']));
      const types = await bench.rows(
        `SELECT name, type FROM system.columns WHERE table = '${table}' ORDER BY position`,
      );
      assert.deepEqual(
        types.map(({ name, type }) => `${name} ${String(type).replace(/^Nullable\((.*)\)$/, '$1')}`),
        ['id Int64', 'text String', 'half Float64'],
        file,
      );
      const [sums] = await bench.rows(
        `SELECT count() AS n, sum(id) AS ids, uniqExact(text) AS texts, sum(half) AS halves FROM ${table}`,
      );
      assert.deepEqual(sums, { n: 3000, ids: 4_498_500, texts: 3000, halves: 1_127_625 });
    }
  });

  test(`${extension}: a file without rows loads nothing, plain and compressed`, async () => {
    const select = 'SELECT toInt64(number) AS id, toString(number) AS text FROM numbers(0)';
    const plain = await bench.writeSelect(`none.${extension}`, select, format);
    for (const file of [plain, await bench.compress(plain, 'gz'), await bench.compress(plain, 'zst')]) {
      const ended = await bench.load(file, `none_${extension}`, ['--create-table', '--json']);
      succeeded(ended);
      assert.equal((JSON.parse(ended.stdout) as { rows: number }).rows, 0, file);
    }
  });

  test(`${extension}: the contents alone tell the format, except of CSV and TSV, which need the option`, async () => {
    const select = 'SELECT toInt64(number) AS id, toString(number) AS text FROM numbers(10)';
    const named = await bench.writeSelect(`unnamed.${extension}`, select, format);
    const plain = await bench.write(`unnamed-${extension}`, await readFile(named));
    const option = ['csv', 'tsv'].includes(extension) ? ['--format', extension] : [];
    const files = [plain, await bench.compress(plain, 'gz'), await bench.compress(plain, 'zst')];
    for (const file of files) {
      const bare = await bench.write(`bare-${extension}`, await readFile(file));
      succeeded(await bench.load(bare, `bare_${extension}`, ['--create-table', ...option]));
    }
    assert.deepEqual(await bench.rows(`SELECT count() AS n FROM bare_${extension}`), [{ n: 10 * files.length }]);
  });
}

for (const compression of ['none', 'snappy', 'zlib', 'lz4', 'zstd']) {
  test(`orc: the columns are found behind stripes, in a footer compressed by ${compression}`, async () => {
    const columns = Array.from({ length: 300 }, (_, i) => `number + ${i} AS \`Some.Column.Number.${i}\``);
    const file = await bench.writeSelect(
      `orc-${compression}.orc`,
      `SELECT toInt64(number) AS id, ${columns.join(', ')} FROM numbers(3000)
         SETTINGS output_format_orc_compression_method = '${compression}', max_block_size = 1000`,
      'ORC',
    );
    const table = `orc_${compression}`;
    succeeded(await bench.load(file, table, ['--create-table']));
    assert.deepEqual(
      await bench.rows(`SELECT count() AS n, sum(id) AS ids, sum(Some_Column_Number_299) AS last FROM ${table}`),
      [{ n: 3000, ids: 4_498_500, last: 4_498_500 + 3000 * 299 }],
    );
  });
}

for (const [extension, format] of [
  ['parquet', 'Parquet'],
  ['arrow', 'Arrow'],
  ['arrows', 'ArrowStream'],
  ['avro', 'Avro'],
  ['orc', 'ORC'],
] as const) {
  test(`${extension}: a schema of 1,200 columns, more than is read at first, is read whole`, async () => {
    const columns = Array.from({ length: 1_200 }, (_, i) => `number + ${i} AS some_column_of_a_wide_table_${i}`);
    const select = `SELECT toInt64(number) AS id, ${columns.join(', ')} FROM numbers(5)`;
    const plain = await bench.writeSelect(`wide.${extension}`, select, format);
    const files = [plain, await bench.compress(plain, 'zst')];
    for (const file of files) succeeded(await bench.load(file, `wide_${extension}`, ['--create-table']));
    assert.deepEqual(
      await bench.rows(`SELECT count() AS n, sum(some_column_of_a_wide_table_1199) AS last FROM wide_${extension}`),
      [{ n: 5 * files.length, last: files.length * (10 + 5 * 1_199) }],
    );
  });
}

test('text of a typed file becomes what its column is, and no text the default that was asked for', async () => {
  const types = {
    id: 'Int64',
    at: "DateTime64(3, 'UTC')",
    day: 'Date',
    half: 'Nullable(Float64)',
    flag: 'Bool',
    ip: 'IPv4',
    key: 'UUID',
    kind: "Enum8('a' = 1, 'b' = 2)",
    money: 'Decimal(9, 2)',
  };
  const schema = await bench.write('parsed.json', JSON.stringify(types));
  const full = [
    '7',
    '2026-01-02T03:04:05.678Z',
    '2026-01-02',
    '-1.5',
    'true',
    '10.0.0.1',
    '61f0c404-5cb3-11e7-907b-a6006ad3dba0',
    'b',
    '1.25',
  ];
  for (const [index, type] of ['String', 'Nullable(String)', 'LowCardinality(Nullable(String))'].entries()) {
    const columns = Object.keys(types).map((name, i) => `CAST(if(number = 0, '${full[i]}', ''), '${type}') AS ${name}`);
    const file = await bench.writeSelect(
      `parsed-${index}.parquet`,
      `SELECT ${columns.join(', ')} FROM numbers(2)`,
      'Parquet',
    );
    const args = ['--create-table', '--schema-file', schema];
    const { code, stderr } = await bench.load(file, `parsed_${index}`, args);
    assert.equal(code, 65);
    assert.match(stderr, /row 2, column '\w+': expected .*, found no value .* or give --null-as-default,/);
    succeeded(await bench.load(file, `parsed_${index}`, [...args, '--null-as-default']));
    assert.deepEqual(await bench.rows(`SELECT * FROM parsed_${index} ORDER BY id DESC`), [
      {
        id: 7,
        at: '2026-01-02 03:04:05.678',
        day: '2026-01-02',
        half: -1.5,
        flag: true,
        ip: '10.0.0.1',
        key: '61f0c404-5cb3-11e7-907b-a6006ad3dba0',
        kind: 'b',
        money: 1.25,
      },
      {
        id: 0,
        at: '1970-01-01 00:00:00.000',
        day: '1970-01-01',
        half: null,
        flag: false,
        ip: '0.0.0.0',
        key: '00000000-0000-0000-0000-000000000000',
        kind: 'a',
        money: 0,
      },
    ]);
  }
});
