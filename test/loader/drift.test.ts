/** Columns that become wider in the life of a table: the message names both types, and the statement that it names helps. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bench, startBench } from './as-cli.js';

let bench: Bench;
let tables = 0;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

interface Drift {
  readonly what: string;
  readonly extension: string;
  readonly first: string;
  readonly later: string;
  readonly types: RegExp;
  readonly value: unknown;
}

const DRIFTS: readonly Drift[] = [
  {
    what: 'integers, then fractions in CSV',
    extension: 'csv',
    first: 'k,v\na,1\n',
    later: 'k,v\nb,10.5\n',
    types: /row 1, column 'v': expected Nullable\(Int64\), found '10\.5' \(Float64\)/,
    value: 10.5,
  },
  {
    what: 'integers, then fractions in JSON lines',
    extension: 'jsonl',
    first: '{"k":"a","v":1}\n',
    later: '{"k":"b","v":10.5}\n',
    types: /expected Nullable\(Int64\), found '10\.5' \(Float64\)/,
    value: 10.5,
  },
  {
    what: 'integers, then NaN',
    extension: 'csv',
    first: 'k,v\na,1\n',
    later: 'k,v\nb,NaN\n',
    types: /expected Nullable\(Int64\), found 'NaN' \(Float64\)/,
    value: null,
  },
  {
    what: 'dates, then times',
    extension: 'csv',
    first: 'k,v\na,2024-01-01\n',
    later: 'k,v\nb,2024-01-02 10:11:12\n',
    types: /expected Nullable\(Date\), found '2024-01-02 10:11:12' \(DateTime64\(3\)\)/,
    value: '2024-01-02 10:11:12.000',
  },
  {
    what: 'times, then fractions of a second',
    extension: 'jsonl',
    first: '{"k":"a","v":"2024-01-01 10:11:12"}\n',
    later: '{"k":"b","v":"2024-01-02 10:11:12.123456"}\n',
    types: /expected Nullable\(DateTime\), found '2024-01-02 10:11:12\.123456' \(DateTime64\(6\)\)/,
    value: '2024-01-02 10:11:12.123456',
  },
];

for (const { what, extension, first, later, types, value } of DRIFTS) {
  test(what, async () => {
    const table = `drift_${tables++}`;
    const made = /Nullable\((\w+)\)/.exec(types.source.replaceAll('\\', ''))?.[1];
    await bench.rows(`CREATE TABLE ${table} (k String, v Nullable(${made})) ENGINE = MergeTree ORDER BY k`);
    const load = async (content: string) =>
      await bench.load(await bench.write(`${table}.${extension}`, content), table);
    assert.equal((await load(first)).code, 0);
    const refused = await load(later);
    assert.equal(refused.code, 65, refused.stderr);
    assert.match(refused.stderr, types);
    const statement = /(ALTER TABLE .*?) \(unless it is a sorting key\)/.exec(refused.stderr)?.[1];
    assert.ok(statement, refused.stderr);
    await bench.rows(statement);
    const again = await load(later);
    assert.deepEqual([again.code, again.stderr], [0, '']);
    assert.deepEqual(await bench.rows(`SELECT v FROM ${table} WHERE k = 'b'`), [{ v: value }]);
  });
}

test('a file that drifts behind its sample names what to write into a schema file', async () => {
  const content = `v\n${'17\n'.repeat(400_000)}10.5\n`;
  const file = await bench.write('behind.csv', content);
  const refused = await bench.load(file, 'drift_behind', ['--create-table']);
  assert.equal(refused.code, 65, refused.stderr);
  const schema = /give a --schema-file with (\{.*?\})/.exec(refused.stderr)?.[1] ?? '';
  const args = ['--create-table', '--schema-file', await bench.write('behind.json', schema)];
  const loaded = await bench.load(file, 'drift_behind', args);
  assert.deepEqual([loaded.code, loaded.stderr], [0, '']);
  assert.deepEqual(await bench.rows('SELECT max(v) AS most, countIf(v = 10.5) AS n FROM drift_behind'), [
    { most: 17, n: 1 },
  ]);
});
