import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { type Bench, type Ended, startBench } from '../as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

const EVENTS = `SELECT toDateTime('2026-01-02 03:04:05', 'UTC') + number AS \`MsgHeader.MessageTime\`,
  concat('id-', toString(number)) AS Id, number AS \`Req.Header.content-length\`, number / 2 AS half,
  if(number % 3 = 0, NULL, concat('it''s, "', toString(number), '" é')) AS \`HTTPReq.Query\`
  FROM numbers(2500)`;

const EXPECTED = {
  n: 2500,
  ids: 2500,
  lengths: (2499 * 2500) / 2,
  halves: (2499 * 2500) / 4,
  nulls: 834,
  first: '2026-01-02 03:04:05',
  seventh: 'it\'s, "7" é',
};

function succeeded(ended: Ended): void {
  assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
}

/** The one line on stderr; nothing is on stdout, and the password is nowhere. */
function failed(ended: Ended, code: number): string {
  assert.equal(ended.code, code, ended.stderr);
  assert.equal(ended.stdout, '');
  assert.match(ended.stderr, /^as-cli: [^\n]+; [^\n]+\n$/);
  assert.ok(!ended.stderr.includes(bench.clickhouse.password));
  return ended.stderr;
}

async function contents(table: string): Promise<unknown> {
  const [row] = await bench.rows(
    `SELECT count() AS n, uniqExact(Id) AS ids, sum(\`Req_Header_content-length\`) AS lengths, sum(half) AS halves,
       countIf(HTTPReq_Query IS NULL) AS nulls, toString(min(MsgHeader_MessageTime)) AS first,
       anyIf(HTTPReq_Query, Id = 'id-7') AS seventh FROM ${table}`,
  );
  // A time with fractions of a second is the same time.
  return { ...row, first: String(row?.['first']).replace(/\.0+$/, '') };
}

for (const [extension, format] of [
  ['parquet', 'Parquet'],
  ['csv', 'CSVWithNames'],
  ['jsonl', 'JSONEachRow'],
] as const) {
  test(`a ${format} file makes its table and every value is read back`, async () => {
    const file = await bench.writeSelect(`events.${extension}`, EVENTS, format);
    const ended = await bench.load(file, `made_${extension}`, ['--create-table']);
    succeeded(ended);
    assert.match(ended.stdout, /^Loaded 2500 rows \(\d+ bytes\) from \S+ into default\.made_\w+ in \d+\.\d\d s\n$/);
    assert.deepEqual(await contents(`made_${extension}`), EXPECTED);
    const [table] = await bench.rows(`SELECT sorting_key AS k FROM system.tables WHERE name = 'made_${extension}'`);
    assert.equal(table?.['k'], 'MsgHeader_MessageTime, Id');
  });

  test(`a ${format} file is cast to the types of a table made from a schema file`, async () => {
    const file = await bench.writeSelect(`cast.${extension}`, EVENTS, format);
    const schema = await bench.write(
      'schema.json',
      JSON.stringify({
        Id: 'String',
        'MsgHeader.MessageTime': "DateTime('UTC')",
        'Req.Header.content-length': 'Int64',
        half: 'Float32',
        'HTTPReq.Query': 'Nullable(String)',
        'Not.In.The.File': 'LowCardinality(String)',
      }),
    );
    const ended = await bench.load(file, `cast_${extension}`, ['--create-table', '--schema-file', schema, '--json']);
    succeeded(ended);
    const { rows, bytes, seconds, queryId, ...rest } = JSON.parse(ended.stdout) as Record<string, unknown>;
    assert.match(String(queryId), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    assert.deepEqual(rest, { table: `default.cast_${extension}`, file });
    assert.ok(rows === 2500 && Number(bytes) > 0 && Number(seconds) > 0, ended.stdout);
    assert.deepEqual(await contents(`cast_${extension}`), EXPECTED);
    const types = await bench.rows(
      `SELECT type FROM system.columns WHERE table = 'cast_${extension}' ORDER BY position`,
    );
    assert.deepEqual(
      types.map(({ type }) => type),
      ['String', "DateTime('UTC')", 'Int64', 'Float32', 'Nullable(String)', 'LowCardinality(String)'],
    );
  });
}

test('an existing table is never changed, whatever the schema file says', async () => {
  const file = await bench.write('kept.csv', 'a,b\n1,2\n');
  await bench.load(file, 'kept', ['--create-table']);
  const schema = await bench.write('other.json', '{"a": "String", "b": "String"}');
  succeeded(await bench.load(file, 'kept', ['--create-table', '--schema-file', schema]));
  const types = await bench.rows(`SELECT DISTINCT type FROM system.columns WHERE table = 'kept'`);
  assert.deepEqual(types, [{ type: 'Nullable(Int64)' }]);
  assert.deepEqual(await bench.rows('SELECT count() AS n FROM kept'), [{ n: 2 }]);
});

test('an absent column, field or value takes the default of the table', async () => {
  const schema = await bench.write('d.json', '{"a": "Int64"}');
  const first = await bench.write('first.csv', 'a\n0\n');
  await bench.load(first, 'defaults', ['--create-table', '--schema-file', schema]);
  await bench.rows("ALTER TABLE defaults ADD COLUMN b String DEFAULT 'none', ADD COLUMN c Int64 DEFAULT a * 10");
  const text = '{"a":1}\n{"a":2,"c":5}\n{"b":"x","a":3}\n';
  succeeded(await bench.load(await bench.write('d.jsonl', text), 'defaults'));
  succeeded(await bench.load(await bench.write('d.csv', 'c,a\n,4\n'), 'defaults'));
  const parquet = await bench.writeSelect('d.parquet', 'SELECT 5 AS a, NULL::Nullable(String) AS b', 'Parquet');
  succeeded(await bench.load(parquet, 'defaults'));
  assert.deepEqual(await bench.rows('SELECT a, b, c FROM defaults ORDER BY a'), [
    { a: 0, b: 'none', c: 0 },
    { a: 1, b: 'none', c: 10 },
    { a: 2, b: 'none', c: 5 },
    { a: 3, b: 'x', c: 30 },
    { a: 4, b: 'none', c: 40 },
    { a: 5, b: 'none', c: 50 },
  ]);
});

test('times in ISO 8601 are understood in every format', async () => {
  const schema = await bench.write('iso.json', '{"t": "DateTime64(3, \'UTC\')"}');
  const time = '2026-01-02T03:04:05.678Z';
  const files = [
    await bench.write('iso.csv', `t\n${time}\n`),
    await bench.write('iso.jsonl', `{"t":"${time}"}\n`),
    await bench.writeSelect('iso.parquet', `SELECT '${time}' AS t`, 'Parquet'),
  ];
  for (const file of files) succeeded(await bench.load(file, 'iso', ['--create-table', '--schema-file', schema]));
  assert.deepEqual(await bench.rows('SELECT toString(t) AS t, count() AS n FROM iso GROUP BY t'), [
    { t: '2026-01-02 03:04:05.678', n: 3 },
  ]);
});

test('an unknown column is named, and left out on request', async () => {
  const schema = await bench.write('u.json', '{"a": "Int64"}');
  const files = [
    await bench.write('u.csv', 'a,New.Column\n1,x\n'),
    await bench.write('u.jsonl', '{"a":1,"New.Column":"x"}\n'),
    await bench.writeSelect('u.parquet', "SELECT 1 AS a, 'x' AS `New.Column`", 'Parquet'),
  ];
  for (const file of files) {
    const made = ['--create-table', '--schema-file', schema];
    const line = failed(await bench.load(file, 'unknown', made), 65);
    assert.match(line, /table default\.unknown has no column for 'New\.Column'; .*--skip-unknown/);
    succeeded(await bench.load(file, 'unknown', [...made, '--skip-unknown']));
  }
  assert.deepEqual(await bench.rows('SELECT a, count() AS n FROM unknown GROUP BY a'), [{ a: 1, n: 3 }]);
});

test('a JSON field that appears only late in the file is loaded or named too', async () => {
  const many = '{"a":1,"text":"some text to fill the sample with"}\n'.repeat(30_000);
  const schema = await bench.write('late.json', '{"a": "Int64", "text": "String", "Late.Field": "String"}');
  const file = await bench.write('late.jsonl', `${many}{"a":2,"Late.Field":"here"}\n`);
  const made = ['--create-table', '--schema-file', schema];
  assert.match(failed(await bench.load(file, 'late', made), 65), /row 30001, column 'text': .*found no value/);
  succeeded(await bench.load(file, 'late_default', [...made, '--null-as-default']));
  assert.deepEqual(await bench.rows("SELECT a, Late_Field AS f FROM late_default WHERE f != ''"), [
    { a: 2, f: 'here' },
  ]);
  const unknown = await bench.write('late2.jsonl', `${many}{"a":2,"Never.Seen":"x"}\n`);
  assert.match(failed(await bench.load(unknown, 'late_default', ['--null-as-default']), 65), /Never\.Seen/);
});

test('rows of a created table expire by the message time', async () => {
  const file = await bench.writeSelect('ttl.parquet', EVENTS, 'Parquet');
  succeeded(await bench.load(file, 'ttl', ['--create-table', '--ttl-hours', '262800']));
  const [table] = await bench.rows("SELECT create_table_query AS q FROM system.tables WHERE name = 'ttl'");
  assert.match(String(table?.['q']), /TTL toDateTime\(MsgHeader_MessageTime\) \+ toIntervalHour\(262800\)/);
  const timeless = await bench.write('timeless.csv', 'a\n1\n');
  assert.match(
    failed(await bench.load(timeless, 'no_ttl', ['--create-table', '--ttl-hours', '5']), 64),
    /--ttl-hours needs/,
  );
});

test('a file without rows loads nothing and succeeds, but an empty Parquet file is broken', async () => {
  const files = [
    await bench.write('empty.csv', ''),
    await bench.write('empty.jsonl', ''),
    await bench.write('header.csv', 'a,b\n'),
    await bench.writeSelect('norows.parquet', 'SELECT 1 AS a WHERE 0', 'Parquet'),
    // Version 2, a schema of one root without children, no rows, no row groups.
    await bench.write(
      'nocolumns.parquet',
      Buffer.from('504152311502191c4806736368656d611500001600190c001400000050415231', 'hex'),
    ),
  ];
  for (const file of files) {
    const ended = await bench.load(file, 'nothing', ['--create-table', '--json']);
    succeeded(ended);
    assert.equal((JSON.parse(ended.stdout) as { rows: number }).rows, 0, file);
  }
  failed(await bench.load(await bench.write('empty.parquet', ''), 'nothing', ['--create-table']), 65);
});

test('bad data is bad data', async () => {
  const good = await bench.writeSelect('good.parquet', EVENTS, 'Parquet');
  succeeded(await bench.load(good, 'bad', ['--create-table']));
  const bytes = await readFile(good);
  const truncated = await bench.write('truncated.parquet', bytes.subarray(0, bytes.length - 100));
  assert.match(failed(await bench.load(truncated, 'bad'), 65), /truncated\.parquet: .*truncated/);
  const footer = Buffer.from(bytes);
  footer.fill(0xff, bytes.length - 300, bytes.length - 20);
  failed(await bench.load(await bench.write('footer.parquet', footer), 'bad'), 65);
  const pages = Buffer.from(bytes);
  pages.fill(0xa5, 4, Math.floor(bytes.length / 2));
  failed(await bench.load(await bench.write('pages.parquet', pages), 'bad'), 65);
  const garbage = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251));
  failed(await bench.load(await bench.write('garbage.parquet', garbage), 'bad'), 65);
  failed(await bench.load(await bench.write('garbage.csv', garbage), 'bad'), 65);
  failed(await bench.load(await bench.write('garbage.jsonl', 'not json\n'), 'bad'), 65);
  failed(await bench.load(await bench.write('types.csv', 'half\nmany\n'), 'bad'), 65);
  assert.deepEqual(await bench.rows('SELECT count() AS n FROM bad'), [{ n: 2500 }]);
});

test('a report names the query of the insert, also of one that failed, and none where nothing was inserted', async () => {
  await bench.rows('CREATE TABLE named (a Int64) ORDER BY a');
  const query = async (text: string): Promise<unknown> => {
    const file = await bench.write('named.csv', text);
    return (JSON.parse((await bench.load(file, 'named', ['--json'])).stdout) as Record<string, unknown>)['queryId'];
  };
  const ids = [await query('a\n1\n'), await query('a\nx\n'), await query('')];
  for (const id of ids.slice(0, 2)) assert.match(String(id), /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  assert.notEqual(ids[0], ids[1]);
  assert.equal(ids[2], undefined);
});

test('a schema file with a type that ClickHouse does not know is an error of the configuration', async () => {
  const file = await bench.write('s.csv', 'a\n1\n');
  const schema = await bench.write('bad-type.json', '{"a": "Strin"}');
  const line = failed(await bench.load(file, 'never_made', ['--create-table', '--schema-file', schema]), 78);
  assert.match(line, /Strin/);
  failed(await bench.load(file, 'never_made', ['--create-table', '--schema-file', bench.path('none.json')]), 78);
});

test('a missing table, a missing database and a wrong password each say what to do', async () => {
  const file = await bench.write('x.csv', 'a\n1\n');
  assert.match(failed(await bench.load(file, 'absent'), 78), /default\.absent .*--create-table/);
  assert.match(failed(await bench.load(file, 'nowhere.t', ['--create-table']), 78), /nowhere/);
  const wrong = await bench.load(file, 'absent', [], { CLICKHOUSE_PASSWORD: 'Wrong-Password' });
  assert.ok(!failed(wrong, 77).includes('Wrong-Password'));
});
