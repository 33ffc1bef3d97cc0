import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadedColumn } from '../../../lib/loader/clickhouse/columns.js';
import { insertRecords } from '../../../lib/loader/clickhouse/insert-statement.js';
import { quoteIdentifier, quoteString } from '../../../lib/loader/clickhouse/quoting.js';
import * as sql from '../../../lib/loader/clickhouse/sql.js';
import { FORMATS, type Format } from '../../../lib/loader/file/formats.js';
import type { TableName } from '../../../lib/loader/options/options.js';

const STRICT = { rounding: false, nullAsDefault: false, skipUnknown: false };
const TABLE: TableName = { database: null, table: 'atd_acme' };

function format(name: string): Format {
  const found = FORMATS.find((candidate) => candidate.name === name);
  assert.ok(found);
  return found;
}

function create(columns: readonly (readonly [name: string, type: string])[], ttlHours: number | null = null): string {
  const made = sql.createTableStatement(
    TABLE,
    columns.map(([name, type]) => ({ name, type })),
    ttlHours,
  );
  return made.kind === 'statement' ? made.sql : made.kind;
}

test('identifiers and strings are quoted whatever they contain', () => {
  assert.equal(quoteIdentifier('user-agent'), '`user-agent`');
  assert.equal(quoteIdentifier('a`b\\c'), '`a\\`b\\\\c`');
  assert.equal(quoteString("it's \\ `x`"), "'it\\'s \\\\ `x`'");
  assert.equal(sql.quoteTable({ database: 'd', table: 't' }), '`d`.`t`');
});

test('an insert reads the columns by the names of the file and writes them by those of the table', () => {
  const TIME = "DateTime('UTC')";
  const columns: readonly LoadedColumn[] = [
    { source: 'MsgHeader.MessageTime', target: 'MsgHeader_MessageTime', readAs: TIME, type: TIME, absent: 'refused' },
    { source: 'a`b', target: 'a`b', readAs: 'String', type: 'String', absent: 'refused' },
  ];
  assert.equal(
    insertRecords(sql.quoteTable(TABLE), columns, format('parquet'), STRICT, 1_000),
    'INSERT INTO `atd_acme` (`MsgHeader_MessageTime`, `a\\`b`) SELECT * FROM ' +
      "input('`MsgHeader.MessageTime` DateTime(\\'UTC\\'), `a\\\\`b` String') FORMAT Parquet",
  );
});

test('columns that are converted alike are put into lists where the file is small for the columns that it has', () => {
  const statement = (count: number, bytes: number, readAs = 'Nullable(String)'): string => {
    const columns = Array.from({ length: count }, (_, index): LoadedColumn => {
      const name = `c${index}`;
      return { source: name, target: name, readAs, type: 'Int64', absent: 'refused' };
    });
    return insertRecords(sql.quoteTable(TABLE), columns, format('tsv'), STRICT, bytes);
  };
  const lists = /arrayMap\(\(v, n\) -> .*\[`c0`, `c1`, .*\] AS atd_list_0/;
  assert.match(statement(20, 1_000), lists);
  assert.match(statement(20, 2_000_000), lists);
  assert.doesNotMatch(statement(20, 3_000_000), /arrayMap/);
  assert.match(statement(30, 3_000_000), lists);
  assert.match(statement(300, 3_000_000_000), lists);
  assert.doesNotMatch(statement(8, 1_000), /arrayMap/);
  assert.doesNotMatch(statement(20, 1_000, 'Int64'), /arrayMap/, 'nothing is to be said of these');
});

test('a value that may not fit is looked at, beside the values, so that no row is left out', () => {
  const statement = (readAs: string, type: string): string =>
    insertRecords(
      sql.quoteTable(TABLE),
      [{ source: 'a.b', target: 'a_b', readAs, type, absent: 'refused' }],
      format('parquet'),
      STRICT,
      1_000,
    );
  assert.match(statement('Int64', 'Int64'), /\) SELECT \* FROM input\(/);
  const guarded = statement('Int64', 'UInt8');
  assert.match(guarded, /WITH \(x -> accurateCastOrNull\(x, 'UInt8'\)\) AS f0, /);
  assert.match(
    guarded,
    / SELECT tupleElement\(tuple\(assumeNotNull\(f0\(`a\.b`\)\), ignore\(bad\(0, toString\(`a\.b`\), isNotNull\(f0\(`a\.b`\)\)\)\)\), 1\) FROM /,
  );
  assert.match(
    guarded,
    / FROM \(SELECT \*, rowNumberInAllBlocks\(\) AS atd_row_number FROM input\(.*\)\) FORMAT Parquet$/,
  );
  assert.match(
    statement('Nullable(Int64)', 'LowCardinality(Int64)'),
    /bad\(0, toString\(`a\.b`\), isNotNull\(`a\.b`\)\)/,
  );
});

const INSERT: sql.InsertOptions = {
  format: format('csv'),
  columns: [],
  batchSize: 500,
  promises: {},
  skipUnknown: false,
  nullAsDefault: false,
  known: sql.NEWER_SETTINGS[0] ?? {},
  statementBytes: 100,
};

test('a ClickHouse that cannot cut blocks exactly is not asked to', () => {
  assert.ok(!('use_strict_insert_block_limits' in sql.insertSettings({ ...INSERT, known: {} })));
});

test('blocks are closed by their rows alone, in one thread, so that a token finds the same blocks again', () => {
  const settings = sql.insertSettings({ ...INSERT, promises: { insert_deduplicate: 1 } });
  assert.equal(settings['insert_deduplicate'], 1);
  for (const name of [
    'max_block_size',
    'max_insert_block_size',
    'min_insert_block_size_rows',
    'input_format_parquet_max_block_size',
  ])
    assert.equal(settings[name], 500, name);
  for (const name of [
    'max_threads',
    'max_insert_threads',
    'max_parsing_threads',
    'input_format_parquet_preserve_order',
    'use_strict_insert_block_limits',
  ])
    assert.equal(settings[name], 1, name);
  for (const name of ['min_insert_block_size_bytes', 'input_format_parallel_parsing', 'async_insert'])
    assert.equal(settings[name], 0, name);
});

test('large blocks are read in pieces where ClickHouse cuts them to the row, and whole where it does not', () => {
  const read = (known: sql.Settings | undefined) => {
    const settings = sql.insertSettings({ ...INSERT, batchSize: 1_000_000, known: known ?? {} });
    return [
      settings['max_block_size'],
      settings['input_format_parquet_max_block_size'],
      settings['max_insert_block_size'],
    ];
  };
  assert.deepEqual(read(sql.NEWER_SETTINGS[0]), [65_409, 65_409, 1_000_000]);
  assert.deepEqual(read(sql.NEWER_SETTINGS[1]), [1_000_000, 1_000_000, 1_000_000]);
});

test('a tuple in CSV is one field, which only tables with a tuple need say', () => {
  const name = 'input_format_csv_deserialize_separate_columns_into_tuple';
  const columns: readonly LoadedColumn[] = [
    { source: 'a', target: 'a', readAs: 'Nullable(Tuple(x Int8))', type: 'Tuple(x Int8)', absent: 'refused' },
  ];
  assert.equal(sql.insertSettings({ ...INSERT, columns })[name], 0);
  assert.ok(!(name in sql.insertSettings({ ...INSERT, columns, format: format('tsv') })));
  assert.ok(!(name in sql.insertSettings(INSERT)));
});

test('without a token nothing is said about deduplication', () => {
  const settings = sql.insertSettings({ ...INSERT, skipUnknown: true });
  assert.ok(!Object.keys(settings).some((name) => name.includes('dedup')));
  assert.equal(settings['input_format_skip_unknown_fields'], 1);
});

test('a created table is sorted by time and id and remembers blocks for deduplication', () => {
  assert.equal(
    create([
      ['x-y', 'Int8'],
      ['Id', 'String'],
      ['MsgHeader_MessageTime', 'DateTime'],
    ]),
    'CREATE TABLE IF NOT EXISTS `atd_acme` (`x-y` Int8, `Id` String, `MsgHeader_MessageTime` DateTime) ENGINE = MergeTree ' +
      'ORDER BY (`MsgHeader_MessageTime`, `Id`) SETTINGS non_replicated_deduplication_window = 10000, ' +
      'replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800',
  );
});

test('a table is made as it is asked for, on each node of a cluster', () => {
  const columns = [
    { name: 'id', type: 'Nullable(Int8)' },
    { name: 'id2', type: 'Int8' },
  ];
  const making = {
    engine: 'ReplicatedMergeTree',
    orderBy: 'id2',
    partitionBy: 'id2 % 2',
    onCluster: '{cluster}',
    durable: true,
    provenance: false,
  };
  const made = sql.createTableStatement(TABLE, columns, null, making);
  const statement = made.kind === 'statement' ? made.sql : '';
  assert.match(statement, /^CREATE TABLE IF NOT EXISTS `atd_acme` ON CLUSTER '\{cluster\}' \(`id` /);
  assert.match(statement, / ENGINE = ReplicatedMergeTree PARTITION BY \(id2 % 2\) ORDER BY \(id2\) SETTINGS /);
  assert.match(statement, /, fsync_after_insert = 1, fsync_part_directory = 1$/, 'no key of it may be NULL');
  const nullable = sql.createTableStatement(TABLE, columns, null, { ...making, orderBy: 'cityHash64(id)' });
  assert.match(nullable.kind === 'statement' ? nullable.sql : '', /allow_nullable_key = 1$/);
});

test('a key that may be NULL is allowed and a table without a sortable column has none', () => {
  assert.match(create([['a', 'Nullable(String)']]), /ORDER BY \(`a`\) SETTINGS .*, allow_nullable_key = 1$/);
  assert.match(create([['a', 'Array(String)']]), /ORDER BY \(\) SETTINGS/);
});

test('rows expire by the message time, and never without one', () => {
  assert.match(
    create([['MsgHeader_MessageTime', 'DateTime64(3)']], 24),
    / TTL toDateTime\(`MsgHeader_MessageTime`\) \+ toIntervalHour\(24\) SETTINGS/,
  );
  assert.match(
    create([['MsgHeader_MessageTime', 'Nullable(DateTime)']], 24),
    / TTL if\(isNull\(`MsgHeader_MessageTime`\), toDateTime\(0\), toDateTime\(assumeNotNull\(/,
  );
  assert.equal(create([['MsgHeader_MessageTime', 'String']], 24), 'no-time-column');
  assert.equal(create([['Id', 'String']], 24), 'no-time-column');
});

test('a sample travels as base64, so that no byte of it is taken for the statement', () => {
  assert.equal(
    sql.describeSample(format('parquet'), Buffer.from("PAR1')")),
    "DESCRIBE TABLE format(Parquet, base64Decode('UEFSMScp'))",
  );
});
