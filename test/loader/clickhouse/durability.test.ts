import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableRow } from '../../../lib/loader/clickhouse/deduplication.js';
import { type Durability, durability } from '../../../lib/loader/clickhouse/durability.js';

function table(engine: string, settings = ''): TableRow {
  const statement = `CREATE TABLE d.t (\`a\` Int8) ENGINE = ${engine} ORDER BY a ${settings}`;
  return { database: 'd', name: 't', uuid: '', engine, statement, viewDatabases: [], views: [] };
}

const BOTH = 'SETTINGS fsync_after_insert = 1, fsync_part_directory = 1';
const DURABLE: Durability = { kind: 'durable', settings: {}, warning: null };

const CASES: readonly (readonly [what: string, table: TableRow, replicas: number, expected: Durability | RegExp])[] = [
  ['a table that was made so', table('MergeTree', BOTH), 0, DURABLE],
  ['a table of a cloud, in an object storage', table('SharedMergeTree'), 0, DURABLE],
  ['a replicated table of two', table('ReplicatedMergeTree', BOTH), 2, { ...DURABLE, settings: { insert_quorum: 2 } }],
  ['a replicated table of one', table('ReplicatedMergeTree', BOTH), 1, { kind: 'too-few-replicas', replicas: 1 }],
  [
    'another table',
    table('MergeTree'),
    0,
    /ALTER TABLE d\.t MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1 /,
  ],
  ['half of it', table('MergeTree', 'SETTINGS fsync_after_insert = 1'), 0, /MODIFY SETTING fsync_part_directory = 1 /],
  [
    'switched off',
    table('MergeTree', BOTH.replace('insert = 1', 'insert = 0')),
    0,
    /MODIFY SETTING fsync_after_insert = 1 /,
  ],
  ['a table of another kind', table('Distributed'), 0, /depends on the tables behind it/],
];

for (const [what, row, replicas, expected] of CASES) {
  test(`${what}: ${expected instanceof RegExp ? 'is warned of' : expected.kind}`, () => {
    const found = durability(row, replicas);
    if (expected instanceof RegExp) assert.match(String('warning' in found && found.warning), expected);
    else assert.deepEqual(found, expected);
  });
}
