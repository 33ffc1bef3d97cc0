/** Whether a table remembers deduplication tokens: without that, a repeated load of a file is a second load of its rows. */

/**
 * One sentence for people, or null. Replicated and shared tables deduplicate by default; what other engines than the
 * MergeTree family do with a token depends on the tables behind them, and nothing is said of it.
 *
 * @param statement the CREATE TABLE of the table, as ClickHouse shows it
 */
export function deduplicationWarning(table: string, statement: string): string | null {
  const engine = /\bENGINE = (\w+)/.exec(statement)?.[1] ?? '';
  if (!engine.endsWith('MergeTree') || /^(Replicated|Shared)/.test(engine)) return null;
  const window = Number(/\bnon_replicated_deduplication_window\s*=\s*(\d+)/.exec(statement)?.[1] ?? 0);
  if (window > 0) return null;
  return (
    `table ${table} remembers no insert, so a load that is repeated after a crash doubles its rows; ` +
    `ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = 10000 changes that`
  );
}
