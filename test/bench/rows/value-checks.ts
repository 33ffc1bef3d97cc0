/** The engine's CPU time for a load whose values are all looked at, against its own insert of the same file, by format. */
import { execute } from '../../sandbox/clickhouse-client.js';
import type { Bench, Row } from '../bench.js';
import { BLOCK, CheckedTable, type FileFormat, FORMATS, STRUCTURE } from '../checked-table.js';
import { secondsOf } from '../commands.js';
import type { Finding } from '../findings.js';

const [GOAL_OF_TYPED, GOAL_OF_TEXT] = [1.3, 1.5];

/** As the loader asks for them, since they cost too. */
const SETTINGS =
  'max_threads = 1, max_insert_threads = 1, max_parsing_threads = 1, input_format_parallel_parsing = 0, precise_float_parsing = 1, ' +
  "date_time_input_format = 'best_effort', input_format_parquet_preserve_order = 1, min_insert_block_size_bytes = 0";

export const valueChecks: Row = {
  name: 'value-checks',
  async measure(bench: Bench): Promise<Finding[]> {
    const findings: Finding[] = [];
    const table = await CheckedTable.create(bench, 'bench_value_checks', rowsOf(bench));
    for (const format of FORMATS) findings.push(await compare(bench, table, format));
    return findings;
  },
};

function rowsOf(bench: Bench): number {
  return bench.size(1_000_000, 200_000);
}

async function compare(bench: Bench, table: CheckedTable, format: FileFormat): Promise<Finding> {
  const clickHouse = await bench.sandboxes.clickHouse();
  const { extension, clickhouse: reader } = format;
  const typed = ['parquet', 'arrow', 'orc'].includes(extension);
  const about = {
    row: valueChecks.name,
    measured: `CPU of the engine, ${rowsOf(bench)} rows of ${extension}`,
    unit: 'ms',
    yardstick: "the engine's own insert",
    goal: { of: 'ratio', bound: 'at most', value: typed ? GOAL_OF_TYPED : GOAL_OF_TEXT },
  } as const;
  if (clickHouse.kind === 'external') {
    const reason = `${clickHouse.description} cannot write this machine's files, which the row's files are made by`;
    return { ...about, kind: 'not-possible', reason };
  }
  const file = await table.file(format);
  const { args, env } = table.load(file);
  const structure = STRUCTURE.replaceAll("'", "\\'");
  const own =
    `INSERT INTO ${table.qualified} SELECT * FROM file('${file}', '${reader}', '${structure}') SETTINGS ${SETTINGS}, ` +
    `max_block_size = ${BLOCK}, max_insert_block_size = ${BLOCK}, min_insert_block_size_rows = ${BLOCK}, input_format_parquet_max_block_size = ${BLOCK}`;
  const rounds = await bench.alternate(bench.size(5, 3), {
    ours: () => table.engineMs(() => secondsOf(bench.loader, args, { env })),
    yardstick: () => table.engineMs(() => execute(clickHouse, own)),
  });
  return { ...about, kind: 'measured', rounds };
}
