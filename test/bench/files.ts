/**
 * The files of the rows that load: made by the ClickHouse engine itself, so that no writer of ours stands between what
 * is measured and its yardstick. 77 columns, as the exporters' files have: identifiers and times, and many more of text,
 * numbers, flags and lists, some of few values and some of random ones.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { execute, queryRows } from '../sandbox/clickhouse-client.js';
import type { ClickHouseSandbox } from '../sandbox/sandbox.js';

interface Column {
  readonly name: string;
  readonly type: string;
  /** Its value as an expression of `number`. */
  readonly value: string;
}

/** Kinds of columns beside `Id` and the time: how many of each there are, and how they are made. */
const KINDS: readonly (readonly [name: string, count: number, type: string, value: (nth: number) => string])[] = [
  ['Attributes_Code', 18, 'String', (n) => `concat('value-', toString(cityHash64(number, ${n}) % ${3 + 7 * n}))`],
  ['Payload_Text', 13, 'String', (n) => `hex(reinterpretAsString(cityHash64(number, ${100 + n})))`],
  ['Counter_Value', 18, 'Int64', (n) => `toInt64(cityHash64(number, ${200 + n}) % ${10 ** (2 + (n % 6))})`],
  ['Measure_Ratio', 8, 'Float64', (n) => `(cityHash64(number, ${300 + n}) % 100000) / 1000`],
  ['Flag_Is', 10, 'UInt8', (n) => `toUInt8(cityHash64(number, ${400 + n}) % ${2 + n} = 0)`],
  ['Seen_At', 4, 'DateTime64(3)', (n) => `toDateTime64(1735689600 + cityHash64(number, ${500 + n}) % 86400, 3)`],
  [
    'Tags_List',
    4,
    'Array(String)',
    (n) => `arrayMap(i -> concat('tag-', toString(i)), range(cityHash64(number, ${600 + n}) % 4))`,
  ],
];

export const COLUMNS: readonly Column[] = [
  { name: 'Id', type: 'String', value: `concat('event-', toString(number), '-', hex(cityHash64(number)))` },
  { name: 'MsgHeader_MessageTime', type: 'DateTime64(3)', value: 'fromUnixTimestamp64Milli(1735689600000 + number)' },
  ...KINDS.flatMap(([name, count, type, value]) =>
    Array.from({ length: count }, (_, nth) => ({ name: `${name}_${nth}`, type, value: value(nth) })),
  ),
];

/** Rows of a file of about 8.4 MB. */
export const LARGE_ROWS = 22_800;

/**
 * Makes `count` Parquet files of `rows` rows in `directory` and gives their paths. The engine must see this machine's
 * disk. @throws Error where there are not as many afterwards
 */
export async function makeFiles(
  clickHouse: ClickHouseSandbox,
  directory: string,
  count: number,
  rows: number,
): Promise<string[]> {
  mkdirSync(directory, { recursive: true });
  const columns = COLUMNS.map(({ name, value }) => `${value} AS ${name}`).join(', ');
  const number = 'toUnixTimestamp64Milli(MsgHeader_MessageTime) - 1735689600000';
  const partition = `leftPad(toString(intDiv(${number}, ${rows})), 6, '0')`;
  // Far fewer statements than files: a file for each partition of a statement.
  const perStatement = Math.max(1, Math.floor(50_000 / rows));
  for (let first = 0; first < count; first += perStatement) {
    const here = Math.min(perStatement, count - first);
    const pattern = join(directory, '{_partition_id}.parquet');
    await execute(
      clickHouse,
      `INSERT INTO FUNCTION file('${pattern}', 'Parquet') PARTITION BY ${partition} ` +
        `SELECT ${columns} FROM numbers(${first * rows}, ${here * rows})`,
    );
  }
  const files = readdirSync(directory).sort();
  if (files.length !== count) throw new Error(`${files.length} files were made in ${directory} instead of ${count}`);
  return files.map((name) => join(directory, name));
}

/** Mean size in bytes. */
export function meanBytes(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + statSync(file).size, 0) / files.length;
}

/** A database of its own with one table such as the bundled loader creates, for a row. */
export class LoadTarget {
  readonly database: string;
  readonly table: string;
  readonly #clickHouse: ClickHouseSandbox;

  private constructor(clickHouse: ClickHouseSandbox, database: string, table: string) {
    this.#clickHouse = clickHouse;
    this.database = database;
    this.table = table;
  }

  static async create(clickHouse: ClickHouseSandbox, name: string, table: string): Promise<LoadTarget> {
    const target = new LoadTarget(clickHouse, name, table);
    const columns = COLUMNS.map((column) => `${column.name} ${column.type}`).join(', ');
    await execute(clickHouse, `CREATE DATABASE ${name}`);
    await execute(
      clickHouse,
      `CREATE TABLE ${target.qualified} (${columns}) ENGINE = MergeTree ORDER BY (MsgHeader_MessageTime, Id) ` +
        'SETTINGS non_replicated_deduplication_window = 10000',
    );
    return target;
  }

  get qualified(): string {
    return `${this.database}.${this.table}`;
  }

  /** Empties the table for the next round. @throws Error where it does not have exactly `rows` rows */
  async take(rows: number): Promise<void> {
    const [found] = await queryRows<{ rows: number }>(
      this.#clickHouse,
      `SELECT count() AS rows FROM ${this.qualified}`,
    );
    if (found?.rows !== rows) throw new Error(`${this.qualified} has ${found?.rows} rows instead of ${rows}`);
    await execute(this.#clickHouse, `TRUNCATE TABLE ${this.qualified}`);
  }

  /** The engine's own load of one file. */
  async insertFrom(file: string): Promise<void> {
    const names = COLUMNS.map(({ name }) => name).join(', ');
    await execute(
      this.#clickHouse,
      `INSERT INTO ${this.qualified} (${names}) SELECT ${names} FROM file('${file}', 'Parquet')`,
    );
  }

  drop(): Promise<void> {
    return execute(this.#clickHouse, `DROP DATABASE ${this.database}`);
  }
}
