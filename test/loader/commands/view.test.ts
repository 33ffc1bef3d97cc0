import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { type Bench, startBench } from '../as-cli.js';
import { asCliOnTerminal, asCliWith } from '../terminal.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
  await bench.rows('CREATE TABLE view_shown (a UInt64, `b-c` Nullable(String)) ENGINE = MergeTree ORDER BY a');
  await bench.rows(
    "INSERT INTO view_shown VALUES (1, 'é\\n\\t\"x\"'), (2, NULL), (18446744073709551615, '\\x1b]0;evil\\x07')",
  );
  await bench.rows('CREATE TABLE view_wide (a UInt64, text String) ENGINE = MergeTree ORDER BY a');
  await bench.rows("INSERT INTO view_wide SELECT number, repeat('x', 90) FROM numbers(5)");
});

after(async () => {
  await bench.stop();
});

async function view(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await asCliWith(bench.clickhouse, ['ingest', 'view', ...args]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  return stdout;
}

test('rows are tab-separated with a header, for other programs', async () => {
  assert.equal(await view('--table-name', 'view_shown', '--limit', '2'), 'a\tb-c\n1\té\\n\\t"x"\n2\t\\N\n');
});

test('rows are lines of JSON on request', async () => {
  const lines = (await view('--table-name', `${bench.clickhouse.database}.view_shown`, '--json')).trim().split('\n');
  assert.deepEqual(
    lines.slice(0, 2).map((line) => JSON.parse(line) as unknown),
    [
      { a: 1, 'b-c': 'é\n\t"x"' },
      { a: 2, 'b-c': null },
    ],
  );
  assert.match(lines[2] ?? '', /"a":18446744073709551615\b/, 'not as the nearest number that JavaScript has');
});

test('no more rows are shown than the limit, which is 20 by default', async () => {
  await bench.rows('CREATE TABLE view_many (a UInt64) ENGINE = MergeTree ORDER BY a');
  await bench.rows('INSERT INTO view_many SELECT number FROM numbers(5000)');
  assert.equal((await view('--table-name', 'view_many')).split('\n').length, 22);
  assert.equal((await view('--table-name', 'view_many', '--limit', '5000')).split('\n').length, 5002);
});

test('a table that is not there is named', async () => {
  const { code, stdout, stderr } = await asCliWith(bench.clickhouse, ['ingest', 'view', '--table-name', 'atd_nobody']);
  assert.deepEqual({ code, stdout }, { code: 78, stdout: '' });
  assert.match(stderr, /^as-cli: cannot show table \S+\.atd_nobody on \S+: there is no such table; .*--list-tables/);
});

const skip = spawnSync('script', ['--version']).status !== 0 && 'there is no script(1) to make a terminal with';

test('on a terminal rows are a table, without what would move its cursor', { skip }, async () => {
  const { code, text } = await asCliOnTerminal(bench.clickhouse, ['ingest', 'view', '--table-name', 'view_shown'], 80);
  assert.equal(code, 0, text);
  assert.match(text, /┌─+a─┬─b-c─+┐/);
  assert.match(text, /│ +18446744073709551615 │ \ufffd\]0;evil\ufffd/);
  assert.match(text, /^3 rows of \S+\.view_shown$/m);
  const limited = ['ingest', 'view', '--table-name', 'view_shown', '--limit', '2'];
  const { text: part } = await asCliOnTerminal(bench.clickhouse, limited, 80);
  assert.match(part, /┘\n2 of 3 rows of \S+\.view_shown\n$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what must not be there
  assert.doesNotMatch(text, /[\u001b\u0007]/);
});

test('on a terminal that is too narrow rows are a block each', { skip }, async () => {
  const { text } = await asCliOnTerminal(
    bench.clickhouse,
    ['ingest', 'view', '--table-name', 'view_wide', '--limit', '2'],
    60,
  );
  assert.match(text, /^Row 2:\n─+\na: +1\ntext: x{90}$/m);
  assert.match(text, /^2 of 5 rows of \S+\.view_wide$/m);
});
