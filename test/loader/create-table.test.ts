import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bench, startBench } from './as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const PROCESSES = 4;

for (const [what, args] of [
  ['inferred from each file', []],
  ['of a schema file', ['--schema-file', 'race.json']],
] as const) {
  test(`several processes create one table at once and every row arrives, with types ${what}`, async () => {
    const schema = await bench.write(
      'race.json',
      '{"process": "Int64", "MsgHeader.MessageTime": "DateTime", "Id": "String"}',
    );
    const given = args.map((arg) => (arg === 'race.json' ? schema : arg));
    for (let round = 0; round < 3; round++) {
      const table = `race_${args.length}_${round}`;
      const files = await Promise.all(
        Array.from({ length: PROCESSES }, (_, i) =>
          bench.write(
            `race-${i}.csv`,
            `process,MsgHeader.MessageTime,Id\n${`${i},2026-01-02 03:04:05,x\n`.repeat(100)}`,
          ),
        ),
      );
      const ended = await Promise.all(files.map((file) => bench.load(file, table, ['--create-table', ...given])));
      assert.deepEqual(
        ended.map(({ code, stderr }) => ({ code, stderr })),
        Array(PROCESSES).fill({ code: 0, stderr: '' }),
      );
      assert.deepEqual(
        await bench.rows(`SELECT process, count() AS n FROM ${table} GROUP BY process ORDER BY process`),
        Array.from({ length: PROCESSES }, (_, process) => ({ process, n: 100 })),
      );
    }
  });
}

test('processes that would create different tables at once agree on the one that is made first', async () => {
  const int = await bench.write('int.json', '{"a": "Int64"}');
  const text = await bench.write('text.json', '{"a": "String", "more": "Int8"}');
  const file = await bench.write('agree.csv', 'a\n17\n');
  const schemas = [int, text, int, text];
  const ended = await Promise.all(
    schemas.map((schema) => bench.load(file, 'agreed', ['--create-table', '--schema-file', schema])),
  );
  for (const { code, stderr } of ended) assert.equal(code, 0, stderr);
  assert.deepEqual(await bench.rows('SELECT toString(a) AS a, count() AS n FROM agreed GROUP BY a'), [
    { a: '17', n: 4 },
  ]);
  const types = await bench.rows("SELECT groupArray(type) AS types FROM system.columns WHERE table = 'agreed'");
  assert.ok(
    [['Int64'], ['String', 'Int8']].some((made) => String(made) === String(types[0]?.['types'])),
    JSON.stringify(types),
  );
});
