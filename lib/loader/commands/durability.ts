/** Asks for a load that outlasts a loss of power, where the table can give it. */
import { ExitCode } from '../../errors.js';
import { type FullName, selectTables, type TableRow } from '../clickhouse/deduplication.js';
import { durability, isReplicated, selectReplicas } from '../clickhouse/durability.js';
import type { Settings } from '../clickhouse/sql.js';
import { LoadError } from '../failures.js';
import { clickhouseFailure, type Load, tableText } from './load.js';

/** @throws LoadError where a replicated table has too few replicas */
export async function lookAtDurability(
  load: Load,
): Promise<{ readonly settings: Settings; readonly warning: string | null }> {
  const { request } = load;
  const name = tableText(request);
  if (!request.making.durable) return { settings: {}, warning: null };
  const table: FullName = [request.table.database ?? request.connection.database, request.table.table];
  const [row] = (await facts(load, selectTables([table]))) as unknown as readonly TableRow[];
  if (row === undefined) {
    throw new LoadError(
      ExitCode.configuration,
      `cannot load ${request.file} into ${name}: --durable needs to see in system.tables how it is made; grant SHOW TABLES`,
      { scope: 'table' },
    );
  }
  const [counted] = isReplicated(row) ? await facts(load, selectReplicas(table)) : [];
  const found = durability(row, Number(counted?.['replicas'] ?? 0));
  if (found.kind === 'durable') return found;
  throw new LoadError(
    ExitCode.configuration,
    `cannot load ${request.file} into ${name}: --durable wants each part on two replicas, and the table has ` +
      `${found.replicas}; add a replica, or leave out --durable`,
    { scope: 'table' },
  );
}

async function facts(
  { request, clickhouse }: Load,
  statement: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  try {
    return await clickhouse.facts(statement);
  } catch (error) {
    throw clickhouseFailure(error, 'describe-table', `cannot read table ${tableText(request)}`, request);
  }
}
