/** Values as others write them that were changed once: each is loaded as it was written, or refused with the place. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { queryRows } from '../../sandbox/clickhouse-client.js';
import { type Bench, startBench } from '../as-cli.js';
import { checkFile } from '../file-cases.js';

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

interface Case {
  readonly file: readonly [name: string, contents: string];
  /** Of the table; null where the file makes it. */
  readonly columns: string | null;
  readonly args?: readonly string[];
  /** What is in the table then, or what is said. */
  readonly expected: readonly Record<string, unknown>[] | RegExp;
}

async function check({ file, columns, args = [], expected }: Case): Promise<void> {
  const path = await bench.write(...file);
  await checkFile(bench, { table: `foreign_values_${tables++}`, file: path, columns, args, expected });
}

const at = (row: number, column: string, expected: string, found: string): RegExp =>
  new RegExp(`row ${row}, column '${column}': expected ${expected.replace(/[()]/g, '\\$&')}, found ${found}`);

const ENUM = "Enum8('a' = 1, 'b' = 2, 'c, d' = -3)";

const CASES: readonly Case[] = [
  { file: ['zero.csv', 'd\n0000-00-00\n'], columns: 'd Date', expected: at(1, 'd', 'Date', "'0000-00-00'") },
  {
    file: ['zero.jsonl', '{"d":"0000-00-00 00:00:00"}\n'],
    columns: 'd DateTime',
    expected: /expected DateTime, found '0000/,
  },
  {
    file: ['clock.csv', 'd\n2024-01-01 25:61:61\n'],
    columns: 'd DateTime',
    expected: at(1, 'd', 'DateTime', "'2024-01-01 25"),
  },
  {
    file: ['cut.csv', 'a\n1.235\n'],
    columns: 'a Decimal(10, 2)',
    expected: /row 1, column 'a': .*'1\.235'.*--allow-rounding/,
  },
  { file: ['cut.csv', 'a\n1.235\n'], columns: 'a Decimal(10, 2)', args: ['--allow-rounding'], expected: [{ a: 1.23 }] },
  ...['-', '+', '.', '-.', '.e5'].map((none) => ({
    file: ['none.jsonl', `{"a":"${none}"}\n`] as const,
    columns: 'a Decimal(9, 2)',
    expected: /row 1, column 'a': expected Decimal\(9, 2\), found /,
  })),
  {
    file: ['points.csv', 'a,b,c\n.5,5.,-0\n'],
    columns: 'a Decimal(2, 2), b Decimal(1, 0), c Decimal(2, 2)',
    expected: [{ a: 0.5, b: 5, c: 0 }],
  },
  ...['+99:00', '-15:00', '+05:70'].map((zone) => ({
    file: ['zone.csv', `t\n2024-01-01T00:00:00${zone}\n`] as const,
    columns: "t DateTime('UTC')",
    expected: /row 1, column 't': expected DateTime\('UTC'\), found /,
  })),
  {
    file: ['zone.csv', 't\n2024-01-01T00:00:00+14:00\n2024-01-01 00:00:00-0930\n'],
    columns: "t DateTime('UTC')",
    expected: [{ t: '2023-12-31 10:00:00' }, { t: '2024-01-01 09:30:00' }],
  },
  { file: ['half.csv', 'a\n10.5\n'], columns: 'a Int64', expected: /row 1, column 'a': .*'10\.5'.*--allow-rounding/ },
  { file: ['half.csv', 'a\n10.5\n'], columns: 'a Int64', args: ['--allow-rounding'], expected: [{ a: 10 }] },
  {
    file: ['ms.csv', 't\n2024-01-31 12:34:56.789\n'],
    columns: "t DateTime('UTC')",
    expected: /\.789'.*--allow-rounding/,
  },
  {
    file: ['ms.csv', 't\n2024-01-31 12:34:56.789\n'],
    columns: "t DateTime('UTC')",
    args: ['--allow-rounding'],
    expected: [{ t: '2024-01-31 12:34:56' }],
  },
  { file: ['quoted.csv', 'a,z\n"",1\n'], columns: 'a Nullable(Int64), z Int8', expected: [{ a: null, z: 1 }] },
  { file: ['null.csv', 'a,z\n\\N,1\n'], columns: 'a String, z Int8', expected: /column 'a': .*found no value/ },
  { file: ['nothing.csv', 'a,z\n,1\n'], columns: 'a String, z Int8', expected: [{ a: '', z: 1 }] },
  { file: ['cr.tsv', 'id\ts\r1\ta\r'], columns: null, expected: /its lines end with CR alone/ },
  {
    file: [
      'spelled.csv',
      'plus,version,money,half,long\n+49,1.10,1.50,1.0,12345678901234567890123\n1,1.2,2.25,0.5,1\n',
    ],
    columns: null,
    expected: [
      { plus: '+49', version: '1.10', money: 1.5, half: 1, long: '12345678901234567890123' },
      { plus: '1', version: '1.2', money: 2.25, half: 0.5, long: '1' },
    ],
  },
  { file: ['wraps.jsonl', '{"a":258}\n'], columns: `a ${ENUM}`, expected: /row 1, column 'a': .*found '258'/ },
  { file: ['wraps.jsonl', '{"a":["a",258]}\n'], columns: `a Array(${ENUM})`, expected: /row 1, column 'a': .*258/ },
  { file: ['wraps.csv', 'a\n258\n'], columns: `a ${ENUM}`, expected: /row 1, column 'a': .*found '258'/ },
  { file: ['unknown.csv', 'a\nb\nx\n'], columns: `a ${ENUM}`, expected: /row 2, column 'a': .*found 'x'/ },
  {
    file: ['enums.jsonl', '{"a":2}\n{"a":"c, d"}\n{"a":-3}\n{"a":null}\n'],
    columns: `a Nullable(${ENUM})`,
    expected: ['b', 'c, d', 'c, d', null].map((a) => ({ a })),
  },
  { file: ['enums.csv', `a\n"['a','c, d']"\n`], columns: `a Array(${ENUM})`, expected: [{ a: ['a', 'c, d'] }] },
  ...['25:61:61', '10:00', '1000:00:00', '10:00:00.5'].map((clock) => ({
    file: ['clock.csv', `a\n${clock}\n`] as const,
    columns: 'a Time',
    expected: at(1, 'a', 'Time', `'${clock}'`),
  })),
  {
    file: ['clock.jsonl', '{"a":"25:61:61"}\n'],
    columns: 'a Time64(3)',
    expected: at(1, 'a', 'Time64(3)', "'25:61:61'"),
  },
  {
    file: ['cut.csv', 'a\n10:00:00.1239\n'],
    columns: 'a Time64(3)',
    expected: at(1, 'a', 'Time64(3)', "'10:00:00.1239'"),
  },
  {
    file: ['clocks.csv', 'a,b\n-5:00:00,10:00:00.5\n999:59:59,24:00:00\n'],
    columns: 'a Time, b Time64(3)',
    expected: [
      { a: '-05:00:00', b: '10:00:00.500' },
      { a: '999:59:59', b: '24:00:00.000' },
    ],
  },
  // Clocks there went from 2 to 3 o'clock.
  ...["DateTime('Europe/Berlin')", "DateTime64(3, 'Europe/Berlin')"].flatMap((type) => [
    ...['2024-03-31 02:30:00', '2024-03-31T2:30', '20240331023000', '31 March 2024 02:30'].map((time) => ({
      file: ['spring.csv', `a\n${time}\n`] as const,
      columns: `a ${type}`,
      expected: at(1, 'a', type, `'${time}'`),
    })),
    {
      file: [
        'spring.csv',
        'a\n2024-03-31 03:30\n2024-03-31T3:30:00\n2024-03-31T01:30:00Z\n2024-03-31 02:30:00+01:00\n20240331033000\n1711848600\n"March 31, 2024 3:30 am"\n',
      ] as const,
      columns: `a ${type}`,
      expected: Array.from({ length: 7 }, () => ({ a: `2024-03-31 03:30:00${type.includes('64') ? '.000' : ''}` })),
    },
  ]),
  { file: ['short.csv', 'a\n0.1\n'], columns: 'a BFloat16', expected: at(1, 'a', 'BFloat16', "'0.1'") },
  { file: ['short.csv', 'a\n0.5\n-3\n'], columns: 'a BFloat16', expected: [{ a: 0.5 }, { a: -3 }] },
  {
    file: ['ids.csv', 'a\n12345678-1234-5678-1234-56781234567z\n'],
    columns: 'a UUID',
    expected: at(1, 'a', 'UUID', "'12345678-1234-5678-1234-56781234567z'"),
  },
  {
    file: ['addresses.jsonl', '{"a":["1.2.3.4","1.2.3.256"]}\n'],
    columns: 'a Array(IPv4)',
    expected: /row 1, column 'a': .*1\.2\.3\.256/,
  },
  {
    file: ['addresses.jsonl', '{"a":["1.2.3.4"],"m":{"1.2.3.4":"::1"},"n":""}\n'],
    columns: 'a Array(IPv4), m Map(IPv4, IPv6), n Nullable(UUID)',
    expected: [{ a: ['1.2.3.4'], m: { '1.2.3.4': '::1' }, n: null }],
  },
  {
    file: ['several.jsonl', '{"a":[1,"x",true,null,1.10,0.1234567890123456789]}\n{"a":[5]}\n'],
    columns: null,
    expected: [{ a: ['1', 'x', 'true', null, '1.10', '0.1234567890123456789'] }, { a: ['5'] }],
  },
  // ClickHouse chooses the types within these.
  ...['2023-02-30', '01/02/2024', '2024-01-31 25:61:61', '2024-01-31'].flatMap((date) => [
    { file: ['chosen.jsonl', `{"a":{"x":"${date}"}}\n`] as const, columns: 'a JSON', expected: [{ a: { x: date } }] },
    { file: ['chosen.jsonl', `{"a":"${date}"}\n`] as const, columns: 'a Dynamic', expected: [{ a: date }] },
    { file: ['chosen.csv', `a\n${date}\n`] as const, columns: 'a Dynamic', expected: [{ a: date }] },
  ]),
];

for (const one of CASES) {
  const { file, columns, args = [] } = one;
  const name = `${file[0]} ${JSON.stringify(file[1])}`;
  test(`${name} into ${columns ?? 'a table of its own'} ${args.join(' ')}`, async () => await check(one));
}

/** Of a table's column `a`, with what is read back as text; null for a refusal that quotes it. */
const LISTS: readonly (readonly [text: string, type: string, expected: string | null])[] = [
  // What ClickHouse's parser leaves out, adds, or has no room for.
  ['[1,2]x', 'Array(Int32)', null],
  ['[1,2]]', 'Array(Int32)', null],
  ['[[1],[2]]x', 'Array(Array(Int8))', null],
  ["(1,'x')y", 'Tuple(a Int8, b String)', null],
  ["{'a':1}x", 'Map(String, Int8)', null],
  ['[1,,2]', 'Array(Int32)', null],
  ['[1,2,]', 'Array(Int32)', null],
  ["['a',,'b']", 'Array(String)', null],
  ['[1e400]', 'Array(Float64)', null],
  ["{'a':-1e400}", 'Map(String, Float64)', null],
  ['[1e-400]', 'Array(Float64)', null],
  ['[0.1234567890123456789]', 'Array(Float64)', null],
  ['[1.5e-30]', 'Array(Decimal(9, 2))', null],
  ['[1.000000000000000000000000000000000000001]', 'Array(Decimal(9, 2))', null],
  [`[${2n ** 256n + 1n}]`, 'Array(Int64)', null],
  [`(${2n ** 255n},1)`, 'Tuple(Int256, Int8)', null],
  ['[-1]', 'Array(UInt256)', null],
  ['(1,2,3)', 'Tuple(Int8, Int8)', null],
  ['(1e400,2)', 'Point', null],
  ['[(1,2),(1e400,2)]', 'Ring', null],
  ['["a"]', 'Array(String)', null],
  ['[NULL]', 'Array(Int8)', null],
  ['{NULL:1}', 'Map(String, Int8)', null],
  // What is there.
  ['[1, 1e2, 1.0 ,+1]', 'Array(Int16)', '[1,100,1,1]'],
  ['[0.1,inf,-inf,nan]', 'Array(Float64)', '[0.1,inf,-inf,nan]'],
  [`[${2n ** 256n - 1n}]`, 'Array(UInt256)', `[${2n ** 256n - 1n}]`],
  ["[NULL,null,'NULL',' ,5]']", 'Array(Nullable(String))', "[NULL,NULL,'NULL',' ,5]']"],
  ["['a''b','a\\'b','(','\\\\']", 'Array(String)', "['a\\'b','a\\'b','(','\\\\']"],
  ["{'a':[1,2],'b:,':[]}", 'Map(String, Array(Int8))', "{'a':[1,2],'b:,':[]}"],
  ["[{'k':('x',1)}]", 'Array(Map(String, Tuple(s String, n Int8)))', "[{'k':('x',1)}]"],
  ["[2024-01-31,'1970-01-01']", 'Array(Date)', "['2024-01-31','1970-01-01']"],
  ['[true,0]', 'Array(Bool)', '[true,false]'],
  ['(1)', 'Tuple(a Int8)', '(1)'],
  ['(1.5,-2)', 'Point', '(1.5,-2)'],
  ['[[(1,2)],[]]', 'Polygon', '[[(1,2)],[]]'],
  ['', 'Tuple(Int8, String)', null],
  ["[1,'x']", 'Array(Dynamic)', "[1,'x']"],
];

test('nothing between two separators is a list or map of nothing', async () => {
  const columns = 'a Array(Int8), b Map(String, Int8), c Array(String), z Int8';
  await check({ file: ['nothing.csv', 'a,b,c,z\n,"",\\N,1\n'], columns, expected: [{ a: [], b: {}, c: [], z: 1 }] });
});

const named = (type: string): string => type.replace(/\W+/g, '_');

test('lists, maps and tuples in text are what is written', async () => {
  const loaded = LISTS.filter(([, , expected]) => expected !== null);
  const columns = loaded.map(([, type], index) => `c${index} ${type}`).join(', ');
  const names = loaded.map((_, index) => `c${index}`);
  const fields = loaded.map(([text]) => `"${text.replaceAll('"', '""')}"`);
  const values = loaded.map(([text], index) => `${literal(text)} AS c${index}`).join(', ');
  for (const file of [
    await bench.write('lists.csv', `${names.join(',')}\n${fields.join(',')}\n`),
    await bench.writeSelect('lists.parquet', `SELECT ${values}`, 'Parquet'),
  ]) {
    const table = `lists_${tables++}`;
    await queryRows(bench.clickhouse, `CREATE TABLE ${table} (${columns}) ENGINE = Memory`);
    const ended = await bench.load(file, table);
    assert.deepEqual([ended.code, ended.stderr], [0, ''], file);
    const [row = {}] = await bench.rows(
      `SELECT ${names.map((name) => `toString(${name}) AS ${name}`).join(', ')} FROM ${table}`,
    );
    for (const [index, [text, type, expected]] of loaded.entries())
      assert.equal(row[`c${index}`], expected, `${file}: ${text} into ${type}`);
  }
});

test('lists, maps and tuples in text that ClickHouse would read as others are refused', async () => {
  for (const [text, type] of LISTS.filter(([, , expected]) => expected === null)) {
    const table = `refused_${named(type)}`;
    await queryRows(bench.clickhouse, `CREATE TABLE IF NOT EXISTS ${table} (a ${type}, z Int8) ENGINE = Memory`);
    const file = await bench.write('lists.csv', `a,z\n"${text.replaceAll('"', '""')}",1\n`);
    const ended = await bench.load(file, table);
    assert.equal(ended.code, 65, `${text} into ${type}: ${ended.stderr}`);
    assert.match(ended.stderr, /row 1, column 'a': expected .*, found /, text);
  }
  const file = await bench.writeSelect('lists.parquet', `SELECT '[1,,2]' AS a, 1 AS z`, 'Parquet');
  const ended = await bench.load(file, 'refused_Array_Int32_');
  assert.match(ended.stderr, /row 1, column 'a': expected Array\(Int32\), found '\[1,,2\]'/);
});

test('what a table made of lists and objects would lose is text in it', async () => {
  const objects = [
    { a: { day: '01/02/2024', n: 1 }, b: [{ t: '2023-02-30', f: 1.5 }], c: [true, 1], d: { k: ['2024-01-31'] } },
    { a: { day: '01/31/2024', n: 2 }, b: [], c: [0], d: { k: [] } },
  ];
  await check({
    file: [
      'lossy.jsonl',
      `${objects.map((object) => JSON.stringify(object)).join('\n')}\n{"e":[1e400,0.12345678901234567891]}\n`,
    ],
    columns: null,
    expected: [
      { ...objects[0], c: ['true', '1'], e: [] },
      { ...objects[1], c: ['0'], e: [] },
      { a: { day: null, n: null }, b: [], c: [], d: { k: [] }, e: ['1e400', '0.12345678901234567891'] },
    ],
  });
  await check({
    file: ['lossy.csv', `a,b\n"[1,,2]","[1,2]"\n"[0.12345678901234567891]","[3]"\n`],
    columns: null,
    expected: [
      { a: '[0.12345678901234567891]', b: [3] },
      { a: '[1,,2]', b: [1, 2] },
    ],
  });
});

function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

test('behind the sample a changed number is an error, and another spelling of one is not', async () => {
  const many = '2024-01-01,5\n'.repeat(90_000);
  const before1970 = ['behind.csv', `d,n\n${many}1965-05-05,5\n`] as const;
  await check({ file: before1970, columns: null, expected: /row 90001, column 'd': .*found '1965-05-05'/ });
  const spelled = await bench.write('spelled-behind.csv', `d,n\n${many}2024-01-01,007\n`);
  const ended = await bench.load(spelled, 'spelled_behind', ['--create-table']);
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(await bench.rows('SELECT count() AS rows FROM spelled_behind WHERE n = 7'), [{ rows: 1 }]);
});

test('a struct that gains a field is refused in every format that has structs, and in lists', async () => {
  await queryRows(bench.clickhouse, 'CREATE TABLE gains (o Tuple(a Int64), l Array(Tuple(a Int64))) ENGINE = Memory');
  for (const [extension, format] of [
    ['parquet', 'Parquet'],
    ['arrow', 'Arrow'],
    ['orc', 'ORC'],
    ['avro', 'Avro'],
    ['jsonl', 'JSONEachRow'],
  ] as const) {
    const gained = "CAST((1, 'x'), 'Tuple(a Int64, b String)')";
    for (const [name, select] of [
      ['o', `SELECT ${gained} AS o, [CAST(tuple(1), 'Tuple(a Int64)')] AS l`],
      ['l', `SELECT CAST(tuple(1), 'Tuple(a Int64)') AS o, [${gained}] AS l`],
    ] as const) {
      const file = await bench.writeSelect(`gains-${name}.${extension}`, select, format);
      const ended = await bench.load(file, 'gains');
      assert.equal(ended.code, 65, `${extension} ${name}: ${ended.stderr}`);
      assert.match(ended.stderr, /'b'|'[ol]\.b'|all fields of '[ol]'/);
      const skipped = await bench.load(file, 'gains', ['--skip-unknown']);
      assert.equal(skipped.code, 0, `${extension} ${name}: ${skipped.stderr}`);
    }
  }
  assert.deepEqual(await bench.rows('SELECT count() AS n, sum(o.a) AS a, sum(l[1].a) AS l FROM gains'), [
    { n: 10, a: 10, l: 10 },
  ]);
});

test('dates of typed files go wherever there is room for them, also within lists, maps and structs', async () => {
  const days = [19_753, 2_932_896, -719_162];
  const dates = ['2024-01-31', '9999-12-31', '0001-01-01'];
  const one = (day: number): string => `addDays(toDate32('1970-01-01'), ${day})`;
  const select = days
    .map(
      (day, n) =>
        `SELECT ${n} AS n, ${one(day)} AS d, [${one(day)}] AS l, CAST(tuple(${one(day)}), 'Tuple(x Date32)') AS s, map('k', ${one(day)}) AS m`,
    )
    .join(' UNION ALL ');
  for (const [extension, format] of [
    ['parquet', 'Parquet'],
    ['arrow', 'Arrow'],
    ['orc', 'ORC'],
    ['avro', 'Avro'],
  ] as const) {
    const file = await bench.writeSelect(`days.${extension}`, `SELECT * FROM (${select}) ORDER BY n`, format);
    const into = async (type: string) => {
      const table = `days_${extension}_${type.replace(/\W/g, '')}`;
      const columns = `n Int32, d ${type}, l Array(${type}), s Tuple(x ${type}), m Map(String, ${type})`;
      await queryRows(bench.clickhouse, `CREATE TABLE ${table} (${columns}) ENGINE = Memory`);
      return { table, ended: await bench.load(file, table) };
    };
    for (const [type, expected] of [
      ['Date32', dates],
      ['String', dates],
      ["DateTime64(6, 'UTC')", dates.map((date) => `${date} 00:00:00.000000`)],
      ['Int32', days],
    ] as const) {
      const { table, ended } = await into(type);
      assert.deepEqual([ended.code, ended.stderr], [0, ''], `${extension} into ${type}`);
      const rows = await bench.rows(`SELECT d, l[1] AS l, s.x AS s, m['k'] AS m FROM ${table} ORDER BY n`);
      assert.deepEqual(
        rows,
        expected.map((d) => ({ d, l: d, s: d, m: d })),
      );
    }
    const { ended } = await into('Date');
    assert.equal(ended.code, 65, `${extension}: ${ended.stderr}`);
    assert.match(ended.stderr, /row 2, column '[dlsm]': expected .*Date.*, found .*9999-12-31/);
  }
});

test('whole numbers and fractions of typed files for a time of day, a short float or an Enum fit or are refused', async () => {
  for (const [name, value, type, expected] of [
    ['enum', 'toInt32(258)', ENUM, null],
    ['enum', 'toInt32(2)', ENUM, 'b'],
    ['enum', "'x'", ENUM, null],
    ['seconds', 'toInt32(5000000)', 'Time', null],
    ['seconds', 'toInt64(3601)', 'Time', '01:00:01'],
    ['seconds', 'toFloat64(5.5)', 'Time', null],
    ['text', "'25:61:61'", 'Time', null],
    ['double', 'toFloat64(0.1)', 'BFloat16', null],
    ['double', 'toFloat64(0.5)', 'BFloat16', 0.5],
    ['whole', 'toInt32(257)', 'BFloat16', null],
    ['id', 'toInt64(5)', 'UUID', null],
    ['address', 'toInt64(4294967297)', 'IPv4', null],
  ] as const) {
    const file = await bench.writeSelect(`${name}.parquet`, `SELECT ${value} AS a`, 'Parquet');
    const table = `narrow_${tables++}`;
    await queryRows(bench.clickhouse, `CREATE TABLE ${table} (a ${type}) ENGINE = Memory`);
    const ended = await bench.load(file, table);
    assert.equal(ended.code, expected === null ? 65 : 0, `${value} into ${type}: ${ended.stderr}`);
    if (expected === null) assert.match(ended.stderr, /(row 1, )?column 'a': expected /);
    assert.deepEqual(await bench.rows(`SELECT * FROM ${table}`), expected === null ? [] : [{ a: expected }]);
  }
});

test('a negative number of a format without unsigned types is none, also where ClickHouse means its largest by it', async () => {
  for (const [extension, format] of [
    ['orc', 'ORC'],
    ['avro', 'Avro'],
  ] as const) {
    for (const [value, found] of [
      ['toInt64(-2147483649)', '-2147483649'],
      ["toUInt64('18446744073709551615')", '-1'],
    ] as const) {
      const file = await bench.writeSelect(`signs.${extension}`, `SELECT ${value} AS a`, format);
      await checkFile(bench, {
        table: `foreign_values_${tables++}`,
        file,
        columns: 'a UInt64',
        expected: at(1, 'a', 'UInt64', `'${found}'`),
      });
    }
  }
});

test('text of a typed file that becomes JSON keeps its dates', async () => {
  const file = await bench.writeSelect('chosen.parquet', `SELECT '{"x":"2023-02-30"}' AS a`, 'Parquet');
  await checkFile(bench, { table: 'chosen', file, columns: 'a JSON', expected: [{ a: { x: '2023-02-30' } }] });
});
