/** What a person has changed in a service, as the ledger has it: the table's columns, how it is made, and a row of it. */
import { clusterClause, type LedgerRow, type LedgerTable, moment, quoted, ttl } from './table.js';

export interface Act {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly act: 'pause' | 'resume' | 'scale' | 'drain' | 'join' | 'reload' | 'replay' | 'discard';
  /** To what: the tenant, the letters; empty for this instance. */
  readonly subject: string;
  /** What came of it. */
  readonly result: string;
  /** Who wanted it, and why, in their own words. */
  readonly by: string;
  readonly reason: string;
}

export function actsTableOf({ name }: Pick<LedgerTable, 'name'>): string {
  return `${name}_acts`;
}

/** A table of its own: a row of the other is about one file, and its view has one row of each. */
export function createActsTable(table: LedgerTable): string {
  const { database, isReplicated, retentionDays } = table;
  const short = 'LowCardinality(String)';
  return [
    `CREATE TABLE IF NOT EXISTS ${quoted(database, actsTableOf(table))}${clusterClause(table)}`,
    `(at DateTime64(3, 'UTC'), act ${short}, subject String, result String, \`by\` String, reason String,`,
    `instance ${short}, version ${short})`,
    `ENGINE = ${isReplicated ? 'ReplicatedMergeTree' : 'MergeTree'}`,
    `PARTITION BY toYYYYMM(at) ORDER BY at TTL ${ttl('at', retentionDays)}`,
    `SETTINGS ${isReplicated ? '' : 'non_replicated_deduplication_window = 100, '}ttl_only_drop_parts = 1`,
    `COMMENT 'Acts of people, of the ledger of atd-ingestion'`,
  ].join(' ');
}

export function actRow({ at, ...act }: Act, instance: string, version: string): LedgerRow {
  return { at: moment(at), ...act, instance, version };
}
