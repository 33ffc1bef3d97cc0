import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deduplicationWarning } from '../../../lib/loader/clickhouse/table-statements.js';

const CASES: readonly [what: string, engine: string, warns: boolean][] = [
  ['a plain MergeTree', 'MergeTree ORDER BY Id SETTINGS index_granularity = 8192', true],
  ['one of its family', 'ReplacingMergeTree ORDER BY Id', true],
  ['one with the window switched off', 'MergeTree SETTINGS non_replicated_deduplication_window = 0', true],
  ['one with a window', 'MergeTree SETTINGS non_replicated_deduplication_window = 100', false],
  ['a replicated one', "ReplicatedMergeTree('/t', 'r') ORDER BY Id", false],
  ['a shared one', 'SharedMergeTree ORDER BY Id', false],
  ['another engine', "Distributed('c', 'd', 't')", false],
];

for (const [what, engine, warns] of CASES) {
  test(`${what} ${warns ? 'is warned of' : 'is fine'}`, () => {
    const statement = `CREATE TABLE atd.t\n(\n    \`Id\` Int64\n)\nENGINE = ${engine}`;
    assert.equal(deduplicationWarning('atd.t', statement) !== null, warns);
  });
}
