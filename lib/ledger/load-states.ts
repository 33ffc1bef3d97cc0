/** Of rows, as the ledger has several of a file, the state of each file. */
import type { Load } from './load.js';

/** The state of each file: of its rows the latest, and one that another instance's counts for only where there is no other. */
export function isNewer(one: Load, other: Load): boolean {
  const [a, b] = [one, other].map(({ status }) => status !== 'superseded');
  return a === b ? one.finishedAt >= other.finishedAt : (a as boolean);
}

/** One row of each file, in the order of their first ones; of rows of the same moment the one that comes later. */
export function statesOf(rows: readonly Load[]): Load[] {
  const latest = new Map<string, Load>();
  for (const row of rows) {
    const other = latest.get(row.loadId);
    if (other === undefined || isNewer(row, other)) latest.set(row.loadId, row);
  }
  return [...latest.values()];
}

/** Tells a row from all others. */
export function rowKey({ loadId, status, attempt, finishedAt, instance }: Load): string {
  return [loadId, status, attempt, finishedAt, instance].join(' ');
}
