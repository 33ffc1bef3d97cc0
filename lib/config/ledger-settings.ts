/** The settings of the ledger: what became of each file, as a table. */
import { flag, flagOrAuto, text, whole } from './setting.js';

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const LEDGER_SETTINGS = {
  enabled: flagOrAuto(
    'auto',
    'Whether what becomes of each file is written into a table of ClickHouse. `auto` is yes for the bundled loader where ' +
      '`clickhouse.host` is set, and no otherwise.',
  ),
  database: text(null, 'Database of that table; null for the one of the files.', { pattern: IDENTIFIER }),
  table: text(
    'atd__loads',
    'Its name; its view is `<ledger.table>_current`, and `<ledger.table>_acts` has what people changed.',
    { pattern: IDENTIFIER },
  ),
  retention_days: whole(400, 1, 36_500, 'Days after which its rows are deleted.'),
  required: flag(
    false,
    'Whether an offset is committed only when the rows of its files are written: then no row is ever missing, and nothing is ' +
      'committed while ClickHouse does not take them.',
  ),
};
