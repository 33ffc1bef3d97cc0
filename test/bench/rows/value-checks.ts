/** The engine's CPU time for a load whose values are all looked at, against its own insert of the same file, by format. */
import { join } from 'node:path';
import { execute, queryRows } from '../../sandbox/clickhouse-client.js';
import type { ClickHouseSandbox } from '../../sandbox/sandbox.js';
import type { Bench, Row } from '../bench.js';
import { secondsOf } from '../commands.js';
import type { Finding } from '../findings.js';

const [DATABASE, TABLE] = ['bench_value_checks', 'checked'];

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
const STRUCTURE = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ');

interface Measured {
  readonly extension: string;
  readonly format: string;
  readonly goal: number;
}

const FORMATS: readonly Measured[] = [
  { extension: 'parquet', format: 'Parquet', goal: 1.3 },
  { extension: 'arrow', format: 'Arrow', goal: 1.3 },
  { extension: 'orc', format: 'ORC', goal: 1.3 },
  { extension: 'csv', format: 'CSVWithNames', goal: 1.5 },
  { extension: 'tsv', format: 'TabSeparatedWithNames', goal: 1.5 },
  { extension: 'jsonl', format: 'JSONEachRow', goal: 1.5 },
];

/** As the loader asks for them, since they cost too. */
const SETTINGS =
  'max_threads = 1, max_insert_threads = 1, max_parsing_threads = 1, input_format_parallel_parsing = 0, precise_float_parsing = 1, ' +
  "date_time_input_format = 'best_effort', input_format_parquet_preserve_order = 1, min_insert_block_size_bytes = 0";
const BLOCK = 100_000;

export const valueChecks: Row = {
  name: 'value-checks',
  async measure(bench: Bench): Promise<Finding[]> {
    const clickHouse = await bench.sandboxes.clickHouse();
    const findings: Finding[] = [];
    await execute(clickHouse, `CREATE DATABASE ${DATABASE}`);
    bench.scope.after(() => execute(clickHouse, `DROP DATABASE ${DATABASE}`));
    await execute(clickHouse, `CREATE TABLE ${DATABASE}.${TABLE} (${STRUCTURE}) ENGINE = MergeTree ORDER BY ()`);
    for (const measured of FORMATS) findings.push(await compare(bench, clickHouse, measured));
    return findings;
  },
};

async function compare(
  bench: Bench,
  clickHouse: ClickHouseSandbox,
  { extension, format, goal }: Measured,
): Promise<Finding> {
  const rows = bench.size(1_000_000, 200_000);
  const about = {
    row: valueChecks.name,
    measured: `CPU of the engine, ${rows} rows of ${extension}`,
    unit: 'ms',
    yardstick: "the engine's own insert",
    goal: { of: 'ratio', bound: 'at most', value: goal },
  } as const;
  if (clickHouse.kind === 'external') {
    const reason = `${clickHouse.description} cannot write this machine's files, which the row's files are made by`;
    return { ...about, kind: 'not-possible', reason };
  }
  const file = join(bench.directory, `checked.${extension}`);
  const values = COLUMNS.map(([name, type, value]) => `CAST(${value} AS ${type}) AS ${name}`).join(', ');
  await execute(
    clickHouse,
    `INSERT INTO FUNCTION file('${file}', '${format}') SELECT ${values} FROM numbers(${rows}) SETTINGS output_format_json_quote_64bit_integers = 0`,
  );
  const { host, port, user, password } = clickHouse;
  const address = ['--db-host', host, '--db-port', String(port), '--db-user', user, '--db-database', DATABASE];
  const load = ['ingest', 'records', '--file', file, '--table-name', TABLE, '--batch-size', String(BLOCK), ...address];
  const structure = STRUCTURE.replaceAll("'", "\\'");
  const own =
    `INSERT INTO ${DATABASE}.${TABLE} SELECT * FROM file('${file}', '${format}', '${structure}') SETTINGS ${SETTINGS}, ` +
    `max_block_size = ${BLOCK}, max_insert_block_size = ${BLOCK}, min_insert_block_size_rows = ${BLOCK}, input_format_parquet_max_block_size = ${BLOCK}`;
  const rounds = await bench.alternate(bench.size(5, 3), {
    ours: () =>
      engineMs(clickHouse, () => secondsOf(bench.loader, load, { env: { CLICKHOUSE_PASSWORD: password } }), rows),
    yardstick: () => engineMs(clickHouse, () => execute(clickHouse, own), rows),
  });
  return { ...about, kind: 'measured', rounds };
}

/** User and system time of all statements of `work`, which leaves so many rows in the table. */
async function engineMs(clickHouse: ClickHouseSandbox, work: () => Promise<unknown>, rows: number): Promise<number> {
  const before = await cpuMs(clickHouse);
  await work();
  const after = await cpuMs(clickHouse);
  const [found] = await queryRows<{ n: number }>(clickHouse, `SELECT count() AS n FROM ${DATABASE}.${TABLE}`);
  if (found?.n !== rows) throw new Error(`${TABLE} has ${found?.n} rows instead of ${rows}`);
  await execute(clickHouse, `TRUNCATE TABLE ${DATABASE}.${TABLE}`);
  return after - before;
}

async function cpuMs(clickHouse: ClickHouseSandbox): Promise<number> {
  const [found] = await queryRows<{ value: number }>(
    clickHouse,
    "SELECT value FROM system.events WHERE event = 'OSCPUVirtualTimeMicroseconds'",
  );
  return (found?.value ?? 0) / 1000;
}
