/** Files of every format and the table that they are loaded into, for the rows about what looking at each value costs. */
import { join } from 'node:path';
import { execute, queryRows } from '../sandbox/clickhouse-client.js';
import type { ClickHouseSandbox } from '../sandbox/sandbox.js';
import type { Bench } from './bench.js';

/** Of each kind that a table has; names, types and values by `number`. */
const COLUMNS: readonly (readonly [name: string, type: string, value: string])[] = [
  ['id', 'Int64', 'number'],
  ['n', 'UInt32', 'number * 7919 % 100000'],
  ['k', 'Int32', 'toInt64(number % 5000) - 2500'],
  ['f', 'Float64', 'number % 100000 / 1000'],
  ['r', 'Float64', 'sqrt(number)'],
  ['m', 'Decimal(18, 2)', 'number * 31 % 1000000 / 100'],
  ['t', "DateTime('UTC')", '1735689600 + number'],
  ['u', "DateTime64(3, 'UTC')", "toDateTime64(1735689600 + number / 1000, 3, 'UTC')"],
  ['d', 'Date', "toDate('2024-01-01') + number % 700"],
  ['s', 'String', "concat('text ', toString(cityHash64(number)))"],
  ['c', 'String', "concat('v', toString(number % 17))"],
  ['b', 'Bool', 'number % 3 = 0'],
];
export const STRUCTURE = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ');
export const BLOCK = 100_000;

export interface FileFormat {
  readonly extension: string;
  readonly clickhouse: string;
}

/** Files that state their types, then text. */
export const FORMATS: readonly FileFormat[] = [
  { extension: 'parquet', clickhouse: 'Parquet' },
  { extension: 'arrow', clickhouse: 'Arrow' },
  { extension: 'orc', clickhouse: 'ORC' },
  { extension: 'csv', clickhouse: 'CSVWithNames' },
  { extension: 'tsv', clickhouse: 'TabSeparatedWithNames' },
  { extension: 'jsonl', clickhouse: 'JSONEachRow' },
];

export class CheckedTable {
  readonly name = 'checked';
  readonly #bench: Bench;
  readonly #clickHouse: ClickHouseSandbox;
  readonly #database: string;
  readonly #rows: number;

  private constructor(bench: Bench, clickHouse: ClickHouseSandbox, database: string, rows: number) {
    this.#bench = bench;
    this.#clickHouse = clickHouse;
    this.#database = database;
    this.#rows = rows;
  }

  /**
   * Dropped with the scope of the bench.
   * @param rows of a file
   * @param isOrdinary whether it is sorted, merged and remembers inserts, as tables are where no CPU is to be counted
   */
  static async create(
    bench: Bench,
    database: string,
    rows: number,
    { isOrdinary = false }: { readonly isOrdinary?: boolean } = {},
  ): Promise<CheckedTable> {
    const clickHouse = await bench.sandboxes.clickHouse();
    const table = new CheckedTable(bench, clickHouse, database, rows);
    await execute(clickHouse, `CREATE DATABASE ${database}`);
    bench.scope.after(() => execute(clickHouse, `DROP DATABASE ${database}`));
    const rest = isOrdinary ? 'ORDER BY (t, id) SETTINGS non_replicated_deduplication_window = 10000' : 'ORDER BY ()';
    await execute(clickHouse, `CREATE TABLE ${table.qualified} (${STRUCTURE}) ENGINE = MergeTree ${rest}`);
    // When parts are merged is no matter of the load.
    if (!isOrdinary) await execute(clickHouse, `SYSTEM STOP MERGES ${table.qualified}`);
    return table;
  }

  get qualified(): string {
    return `${this.#database}.${this.name}`;
  }

  /** Made by the engine. */
  async file({ extension, clickhouse }: FileFormat): Promise<string> {
    const file = join(this.#bench.directory, `checked.${extension}`);
    const values = COLUMNS.map(([name, type, value]) => `CAST(${value} AS ${type}) AS ${name}`).join(', ');
    await execute(
      this.#clickHouse,
      `INSERT INTO FUNCTION file('${file}', '${clickhouse}') SELECT ${values} FROM numbers(${this.#rows}) SETTINGS output_format_json_quote_64bit_integers = 0`,
    );
    return file;
  }

  /** Arguments and environment of a load by an `as-cli`; without a batch size as it sees fit. */
  load(
    file: string,
    batchSize: number | null = BLOCK,
  ): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
    const { host, port, user, password } = this.#clickHouse;
    const address = ['--db-host', host, '--db-port', String(port), '--db-user', user, '--db-database', this.#database];
    const what = [
      '--file',
      file,
      '--table-name',
      this.name,
      ...(batchSize === null ? [] : ['--batch-size', String(batchSize)]),
    ];
    return { args: ['ingest', 'records', ...what, ...address], env: { CLICKHOUSE_PASSWORD: password } };
  }

  /** User and system time of all that the engine did for `work`, which loads one file; the table is empty afterwards. */
  async engineMs(work: () => Promise<unknown>): Promise<number> {
    const before = await this.#cpuMs();
    await work();
    const after = await this.#cpuMs();
    const [found] = await queryRows<{ n: number }>(this.#clickHouse, `SELECT count() AS n FROM ${this.qualified}`);
    if (found?.n !== this.#rows) throw new Error(`${this.qualified} has ${found?.n} rows instead of ${this.#rows}`);
    await execute(this.#clickHouse, `TRUNCATE TABLE ${this.qualified}`);
    return after - before;
  }

  async #cpuMs(): Promise<number> {
    const [found] = await queryRows<{ value: number }>(
      this.#clickHouse,
      "SELECT value FROM system.events WHERE event = 'OSCPUVirtualTimeMicroseconds'",
    );
    return (found?.value ?? 0) / 1000;
  }
}
