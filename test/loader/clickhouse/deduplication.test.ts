import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  blockToken,
  deduplicationSettings,
  readVersion,
  repetitionWarnings,
  type Server,
  settingsOf,
  type TableRow,
  targetOf,
  unrepeatable,
} from '../../../lib/loader/clickhouse/deduplication.js';

/** What tables remember is under these names: another spelling would load every file again that is repeated after an upgrade. */
const TOKENS: readonly (readonly [token: string, generation: number, batch: number, exact: boolean, sent: string])[] = [
  ['atd-topic/0/17/0@1700000000000', 0, 10_000, true, 'atd-topic/0/17/0@1700000000000/10000'],
  ['atd-topic/0/17/0@1700000000000', 0, 10_000, false, 'atd-topic/0/17/0@1700000000000/10000/at-least'],
  ['t', 0, 1, true, 't/1'],
  ['t', 1, 1, true, 't/1/generation-1'],
  ['t', 12, 500, false, 't/500/at-least/generation-12'],
];

for (const [token, generation, batch, exact, sent] of TOKENS) {
  test(`the blocks of ${token}, generation ${generation}, are known as ${sent}`, () => {
    assert.equal(blockToken({ token, generation }, batch, exact), sent);
  });
}

const SERVER: Server = { version: [26, 7], knownSettings: [], replicatedSeconds: 3600 };

test('a server is sent what it knows, by its version and its settings', () => {
  const sent = (version: Server['version'], ...knownSettings: string[]): unknown =>
    deduplicationSettings('t/1', { ...SERVER, version, knownSettings });
  const always = { insert_deduplicate: 1, insert_deduplication_token: 't/1', insert_distributed_one_random_shard: 0 };
  const views = { deduplicate_blocks_in_dependent_materialized_views: 1 };
  assert.deepEqual(sent(null), always);
  for (const old of [
    [23, 10],
    [24, 7],
  ] as const)
    assert.deepEqual(sent(old), always);
  for (const newer of [
    [24, 8],
    [24, 12],
    [25, 1],
  ] as const)
    assert.deepEqual(sent(newer), { ...always, ...views });
  assert.deepEqual(sent([26, 7], 'deduplicate_insert', 'deduplicate_insert_select'), {
    ...{ ...always, ...views },
    ...{ deduplicate_insert: 'enable', deduplicate_insert_select: 'enable_even_for_bad_queries' },
  });
});

test('a version says which settings it knows, but for some', () => {
  const known = (version: string): unknown => settingsOf(readVersion({ version }));
  assert.deepEqual(known('23.10.1.1'), []);
  assert.deepEqual(known('25.11.2.3'), []);
  assert.equal(known('25.12.1.1'), null);
  assert.equal(known('26.1.1.1'), null);
  assert.deepEqual(known('26.2.1.106'), ['deduplicate_insert', 'deduplicate_insert_select']);
  assert.deepEqual(known('none'), []);
});

const NO_UUID = '00000000-0000-0000-0000-000000000000';

function row(name: string, engine: string, rest: string, changes: Partial<TableRow> = {}): TableRow {
  const kind = engine === 'MaterializedView' ? 'MATERIALIZED VIEW' : 'TABLE';
  const statement = `CREATE ${kind} d.${name} ${rest}`;
  return { database: 'd', name, uuid: NO_UUID, engine, statement, viewDatabases: [], views: [], ...changes };
}

function table(name: string, engine: string, settings = ''): TableRow {
  return row(name, engine.replace(/\(.*/, ''), `(\`Id\` Int64) ENGINE = ${engine} ORDER BY Id ${settings}`);
}

function view(name: string, to: string): TableRow {
  return row(name, 'MaterializedView', `TO d.${to} (\`Id\` Int64) AS SELECT Id FROM d.t`);
}

const WINDOW = 'SETTINGS non_replicated_deduplication_window = 100';

const TARGETS: readonly (readonly [what: string, found: TableRow, target: readonly [string, string] | null])[] = [
  ['a view of a table', view('v', 'x'), ['d', 'x']],
  [
    'a name in quotes',
    row('v', 'MaterializedView', '', {
      statement: 'CREATE MATERIALIZED VIEW `a b`.v TO `a b`.`x\\`z` (…) AS SELECT 1',
    }),
    ['a b', 'x`z'],
  ],
  [
    'a view with a table of its own',
    row('v', 'MaterializedView', '(`Id` Int64) ENGINE = MergeTree'),
    ['d', '.inner.v'],
  ],
  [
    'the same in an Atomic database',
    row('v', 'MaterializedView', '(`Id` Int64) ENGINE = MergeTree', { uuid: '1-2' }),
    ['d', '.inner_id.1-2'],
  ],
  [
    'a view that is refreshed',
    row('v', 'MaterializedView', 'REFRESH EVERY 1 HOUR TO d.x (`Id` Int64) AS SELECT 1'),
    null,
  ],
  ['a table', table('t', 'MergeTree'), null],
];

for (const [what, found, target] of TARGETS) {
  test(`the target of ${what} is ${target === null ? 'none' : target.join('.')}`, () => {
    assert.deepEqual(targetOf(found), target);
  });
}

const SHARED_OUT: readonly (readonly [engine: string, by: string | null])[] = [
  ["Distributed('c', 'd', 'x', rand())", 'rand'],
  ["Distributed('c', 'd', 'x', intDiv(randConstant(), 2), 'policy')", 'randConstant'],
  ["Distributed('c', 'd', 'x', toUnixTimestamp(now()))", 'now'],
  ["Distributed('c', 'd', 'x', cityHash64(Id))", null],
  ["Distributed('c', 'd', 'x', Id)", null],
  ["Distributed('rand()', 'd', 'x')", null],
  ['MergeTree', null],
];

for (const [engine, by] of SHARED_OUT) {
  test(`a token for ${engine} is ${by === null ? 'sent' : `refused for ${by}`}`, () => {
    const why = unrepeatable(table('t', engine));
    if (by === null) assert.equal(why, null);
    else assert.match(why ?? '', new RegExp(`by ${by}\\(\\)`));
  });
}

/** With the columns that say which load a row is of. */
function noted(name: string, engine: string, key: string): TableRow {
  const columns = '(`Id` Int64, `_load_id` UUID, `_loaded_at` DateTime64(3) DEFAULT now64(3))';
  return row(name, engine.replace(/\(.*/, ''), `${columns} ENGINE = ${engine} ${key}`);
}

test('a token is refused where rows are shared out by the time of the attempt', () => {
  const why = (by: string): string | null => unrepeatable(noted('t', `Distributed('c', 'd', 'x', ${by})`, ''));
  assert.match(why('toUnixTimestamp(_loaded_at)') ?? '', /by _loaded_at, which is another one in each attempt/);
  assert.equal(why('cityHash64(_load_id)'), null);
});

const BY_ATTEMPT = `PARTITION BY toYYYYMM(_loaded_at) ORDER BY Id ${WINDOW}`;
const BY_DAY = `PARTITION BY toDate(not_loaded_at) PRIMARY KEY Id ORDER BY (Id, _loaded_at) ${WINDOW}`;

const TWO = [table('t', 'MergeTree', WINDOW), view('v', 'x'), view('w', 'x')];

const CASES: readonly (readonly [
  what: string,
  rows: readonly TableRow[],
  changes: Partial<Server>,
  warns: readonly RegExp[],
])[] = [
  ['a plain MergeTree', [table('t', 'MergeTree')], {}, [/^table d\.t remembers no insert, .* = 10000 changes that$/]],
  ['one of its family', [table('t', 'ReplacingMergeTree')], {}, [/remembers no insert/]],
  ['a window of 0', [table('t', 'MergeTree', WINDOW.replace('100', '0'))], {}, [/remembers no insert/]],
  ['a table with a window', [table('t', 'MergeTree', WINDOW)], {}, []],
  ['a Distributed table', [table('t', "Distributed('c', 'd', 'x')")], {}, []],
  ['a table that may not be seen', [], {}, []],
  [
    'a replicated table of a new server',
    [table('t', "ReplicatedMergeTree('/t', 'r')")],
    {},
    [/^table d\.t remembers an insert for 3600 seconds, .* replicated_deduplication_window_seconds = 604800 changes/],
  ],
  ['a replicated table of an old server', [table('t', 'ReplicatedMergeTree')], { replicatedSeconds: 604_800 }, []],
  [
    'a replicated table that says a week',
    [table('t', 'SharedMergeTree', 'SETTINGS replicated_deduplication_window_seconds = 604800')],
    ...([{}, []] as const),
  ],
  [
    'a view into a table without a window',
    [table('t', 'MergeTree', WINDOW), view('v', 'x'), table('x', 'MergeTree')],
    ...([{}, [/^table d\.x, which view d\.v fills, remembers no insert/]] as const),
  ],
  [
    'a view into a table with one',
    [table('t', 'MergeTree', WINDOW), view('v', 'x'), table('x', 'MergeTree', WINDOW)],
    {},
    [],
  ],
  [
    'partitions by the time of the attempt',
    [noted('t', 'MergeTree', BY_ATTEMPT)],
    ...([{}, [/^the partitions of table d\.t are by _loaded_at, .* doubles its rows/]] as const),
  ],
  [
    'the same behind a view',
    [noted('t', 'MergeTree', BY_DAY), view('v', 'x'), noted('x', 'ReplacingMergeTree(Id)', BY_ATTEMPT)],
    ...([{}, [/^the partitions of table d\.x are by _loaded_at/]] as const),
  ],
  ['partitions by another time', [noted('t', 'MergeTree', BY_DAY)], {}, []],
  [
    "a column of the file's of that name",
    [row('t', 'MergeTree', `(\`_loaded_at\` DateTime) ENGINE = MergeTree ${BY_ATTEMPT}`)],
    ...([{}, []] as const),
  ],
  ['two views into one table', [...TWO, table('x', 'MergeTree', WINDOW)], {}, []],
  [
    'the same before 24.8',
    [...TWO, table('x', 'MergeTree', WINDOW)],
    ...([
      { version: [24, 7] },
      [/^views d\.v and d\.w fill one table, d\.x, .* rows are lost there; upgrade/],
    ] as const),
  ],
  [
    'the same into a table that forgets',
    [...TWO, table('x', 'MergeTree')],
    ...([{ version: [23, 10] }, [/^table d\.x, which view d\.v and d\.w fills, remembers no insert/]] as const),
  ],
  ['the same of a version that is not known', [...TWO, table('x', 'MergeTree', WINDOW)], { version: null }, []],
];

for (const [what, rows, changes, warns] of CASES) {
  test(`${what}: ${warns.length === 0 ? 'no warning' : String(warns)}`, () => {
    const warnings = repetitionWarnings(['d', 't'], rows, { ...SERVER, ...changes });
    assert.equal(warnings.length, warns.length, warnings.join('\n'));
    for (const [index, expected] of warns.entries()) assert.match(warnings[index] ?? '', expected);
  });
}
