/** Writes the table "file's type x column's type" of docs/loader.md by loading border values: `npm run docs:values`. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClickHouse } from '../../sandbox/sandbox.js';
import { PACKAGE_ROOT } from '../../support/package-root.js';
import type { FileType } from './files.js';
import { TEXT_TYPES, TYPED_TYPES } from './files.js';
import { PairBench, type PairFormat } from './pairs.js';

const DOCUMENT = join(PACKAGE_ROOT, 'docs/loader.md');
const [BEGIN, END] = ['<!-- values: made by npm run docs:values -->', '<!-- values: end -->'];
const COLUMNS = [
  'Int32',
  'UInt64',
  'Float64',
  'Decimal(9, 2)',
  'Bool',
  'Date',
  "DateTime('UTC')",
  "DateTime64(3, 'UTC')",
  'String',
  'FixedString(3)',
];
/** Of the values that a column has no room for. */
const OTHERS = 5;

const clickhouse = await startClickHouse();
const directory = await mkdtemp(join(tmpdir(), 'atd-values-'));
const bench = new PairBench(clickhouse, directory, `table_${process.pid}`);

async function cell(format: PairFormat, from: FileType, to: string): Promise<string> {
  const pairs = { format, from, to: { name: to }, wrappers: ['plain'] as const };
  const [result] = await bench.try(pairs, () => 0.5, 0, OTHERS);
  if (result === undefined) throw new Error('one pair has one result');
  if (result.changed.length > 0) throw new Error(`${format} ${from.name} -> ${to}: ${result.changed[0]}`);
  if (result.loaded === 0) return 'refused';
  return result.refused === 0 ? 'all' : 'what fits';
}

async function table(format: PairFormat, types: readonly FileType[], first: string): Promise<string> {
  const rows = [[first, ...COLUMNS.map((name) => `\`${name.replace(/, 'UTC'|\('UTC'\)/, '')}\``)]];
  for (const from of types) {
    const cells: string[] = [];
    for (const to of COLUMNS) cells.push(await cell(format, from, to));
    rows.push([`\`${from.name.replace("'", '')}\``, ...cells]);
  }
  const widths = COLUMNS.map((_, index) => index)
    .concat(COLUMNS.length)
    .map((index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, index) => text.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const [header = [], ...body] = rows;
  return [line(header), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
}

try {
  const typed = await table('parquet', TYPED_TYPES, 'type in Parquet');
  const text = await table('csv', TEXT_TYPES, 'written in CSV as');
  const document = await readFile(DOCUMENT, 'utf8');
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} has no place for the table`);
  await writeFile(DOCUMENT, `${before}${BEGIN}\n\n${typed}\n\n${text}\n\n${END}${after}`);
} finally {
  await clickhouse.stop();
  await rm(directory, { recursive: true });
}
