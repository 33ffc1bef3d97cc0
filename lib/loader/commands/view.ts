/**
 * One run of `ingest view`: the first rows of a table, formatted by ClickHouse. On a terminal as a table, or as a block per
 * row where the table would be wider than the terminal; elsewhere as tab-separated values with a header.
 */
import { ExitCode } from '../../errors.js';
import { countText, withoutControl } from '../../util/plain-text.js';
import type { ClickHouse, Connect } from '../clickhouse/client.js';
import type { Settings } from '../clickhouse/sql.js';
import { countRows, selectRows } from '../clickhouse/table-statements.js';
import { LoadError, serverFailure } from '../failures.js';
import type { ViewRequest } from '../options/view-options.js';

/** A longer value is cut: one row of the table is one line. */
const VALUE_WIDTH = 100;
const PLAIN: Settings = { output_format_pretty_color: 0, output_format_pretty_row_numbers: 0 };

/** `columns` is the width of the terminal, or null if there is none. */
export async function viewTable(request: ViewRequest, connect: Connect, columns: number | null): Promise<string> {
  const { table, connection, limit } = request;
  const name = `${table.database ?? connection.database}.${table.table}`;
  const clickhouse = connect(connection);
  try {
    const select = (format: string, settings: Settings = {}): Promise<string> =>
      clickhouse.text(selectRows(table, limit), { default_format: format, ...settings });
    if (request.json) return await select('JSONEachRow', { output_format_json_quote_64bit_integers: 0 });
    if (columns === null) return await select('TabSeparatedWithNames');
    const shown = await onTerminal(select, limit, columns);
    return `${shown}${await footer(clickhouse, request, name)}\n`;
  } catch (error) {
    if ((error as { code?: unknown }).code === '60') {
      throw new LoadError(
        ExitCode.configuration,
        `cannot show table ${name} on ${connection.host}:${connection.port}: there is no such table; ` +
          'as-cli ingest tenant --list-tables shows those of the tenants',
      );
    }
    throw serverFailure(error, 'view', `cannot show table ${name}`, connection);
  } finally {
    await clickhouse.close();
  }
}

async function onTerminal(
  select: (format: string, settings: Settings) => Promise<string>,
  limit: number,
  columns: number,
): Promise<string> {
  const pretty = await select('PrettyCompactMonoBlock', {
    ...PLAIN,
    // One more, as ClickHouse would tell that it shows no more than that many.
    output_format_pretty_max_rows: limit + 1,
    output_format_pretty_max_value_width: VALUE_WIDTH,
    output_format_pretty_max_value_width_apply_for_single_value: 1,
  });
  const fits = pretty.split('\n').every((line) => line.length <= columns);
  return withoutControl(
    fits ? pretty : await select('Vertical', { ...PLAIN, output_format_pretty_max_rows: limit + 1 }),
  );
}

async function footer(clickhouse: ClickHouse, { table, limit }: ViewRequest, name: string): Promise<string> {
  const [{ rows } = { rows: 0 }] = (await clickhouse.rows(countRows(table))) as readonly { rows: number }[];
  const all = countText(rows, 'row');
  return rows > limit ? `${limit.toLocaleString('en-GB')} of ${all} of ${name}` : `${all} of ${name}`;
}
