/** The help of each level of commands, made of the list of options. */
import { RECORDS_OPTIONS } from './arguments.js';

export const ROOT_HELP = `as-cli: loads data files into ClickHouse

Usage: as-cli ingest records --file F --table-name T [options]

Commands:
  ingest   load data files; see as-cli ingest --help

Example:
  as-cli ingest records --file events.parquet --table-name atd_acme --create-table
`;

export const INGEST_HELP = `as-cli ingest: loads data files into ClickHouse

Usage: as-cli ingest records --file F --table-name T [options]

Commands:
  records  load one Parquet, CSV or JSON lines file; see as-cli ingest records --help

Example:
  as-cli ingest records --file events.csv --table-name atd_acme
`;

export function recordsHelp(): string {
  const labels = RECORDS_OPTIONS.map(({ name, value }) => `--${name}${value === null ? '' : ` ${value}`}`);
  const width = Math.max(...labels.map((label) => label.length)) + 2;
  const options = RECORDS_OPTIONS.map(({ help }, index) => `  ${labels[index]?.padEnd(width)}${help}`).join('\n');
  return `as-cli ingest records: loads one Parquet, CSV (with a header) or JSON lines file into a ClickHouse table

Usage: as-cli ingest records --file F --table-name T [options]

Options (also as --option=value):
${options}

Dots in column names become underscores. Columns that the file lacks take the table's defaults.
With ATD_DEDUP_TOKEN in the environment, loading the same file again under the same token adds no rows.

Exit codes: 0 loaded, 64 usage, 65 bad data, 66 no such or unreadable file, 69 ClickHouse unavailable, 70 bug,
75 try again, 77 not permitted, 78 configuration.

Example:
  CLICKHOUSE_PASSWORD=secret as-cli ingest records --file events.parquet --table-name atd_acme --create-table \\
    --db-host clickhouse.example --db-user loader
`;
}
