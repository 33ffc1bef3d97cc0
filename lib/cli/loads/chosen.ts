/** The loads that `undo` and `replay` are about: by their ids, or by filters. */
import type { Config } from '../../config/load.js';
import { AtdError } from '../../errors.js';
import type { Load } from '../../ledger/load.js';
import { chooseLoader } from '../executable.js';
import type { ParsedOptions } from '../options.js';
import { statesById } from '../undone/generations.js';
import type { LoadTables } from '../undone/load-tables.js';
import { choiceOf, loadIdIn } from './choice.js';
import { ledgerSource } from './sources.js';
import { mixedIds } from './undo-plan.js';

const FILTERS = ['since', 'tenant', 'status', 'file'];
const STATES = ['loaded', 'given-up', 'undone'];

export interface Chosen {
  /** The state of each. */
  readonly loads: readonly Load[];
  /** The ids of those that were undone once. */
  readonly undone: ReadonlySet<string>;
  readonly mixed: ReadonlySet<string>;
}

/** @throws AtdError ATD_USAGE where none is named, or one that is not there, or too many */
export async function chosenLoads(
  { values, positionals }: ParsedOptions,
  config: Config,
  tables: LoadTables,
): Promise<Chosen> {
  const [action = '', ...named] = positionals;
  const ids = named.map((id) => loadIdIn(id, action));
  const isFiltered = FILTERS.some((name) => values[name] !== undefined);
  if (ids.length > 0 && isFiltered) throw new AtdError('ATD_USAGE', 'give ids of loads or filters, not both');
  if (ids.length === 0 && !isFiltered) {
    throw new AtdError('ATD_USAGE', `say which loads to ${action}: their ids, or --since, --tenant, --status, --file`);
  }
  const chosen = ids.length > 0 ? [...new Set(ids)] : await filtered(values, config, action);
  const rows = await tables.rowsOf(chosen);
  const states = statesById(rows);
  const missing = chosen.find((id) => !states.has(id));
  if (missing !== undefined) throw new AtdError('ATD_USAGE', `no load ${missing} in the ledger`);
  const undone = new Set(rows.flatMap(({ status, loadId }) => (status === 'undone' ? [loadId] : [])));
  return { loads: chosen.map((id) => states.get(id) as Load), undone, mixed: mixedIds(rows) };
}

async function filtered(values: ParsedOptions['values'], config: Config, action: string): Promise<string[]> {
  const { query } = choiceOf(values, Date.now());
  const { status } = query.filter;
  if (status !== null && !STATES.includes(status)) {
    throw new AtdError('ATD_USAGE', `--status ${status}: ${action} is for loads that are ${STATES.join(', ')}`);
  }
  const source = ledgerSource(config, chooseLoader(config));
  try {
    const found = await source.list({ ...query, limit: query.limit + 1 });
    if (found.length <= query.limit) return found.map(({ loadId }) => loadId);
    throw new AtdError(
      'ATD_USAGE',
      `these are more than ${query.limit} loads; say more exactly which, or give --limit`,
    );
  } finally {
    await source.close();
  }
}
