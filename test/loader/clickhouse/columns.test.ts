import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Column,
  columnName,
  type Matching,
  type MatchOptions,
  matchColumns,
  parseSchemaFile,
  sortingKey,
  type TableColumn,
  tableColumns,
} from '../../../lib/loader/clickhouse/columns.js';
import { baseType, isDateOrTime } from '../../../lib/loader/clickhouse/type-tree.js';

const TEXT: MatchOptions = {
  skipUnknown: false,
  format: 'csv',
  typed: false,
  open: false,
  byPosition: null,
  alsoNamed: [],
  reserved: new Set<string>(),
};

function columns(...names: string[]): Column[] {
  return names.map((name) => ({ name, type: 'String' }));
}

function table(...names: string[]): TableColumn[] {
  return names.map((name) => ({ name, type: 'Int64', kind: '' }));
}

test('dots become underscores and nothing else changes', () => {
  assert.equal(columnName('MsgHeader.MessageTime'), 'MsgHeader_MessageTime');
  assert.equal(columnName('Req.Header.user-agent'), 'Req_Header_user-agent');
  assert.equal(columnName('naïve `x`'), 'naïve `x`');
});

test('two columns that would become one are a clash', () => {
  assert.deepEqual(tableColumns(columns('a.b', 'c', 'a_b')), { kind: 'clash', names: ['a.b', 'a_b'], target: 'a_b' });
  const matching = matchColumns(columns('a.b', 'a_b'), table('a_b'), TEXT);
  assert.deepEqual(matching, { kind: 'clash', names: ['a.b', 'a_b'], target: 'a_b' });
});

test('columns are paired by their renamed names, in the order of the file', () => {
  assert.deepEqual(matchColumns(columns('z', 'a.b'), table('a_b', 'other', 'z'), TEXT), {
    kind: 'columns',
    columns: [
      { source: 'z', target: 'z', readAs: 'Nullable(String)', type: 'Int64', absent: 'refused' },
      { source: 'a.b', target: 'a_b', readAs: 'Nullable(String)', type: 'Int64', absent: 'refused' },
    ],
    skipped: [],
  });
});

test('a column that the table calls by the very same name, dots included, is that column', () => {
  const matching = matchColumns(columns('n.a'), table('n.a', 'n_a'), TEXT);
  assert.equal(matching.kind === 'columns' && matching.columns[0]?.target, 'n.a');
});

test('so it is where only a sample was seen, for the names of the schema and of the table', () => {
  const open: MatchOptions = { ...TEXT, open: true };
  const pairs = (matching: Matching) =>
    matching.kind === 'columns' ? matching.columns.map(({ source, target }) => [source, target]) : matching;
  const both = table('n_a', 'n.a', 'x');
  assert.deepEqual(pairs(matchColumns(columns('x'), both, open)), [
    ['x', 'x'],
    ['n_a', 'n_a'],
    ['n.a', 'n.a'],
  ]);
  assert.deepEqual(pairs(matchColumns(columns('x'), both, { ...open, alsoNamed: ['n.a'] })), [
    ['x', 'x'],
    ['n.a', 'n.a'],
    ['n_a', 'n_a'],
  ]);
  assert.deepEqual(pairs(matchColumns(columns('x'), table('n_a', 'x'), { ...open, alsoNamed: ['n.a'] })), [
    ['x', 'x'],
    ['n.a', 'n_a'],
  ]);
});

test('unknown columns are named unless they are to be skipped', () => {
  const file = columns('a', 'x.y', 'b');
  assert.deepEqual(matchColumns(file, table('a'), TEXT), { kind: 'unknown', names: ['x.y', 'b'] });
  const skipping = matchColumns(file, table('a'), { ...TEXT, skipUnknown: true });
  assert.deepEqual(skipping.kind === 'columns' && skipping.skipped, ['x.y', 'b']);
  assert.deepEqual(matchColumns(file, table('q'), { ...TEXT, skipUnknown: true }), { kind: 'none' });
});

test('columns that the table computes take no values', () => {
  const computed: TableColumn[] = [
    { name: 'a', type: 'Int64', kind: '' },
    { name: 'm', type: 'Int64', kind: 'MATERIALIZED' },
    { name: 'l', type: 'Int64', kind: 'ALIAS' },
    { name: 'e', type: 'Int64', kind: 'EPHEMERAL' },
  ];
  assert.deepEqual(matchColumns(columns('a', 'm', 'l', 'e'), computed, TEXT), { kind: 'unknown', names: ['m', 'l'] });
});

test('a typed file is read by its own types, a text file by those of the table', () => {
  const typed = matchColumns(columns('a'), table('a'), { ...TEXT, typed: true });
  assert.equal(typed.kind === 'columns' && typed.columns[0]?.readAs, 'String');
});

test('text for a column with a DEFAULT expression may be absent', () => {
  const types = ['Int64', 'Array(Int64)', 'Nullable(Int64)', 'LowCardinality(String)'];
  const withDefault = types.map((type, index): TableColumn => ({ name: `c${index}`, type, kind: 'DEFAULT' }));
  const matching = matchColumns(columns('c0', 'c1', 'c2', 'c3'), withDefault, TEXT);
  assert.deepEqual(matching.kind === 'columns' && matching.columns.map(({ readAs }) => readAs), [
    'Nullable(String)',
    'Nullable(String)',
    'Nullable(String)',
    'Nullable(String)',
  ]);
});

test('where only a sample was seen, later rows may use every column of the table and every name of the schema', () => {
  const matching = matchColumns(columns('a'), table('a', 'b', 'c_d'), { ...TEXT, open: true, alsoNamed: ['c.d', 'x'] });
  assert.deepEqual(matching.kind === 'columns' && matching.columns.map(({ source, target }) => [source, target]), [
    ['a', 'a'],
    ['c.d', 'c_d'],
    ['b', 'b'],
  ]);
});

test('a sample without any key leaves it to ClickHouse whether it is a row of defaults', () => {
  const matching = matchColumns([], table('a', 'b'), { ...TEXT, open: true });
  assert.equal(matching.kind === 'columns' && matching.columns.length, 2);
  assert.deepEqual(matchColumns([], table('a'), TEXT), { kind: 'none' });
});

test('the sorting key is time and id, else the first sortable column, else none', () => {
  const key = (...pairs: [string, string][]): readonly string[] =>
    sortingKey(pairs.map(([name, type]) => ({ name, type })));
  assert.deepEqual(key(['x', 'Int8'], ['Id', 'String'], ['MsgHeader_MessageTime', 'Nullable(DateTime)']), [
    'MsgHeader_MessageTime',
    'Id',
  ]);
  assert.deepEqual(key(['Id', 'Array(String)'], ['MsgHeader_MessageTime', 'DateTime']), ['MsgHeader_MessageTime']);
  assert.deepEqual(key(['a', 'Array(Int8)'], ['b', 'LowCardinality(Nullable(String))'], ['c', 'Int8']), ['b']);
  assert.deepEqual(key(['a', 'Map(String, String)'], ['b', 'Tuple(x Int8)'], ['j', 'JSON']), []);
});

test('types are looked at without their wrappers', () => {
  assert.equal(baseType('LowCardinality(Nullable(FixedString(3)))'), 'FixedString(3)');
  for (const type of ['Date', 'Date32', "DateTime('UTC')", 'Nullable(DateTime64(3))'])
    assert.ok(isDateOrTime(type), type);
  for (const type of ['String', 'Array(Date)', 'Dates']) assert.ok(!isDateOrTime(type), type);
});

test('a schema file keeps the order and the names of its columns', () => {
  assert.deepEqual(parseSchemaFile('{"MsgHeader.MessageTime": "DateTime64(3, \'UTC\')", "Id": " String "}'), {
    kind: 'columns',
    columns: [
      { name: 'MsgHeader.MessageTime', type: "DateTime64(3, 'UTC')" },
      { name: 'Id', type: 'String' },
    ],
  });
});

const INVALID_SCHEMAS: readonly (readonly [text: string, reason: RegExp])[] = [
  ['{', /not JSON/],
  ['[]', /not a JSON object/],
  ['null', /not a JSON object/],
  ['{}', /names no column/],
  ['{"": "String"}', /empty name/],
  ['{"a": 5}', /type of 'a' is 5/],
  ['{"a": ""}', /type of 'a'/],
  ['{"a": "String) ENGINE = Memory --"}', /type of 'a'/],
  ['{"a": "String, b Int64"}', /type of 'a'/],
  ['{"a": "Array(String"}', /type of 'a'/],
  ['{"a": "Tuple(x Int8) b (Int8)"}', /type of 'a'/],
  ['{"a": "Enum(\'x\'); DROP"}', /type of 'a'/],
  ['{"a.b": "Int8", "a_b": "Int8"}', /'a\.b' and 'a_b' both become column 'a_b'/],
];

test('an unusable schema file says why', () => {
  for (const [text, reason] of INVALID_SCHEMAS) {
    const schema = parseSchemaFile(text);
    assert.equal(schema.kind, 'invalid', text);
    if (schema.kind === 'invalid') assert.match(schema.reason, reason);
  }
});

test('every usual type is accepted in a schema file', () => {
  const types = [
    'String',
    'Nullable(Float64)',
    "Enum8('a)' = 1, 'b''' = 2)",
    'Tuple(a Int8, `b)` Map(String, Array(UInt8)))',
  ];
  for (const type of types) assert.equal(parseSchemaFile(JSON.stringify({ a: type })).kind, 'columns', type);
});
