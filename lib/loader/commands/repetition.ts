/** Looks at what remembers a load, where it may be repeated: the server, the table, and the tables behind its views. */
import { ExitCode } from '../../errors.js';
import { ORDINARY_BLOCK_ROWS } from '../blocks/block-rows.js';
import {
  blockToken,
  deduplicationSettings,
  type FullName,
  isDivided,
  readVersion,
  rememberByDefault,
  repetitionWarnings,
  type Server,
  selectKnownSettings,
  selectReplicatedSeconds,
  selectTables,
  selectVersion,
  selectVersionAndTable,
  settingsOf,
  type TableRow,
  targetOf,
  unrepeatable,
} from '../clickhouse/deduplication.js';
import type { Settings } from '../clickhouse/sql.js';
import { LoadError } from '../failures.js';
import { clickhouseFailure, type Load, tableText } from './load.js';

type Facts = Readonly<Record<string, unknown>>;

export interface Remembered {
  /** For the insert. */
  readonly settings: Settings;
  readonly warning: string | null;
  /** Whether the table has views, whose rows ClickHouse counts as well. */
  readonly hasViews: boolean;
  /** Rows of a block: as many as fit, where the table and those behind it take them. */
  readonly batchSize: number;
}

/** Views that feed views that feed views: nobody has more, and a ring of them ends too. */
const MAX_LEVELS = 16;

/**
 * The tables are looked at for a warning, and for what is counted: one that nobody may see is passed over. Where they say how the
 * file is cut, they have to be seen each time or never.
 * @param fitting rows of a block that fit the file
 */
export async function lookAtRepetition(load: Load, exactBlocks: boolean, fitting: number): Promise<Remembered> {
  const { request } = load;
  const { deduplicationToken: token, generation } = request;
  const table: FullName = [request.table.database ?? request.connection.database, request.table.table];
  const decides = request.batchSize === null && fitting !== ORDINARY_BLOCK_ROWS;
  const look = decides && token !== null ? lookOrFail(load) : lookIfPossible(load);
  const own = await look(selectVersionAndTable(table));
  const hasViews = rowsOf(own).some(({ views }) => Array.isArray(views) && views.length > 0);
  const tables = token !== null || decides ? await tablesBehind(look, rowsOf(own)) : [];
  const batchSize = decides && !mayBeWhole(table, tables) ? ORDINARY_BLOCK_ROWS : fitting;
  if (token === null) return { settings: {}, warning: null, hasViews, batchSize };
  for (const found of rowsOf(own)) refuseUnrepeatable(load, found);
  const [row] = own.length > 0 ? own : await ask(load, selectVersion());
  const server = await serverOf(load, readVersion(row ?? {}), tables);
  const warnings = repetitionWarnings(table, tables, server);
  return {
    settings: deduplicationSettings(blockToken({ token, generation }, batchSize, exactBlocks), server),
    warning: warnings.length === 0 ? null : warnings.join('; '),
    hasViews,
    batchSize,
  };
}

/** Whether all tables that the rows go to were seen, and none divides them. */
function mayBeWhole(table: FullName, tables: readonly TableRow[]): boolean {
  const seen = new Set(tables.map(({ database, name }) => `${database}.${name}`));
  return [table, ...tables.flatMap(next)].every((name) => seen.has(name.join('.'))) && !tables.some(isDivided);
}

type Look = (statement: string) => Promise<readonly Facts[]>;

function lookIfPossible({ clickhouse }: Load): Look {
  return (statement) => clickhouse.facts(statement).catch(() => []);
}

/** What is not permitted is not permitted the next time either. */
function lookOrFail(load: Load): Look {
  return (statement) =>
    load.clickhouse.facts(statement).catch(async (error: unknown) => {
      if ((error as { code?: unknown } | null)?.code === ACCESS_DENIED) return [];
      throw unseen(load, error);
    });
}

const ACCESS_DENIED = '497';

function refuseUnrepeatable({ request }: Load, row: TableRow): void {
  const why = unrepeatable(row);
  if (why === null) return;
  throw new LoadError(
    ExitCode.configuration,
    `cannot load ${request.file} into ${tableText(request)} under ATD_DEDUP_TOKEN: ${why}, so that a repetition would lose ` +
      'rows; make its sharding key depend on the row alone, as cityHash64(Id) does, or load into the tables behind it',
    { scope: 'table' },
  );
}

async function serverOf(load: Load, version: Server['version'], tables: readonly TableRow[]): Promise<Server> {
  const known = settingsOf(version) ?? (await ask(load, selectKnownSettings())).map(({ name }) => String(name));
  const [seconds] = rememberByDefault(tables)
    ? await load.clickhouse.facts(selectReplicatedSeconds()).catch(() => [])
    : [];
  return { version, knownSettings: known, replicatedSeconds: Number(seconds?.['value']) || null };
}

async function ask(load: Load, statement: string): Promise<readonly Facts[]> {
  try {
    return await load.clickhouse.facts(statement);
  } catch (error) {
    throw unseen(load, error);
  }
}

function unseen({ request }: Load, error: unknown): LoadError {
  return clickhouseFailure(error, 'describe-table', `cannot read table ${tableText(request)}`, request);
}

/** The table, its views, the tables that they fill, the views of those, and so on: one question for each step. */
async function tablesBehind(look: Look, own: readonly TableRow[]): Promise<readonly TableRow[]> {
  const found = new Map<string, TableRow>();
  let rows = own;
  for (let level = 0; level < MAX_LEVELS && rows.length > 0; level++) {
    for (const row of rows) found.set(`${row.database}.${row.name}`, row);
    const wanted = rows.flatMap(next).filter(([database, name]) => !found.has(`${database}.${name}`));
    rows = wanted.length === 0 ? [] : rowsOf(await look(selectTables(wanted)));
  }
  return [...found.values()];
}

function rowsOf(facts: readonly Facts[]): readonly TableRow[] {
  return facts as unknown as readonly TableRow[];
}

function next(row: TableRow): readonly FullName[] {
  const target = targetOf(row);
  const views = row.views.map((view, index): FullName => [row.viewDatabases[index] ?? row.database, view]);
  return target === null ? views : [...views, target];
}
