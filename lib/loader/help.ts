/** The help of each level of commands, made of the lists of options. */

import type { OptionSpec } from './options/options.js';
import { RECORDS_OPTIONS } from './options/records-options.js';
import { TENANT_OPTIONS } from './options/tenant-options.js';
import { VIEW_OPTIONS } from './options/view-options.js';

const EXIT_CODES = `Exit codes: 0 done, 64 usage, 65 bad data, 66 no such or unreadable file, 69 ClickHouse unavailable, 70 bug,
74 the file changed while it was read, 75 try again, 77 not permitted, 78 configuration.`;

const ROOT = `as-cli: loads data files into ClickHouse

Usage: as-cli ingest COMMAND [options]

Commands:
  ingest   load data files, look after the tables they go to; see as-cli ingest --help

\`as-cli --version\` shows which one this is.

Example:
  as-cli ingest records --file events.parquet --table-name atd_acme --create-table
`;

const INGEST = `as-cli ingest: loads data files into ClickHouse

Usage: as-cli ingest records|tenant|view [options]

Commands:
  records  load one data file into a table
  tenant   create, list or delete the tables of tenants
  view     show rows of a table

\`as-cli ingest COMMAND --help\` shows the options of one.

Examples:
  as-cli ingest records --file events.csv --table-name atd_acme
  as-cli ingest tenant --tenant-name acme --create-table --schema-file schema.json
  as-cli ingest view --table-name atd_acme --limit 5
`;

function records(): string {
  return `as-cli ingest records: loads one data file into a ClickHouse table

Usage: as-cli ingest records --file F --table-name T [options]

${optionsText(RECORDS_OPTIONS)}

Files are Parquet, CSV and TSV with a header, JSON lines, Arrow, Avro or ORC, plain or compressed by gzip or zstd.
Dots in column names become underscores. Columns that the file lacks take the table's defaults.
With ATD_DEDUP_TOKEN in the environment, loading the same file again under the same token adds no rows;
to load it after its rows were removed, count up --generation.

${EXIT_CODES}

Examples:
  as-cli ingest records --file events.csv --table-name atd_acme --progress
  CLICKHOUSE_PASSWORD=secret as-cli ingest records --file events.parquet --table-name atd_acme --create-table \\
    --db-host clickhouse.example --db-user loader --db-secure
`;
}

function tenant(): string {
  return `as-cli ingest tenant: creates, lists or deletes the tables of tenants

Usage: as-cli ingest tenant --tenant-name T --create-table --schema-file S [options]
       as-cli ingest tenant --tenant-name T --delete-table [options]
       as-cli ingest tenant [--tenant-name T] --list-tables [options]

${optionsText(TENANT_OPTIONS)}

A tenant is 1 to 63 letters, digits and underscores; capitals are made small. A table that exists is left as it is,
unless --drop-first is given.

${EXIT_CODES}

Examples:
  as-cli ingest tenant --tenant-name acme --create-table --schema-file schema.json --ttl-hours 720 --dry-run
  as-cli ingest tenant --list-tables
  as-cli ingest tenant --tenant-name acme --delete-table
`;
}

function view(): string {
  return `as-cli ingest view: shows rows of a table

Usage: as-cli ingest view --table-name T [--limit N] [options]

${optionsText(VIEW_OPTIONS)}

On a terminal the rows are a table, or a block each where the table would be wider than the terminal; elsewhere they are
tab-separated values with a header.

${EXIT_CODES}

Examples:
  as-cli ingest view --table-name atd_acme --limit 5
  as-cli ingest view --table-name atd_acme --limit 1000 --json > rows.jsonl
`;
}

function optionsText(options: readonly OptionSpec[]): string {
  const labels = options.map(({ name, value }) => `--${name}${value === null ? '' : ` ${value}`}`);
  const width = Math.max(...labels.map((label) => label.length)) + 2;
  const lines = options.map(({ help }, index) => `  ${labels[index]?.padEnd(width)}${help}`);
  return `Options (also as --option=value):\n${lines.join('\n')}`;
}

const TEXTS: Readonly<Record<string, () => string>> = {
  'as-cli': () => ROOT,
  'as-cli ingest': () => INGEST,
  'as-cli ingest records': records,
  'as-cli ingest tenant': tenant,
  'as-cli ingest view': view,
};

/** @param name of the command, as it is called in messages */
export function helpOf(name: string): string {
  return (TEXTS[name] as () => string)();
}
