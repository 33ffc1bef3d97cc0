/** Damaged input: the exit code says whether another attempt is worth it, one line says why, and no row is visible. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, chmod, mkdir, readFile, truncate, unlink } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { AS_CLI, type Bench, type Ended, start, startBench } from './as-cli.js';
import { startWatchingProxy } from './watching-proxy.js';

let bench: Bench;
let schema: string;

before(async () => {
  bench = await startBench();
  schema = await bench.write('schema.json', '{"id": "Int64", "half": "Float64", "text": "String"}');
});

after(async () => {
  await bench.stop();
});

const ROWS = 2_000;
const SELECT = `SELECT toInt64(number) AS id, number / 2 AS half, concat('text ', toString(number)) AS text FROM numbers(${ROWS})`;

let tables = 0;

/** Loads the file with a schema file and without one, and expects the same end of both; the line of the first. */
async function refused(file: string, code: number, line: RegExp): Promise<void> {
  for (const args of [['--schema-file', schema], []]) {
    const table = `damaged_${tables++}`;
    const ended = await bench.load(file, table, ['--create-table', ...args]);
    assertRefused(ended, code, line);
    await assertNoRow(table);
  }
}

function assertRefused({ code, stdout, stderr }: Ended, expected: number, line: RegExp): void {
  assert.equal(code, expected, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^as-cli: [^\n]+; [^\n]+\n$/);
  assert.match(stderr, line);
}

async function assertNoRow(table: string): Promise<void> {
  const [found] = await bench.rows(`SELECT count() AS n FROM system.tables WHERE name = '${table}'`);
  if (found?.['n'] === 0) return;
  assert.deepEqual(await bench.rows(`SELECT count() AS n FROM ${table}`), [{ n: 0 }]);
}

const FORMATS = [
  ['parquet', 'Parquet'],
  ['jsonl', 'JSONEachRow'],
  ['arrow', 'Arrow'],
  ['arrows', 'ArrowStream'],
  ['avro', 'Avro'],
  ['orc', 'ORC'],
] as const;

for (const [extension, format] of FORMATS) {
  test(`${extension}: a file that is cut off, at its half and by its last bytes`, async () => {
    const whole = await readFile(await bench.writeSelect(`whole.${extension}`, SELECT, format));
    for (const [index, length] of [Math.floor(whole.length / 2), whole.length - 20].entries()) {
      const file = await bench.write(`cut-${index}.${extension}`, whole.subarray(0, length));
      await refused(file, 65, new RegExp(`cut-${index}\\.${extension}`));
    }
  });
}

for (const [extension, compression] of [
  ['gz', 'gzip'],
  ['zst', 'zstd'],
] as const) {
  for (const [inner, format] of [
    ['csv', 'CSVWithNames'],
    ['parquet', 'Parquet'],
  ] as const) {
    test(`${inner}.${extension}: ${compression} data that is cut off, of a small file and of one larger than any sample`, async () => {
      for (const rows of [ROWS, 200_000]) {
        const plain = await bench.writeSelect(
          `${rows}.${inner}`,
          `SELECT toInt64(number) AS id, number / 2 AS half, hex(sipHash128(number)) AS text FROM numbers(${rows})`,
          format,
        );
        const whole = await readFile(await bench.compress(plain, extension));
        const file = await bench.write(`cut-${rows}.${inner}.${extension}`, whole.subarray(0, whole.length - 10));
        const table = `cut_${extension}_${inner}_${rows}`;
        // One block, of which nothing is written.
        const args = ['--create-table', '--schema-file', schema, '--batch-size', '1000000'];
        const why = extension === 'zst' ? /its zstd data is damaged \(/ : /cut-/;
        assertRefused(await bench.load(file, table, args), 65, why);
        await assertNoRow(table);
      }
    });
  }
}

test('contents that are not what the name says', async () => {
  const text = 'id,half,text\n1,0.5,x\n';
  await refused(
    await bench.write('text.parquet', text),
    65,
    /it is not parquet \(.*extension '\.parquet', contents plain text\)/,
  );
  await refused(await bench.write('text.csv.gz', text), 65, /it is not compressed by gzip \(/);
  const parquet = await readFile(await bench.writeSelect('named.parquet', SELECT, 'Parquet'));
  await refused(await bench.write('parquet.csv', parquet), 65, /it is not csv \(.*contents parquet\)/);
  await refused(await bench.write('empty.parquet', ''), 65, /contents empty/);
});

function csv(rows: number, instead: Readonly<Record<number, string>>): string {
  const line = (row: number): string => instead[row] ?? `${row},${row / 2},text ${row}`;
  return `id,half,text\n${Array.from({ length: rows }, (_, i) => line(i + 1)).join('\n')}\n`;
}

test('CSV with a ragged row at line 1,000, which is row 999', async () => {
  const few = await bench.write('few.csv', csv(ROWS, { 999: '999,1' }));
  await refused(few, 65, /few\.csv: row 999: it has fewer values than the header has names/);
  const many = await bench.write('many.csv', csv(ROWS, { 999: '999,1,x,more' }));
  await refused(many, 65, /many\.csv: row 999: it has more values than the header has names/);
});

test('CSV with a value that is none of the type of its column', async () => {
  const file = await bench.write('typed.csv', csv(ROWS, { 999: '999,many,x' }));
  const ended = await bench.load(file, 'typed', ['--create-table', '--schema-file', schema]);
  assertRefused(ended, 65, /typed\.csv: row 999, column 'half': expected Float64, found 'many'/);
  await assertNoRow('typed');
});

function jsonl(rows: number, instead: Readonly<Record<number, string>>): string {
  const line = (row: number): string => instead[row] ?? `{"id":${row},"half":${row / 2},"text":"text ${row}"}`;
  return `${Array.from({ length: rows }, (_, i) => line(i + 1)).join('\n')}\n`;
}

test('JSON lines with a broken line and with a value of another type', async () => {
  const args = ['--create-table', '--schema-file', schema];
  const cases: readonly (readonly [name: string, line: string, expected: RegExp])[] = [
    ['broken', '{"id":999,"half":', /row 999/],
    ['none', 'no JSON at all', /row 999: .*'no JSON/],
    ['typed', '{"id":"many","text":"x","half":1}', /row 999, column 'id': expected Int64, found 'many'/],
    [
      'unknown',
      '{"id":1,"New.Field":2}',
      /table default\.json_unknown has no column for 'New\.Field'; .*--skip-unknown/,
    ],
  ];
  for (const [name, line, expected] of cases) {
    const file = await bench.write(`${name}.jsonl`, jsonl(ROWS, { 999: line }));
    assertRefused(await bench.load(file, `json_${name}`, args), 65, expected);
    await assertNoRow(`json_${name}`);
  }
});

test('numbers and text that do not fit are refused and not changed, in every format', async () => {
  const cases: readonly (readonly [value: string, type: string, expected: RegExp])[] = [
    ['300', 'UInt8', /column 'v': .*UInt8/],
    ['-1', 'UInt32', /column 'v': .*UInt32/],
    ["'many'::Nullable(String)", 'Int64', /column 'v': expected Int64/],
    ["'many'", 'Nullable(Int64)', /column 'v': expected Nullable\(Int64\)/],
  ];
  for (const [index, [value, type, expected]] of cases.entries()) {
    const types = await bench.write(`fit-${index}.json`, JSON.stringify({ v: type }));
    for (const [extension, format] of [
      ...FORMATS,
      ['csv', 'CSVWithNames'],
      ['tsv', 'TabSeparatedWithNames'],
    ] as const) {
      const file = await bench.writeSelect(`fit-${index}.${extension}`, `SELECT ${value} AS v`, format);
      const table = `fit_${index}_${extension}`;
      const ended = await bench.load(file, table, ['--create-table', '--schema-file', types]);
      assertRefused(ended, 65, expected);
      await assertNoRow(table);
    }
  }
});

test('a number beyond 64 bits in text is refused', async () => {
  const types = await bench.write('wide.json', '{"v": "Int64"}');
  for (const [name, content] of [
    ['wide.csv', 'v\n9223372036854775808\n'],
    ['wide.jsonl', '{"v":9223372036854775808}\n'],
  ] as const) {
    const ended = await bench.load(await bench.write(name, content), 'wide', [
      '--create-table',
      '--schema-file',
      types,
    ]);
    assertRefused(ended, 65, /row 1, column 'v': expected Int64, found '9223372036854775808'/);
  }
  await assertNoRow('wide');
});

test('a directory, a pipe and a file that was deleted', async () => {
  await mkdir(bench.path('directory.csv'));
  execFileSync('mkfifo', [bench.path('pipe.csv')]);
  await refused(bench.path('directory.csv'), 66, /directory\.csv: it is a directory/);
  await refused(bench.path('pipe.csv'), 66, /pipe\.csv: it is a named pipe, not a regular file/);
  await refused(bench.path('deleted.csv'), 66, /deleted\.csv: no such file/);
});

const NOBODY = 65_534;

test('a file that may not be read', async (t) => {
  const file = await bench.write('closed.csv', 'id\n1\n');
  await chmod(file, 0);
  if (process.getuid?.() !== 0) return await refused(file, 66, /closed\.csv: permission denied/);
  // Root may read everything, so another user has to try.
  await chmod(bench.path('.'), 0o755);
  const helps = await start(process.execPath, [AS_CLI, '--help'], {}, NOBODY).ended;
  if (helps.code !== 0) return t.skip('another user cannot run as-cli from here');
  const args = [AS_CLI, 'ingest', 'records', '--file', file, '--table-name', 'closed'];
  assertRefused(await start(process.execPath, args, {}, NOBODY).ended, 66, /closed\.csv: permission denied/);
});

/** Changes a file when as-cli has opened it and speaks to ClickHouse for the first time. */
async function changedMeanwhile(name: string, change: (file: string) => Promise<void>): Promise<Ended> {
  const file = await bench.write(name, csv(ROWS, {}));
  let changed: Promise<void> | null = null;
  const proxy = await startWatchingProxy(bench.clickhouse, () => {
    changed ??= change(file);
    return changed;
  });
  try {
    const table = name.replace(/\W.*/, '');
    return await bench.load(file, table, ['--create-table', '--schema-file', schema, '--db-port', String(proxy.port)]);
  } finally {
    proxy.stop();
  }
}

test('a file that grows or shrinks while it is read is worth another attempt, and nothing of it is visible', async () => {
  assertRefused(
    await changedMeanwhile('grown.csv', (file) => appendFile(file, '1,1,x\n')),
    74,
    /it grew while it was read/,
  );
  await assertNoRow('grown');
  assertRefused(await changedMeanwhile('shrunk.csv', (file) => truncate(file, 100)), 74, /it became shorter/);
  await assertNoRow('shrunk');
});

test('a file that is deleted while it is read is loaded whole, as what was opened stays', async () => {
  const ended = await changedMeanwhile('unlinked.csv', (file) => unlink(file));
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(await bench.rows('SELECT count() AS n FROM unlinked'), [{ n: ROWS }]);
});

test('zstd data that is whole, and that ClickHouse does not read, is not called damaged', async () => {
  const block = Buffer.from('a\n1\n');
  const last = Buffer.of((block.length << 3) | 1, 0, 0);
  const frame = (...header: readonly number[]): Buffer =>
    Buffer.concat([Buffer.of(0x28, 0xb5, 0x2f, 0xfd, ...header), last, block]);
  const usual = frame(0x00, 7 << 3);
  const cases: readonly (readonly [name: string, content: Buffer, line: RegExp])[] = [
    ['window', frame(0x00, 21 << 3), /it is compressed with a window of 2048 MiB .*--long=27/],
    ['dictionary', frame(0x03, 7 << 3, 1, 2, 3, 4), /it is compressed with a dictionary \(number 67305985\)/],
    ['second', Buffer.concat([usual, frame(0x00, 21 << 3)]), /it is compressed with a window of 2048 MiB/],
  ];
  for (const [name, content, line] of cases) {
    const ended = await bench.load(await bench.write(`${name}.csv.zst`, content), `zstd_${name}`, ['--create-table']);
    assert.equal(ended.code, 65, ended.stderr);
    assert.match(ended.stderr, line);
    assert.doesNotMatch(ended.stderr, /damaged/);
  }
  const ended = await bench.load(await bench.write('usual.csv.zst', usual), 'zstd_usual', ['--create-table']);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});
