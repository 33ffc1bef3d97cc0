/** What makes a load that is done outlast a loss of power: by itself ClickHouse leaves a new part to the system's cache. */
import type { FullName, TableRow } from './deduplication.js';
import { quoteString } from './quoting.js';
import { DURABLE_SETTINGS, type Settings } from './sql.js';

/** How many replicas have a part before the insert is answered. */
const QUORUM = 2;

export type Durability =
  | { readonly kind: 'durable'; readonly settings: Settings; readonly warning: string | null }
  /** A quorum that can never be: each load would wait, and fail. */
  | { readonly kind: 'too-few-replicas'; readonly replicas: number };

/** One row, of a replicated table alone. */
export function selectReplicas([database, table]: FullName): string {
  return (
    'SELECT toUInt32(total_replicas) AS replicas FROM system.replicas ' +
    `WHERE database = ${quoteString(database)} AND table = ${quoteString(table)}`
  );
}

export function isReplicated({ engine }: TableRow): boolean {
  return engine.startsWith('Replicated');
}

/** @param replicas of a replicated table */
export function durability(table: TableRow, replicas: number): Durability {
  const { engine, statement, database, name } = table;
  const shown = `${database}.${name}`;
  // Its parts are in an object storage before the insert is answered.
  if (engine.startsWith('Shared')) return { kind: 'durable', settings: {}, warning: null };
  if (!engine.endsWith('MergeTree')) {
    const warning = `table ${shown} is ${engine}: whether its rows outlast a loss of power depends on the tables behind it`;
    return { kind: 'durable', settings: {}, warning };
  }
  if (isReplicated(table) && replicas < QUORUM) return { kind: 'too-few-replicas', replicas };
  const missing = DURABLE_SETTINGS.filter(
    (setting) => !new RegExp(`\\b${setting.replace(' = ', '\\s*=\\s*')}\\b`).test(statement),
  );
  const alter = `ALTER TABLE ${shown} MODIFY SETTING ${missing.join(', ')}`;
  return {
    kind: 'durable',
    settings: isReplicated(table) ? { insert_quorum: QUORUM } : {},
    warning:
      missing.length === 0
        ? null
        : `table ${shown} leaves what was inserted to the system's cache, and a loss of power may take it; ${alter} changes that`,
  };
}
