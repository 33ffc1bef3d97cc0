/** What the tables have of loads. */
import type { Load } from '../../ledger/load.js';
import type { LoadTables, TableFacts } from './load-tables.js';

export function byTable(loads: readonly Load[]): Map<string, Load[]> {
  const all = new Map<string, Load[]>();
  for (const load of loads) if (load.table !== '') all.set(load.table, [...(all.get(load.table) ?? []), load]);
  return all;
}

/** How many rows the tables have of each load, where they can say it. */
export async function countsOf(
  tables: LoadTables,
  ofTables: ReadonlyMap<string, readonly Load[]>,
  facts: ReadonlyMap<string, TableFacts>,
): Promise<Map<string, number>> {
  const all = new Map<string, number>();
  for (const [table, loads] of ofTables) {
    if (facts.get(table)?.hasLoadId !== true) continue;
    const ids = loads.map(({ loadId }) => loadId);
    for (const [id, rows] of await tables.counts(table, ids)) all.set(id, rows);
  }
  return all;
}

/** Of loads that are undone, by their ids: where somebody was interrupted, there are some. */
export async function rowsLeft(undone: readonly Load[], tables: LoadTables): Promise<Map<string, number>> {
  const of = byTable(undone);
  return countsOf(tables, of, await tables.facts([...of.keys()]));
}
