/** One run of `ingest tenant`: makes, lists or deletes the tables of tenants. Returns what is to be printed. */
import { ExitCode } from '../../errors.js';
import { table as aligned, bytesText, countText } from '../../util/plain-text.js';
import type { ClickHouse, Connect } from '../clickhouse/client.js';
import { type Column, tableColumns } from '../clickhouse/columns.js';
import * as sql from '../clickhouse/sql.js';
import { dropTable, listTables, type TableInfo } from '../clickhouse/table-statements.js';
import { LoadError, type Stage, serverFailure } from '../failures.js';
import type { Connection } from '../options/connection-options.js';
import type { TenantAction, TenantRequest } from '../options/tenant-options.js';
import { reservedInSchema } from './provenance.js';
import { readSchemaFile } from './schema-file.js';

export async function manageTenant(request: TenantRequest, connect: Connect): Promise<string> {
  const { action, dryRun, connection } = request;
  const schema = action.kind === 'create' ? await readSchemaFile(action.schemaFile) : [];
  const statements = statementsOf(action, schema);
  if (dryRun) return statements.map((statement) => `${statement};\n`).join('');
  const clickhouse = connect(connection);
  try {
    const server = new Server(clickhouse, connection);
    switch (action.kind) {
      case 'create':
        return await create(action, statements, schema.length, server, request.json);
      case 'delete':
        return await remove(action, server, request.json);
      case 'list':
        return list(await server.list(action), action, request);
    }
  } finally {
    await clickhouse.close();
  }
}

/** What is done if the table is as the action expects it; this is what `--dry-run` shows. */
function statementsOf(action: TenantAction, schema: readonly Column[]): readonly string[] {
  if (action.kind === 'list') return [listStatement(action)];
  const table = { database: null, table: action.table };
  if (action.kind === 'delete') return [dropTable(table, action.onCluster)];
  const columns = tableColumns(schema);
  if ('kind' in columns) {
    throw new LoadError(
      ExitCode.configuration,
      `cannot create table ${action.table}: columns '${columns.names.join("' and '")}' of the schema file both become ` +
        `'${columns.target}'; rename one of them`,
    );
  }
  const made = sql.createTableStatement(table, columns, action.ttlHours, action.making);
  if (made.kind === 'no-time-column') {
    throw new LoadError(
      ExitCode.usage,
      `cannot create table ${action.table}: --ttl-hours needs a date or time column MsgHeader_MessageTime, which the ` +
        'schema file does not have; leave out --ttl-hours',
    );
  }
  if (made.kind === 'reserved') throw reservedInSchema(action.table, made.name);
  return action.dropFirst
    ? [`DROP TABLE IF EXISTS ${sql.quoteTable(table)}${sql.onClusterClause(action.making.onCluster)} SYNC`, made.sql]
    : [made.sql];
}

type Listing = Extract<TenantAction, { kind: 'list' }>;

function listStatement({ table, prefix }: Listing): string {
  return listTables(table === null ? { prefix } : { name: table });
}

async function create(
  action: Extract<TenantAction, { kind: 'create' }>,
  statements: readonly string[],
  columns: number,
  server: Server,
  json: boolean,
): Promise<string> {
  const name = server.fullName(action.table);
  const existing = await server.find(action.table);
  if (existing !== null && !action.dropFirst) {
    if (json) return line({ table: name, action: 'unchanged', rows: existing.rows });
    return `Table ${name} exists already, with ${contents(existing)}; it was left as it is (--drop-first replaces it)\n`;
  }
  for (const statement of statements) await server.execute(statement, 'create-table', `cannot create table ${name}`);
  if (json) return line({ table: name, action: existing === null ? 'created' : 'replaced', columns });
  const replaced = existing === null ? '' : `Deleted table ${name} with ${contents(existing)}\n`;
  return `${replaced}Created table ${name} with ${countText(columns, 'column')}\n`;
}

async function remove(
  { table, onCluster }: Extract<TenantAction, { kind: 'delete' }>,
  server: Server,
  json: boolean,
): Promise<string> {
  const name = server.fullName(table);
  const existing = await server.find(table);
  if (existing === null) {
    throw new LoadError(
      ExitCode.configuration,
      `cannot delete table ${name}: there is no such table; as-cli ingest tenant --list-tables shows those that there are`,
    );
  }
  await server.execute(dropTable({ database: null, table }, onCluster), 'delete-table', `cannot delete table ${name}`);
  if (json) return line({ table: name, action: 'deleted', rows: existing.rows, bytes: existing.bytes });
  return `Deleted table ${name} with ${contents(existing)}\n`;
}

function list(tables: readonly TableInfo[], { table, prefix }: Listing, { json, connection }: TenantRequest): string {
  const { database } = connection;
  if (json) return tables.map(({ name, ...info }) => line({ table: `${database}.${name}`, ...info })).join('');
  if (tables.length === 0) return `No table ${table ?? `${prefix}_…`} in database ${database}\n`;
  const rows = tables.map(({ name, engine, rows, bytes }) => [
    `${database}.${name}`,
    rows === null ? '' : rows.toLocaleString('en-GB'),
    bytes === null ? '' : bytesText(bytes),
    engine,
  ]);
  return aligned(['table', 'rows', 'size', 'engine'], rows, ['left', 'right', 'right', 'left']);
}

function contents({ rows, bytes }: TableInfo): string {
  if (rows === null) return 'an unknown number of rows';
  return `${countText(rows, 'row')}${bytes === null ? '' : ` (${bytesText(bytes)})`}`;
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/** ClickHouse with failures as the line that ends the command. */
class Server {
  readonly #clickhouse: ClickHouse;
  readonly #connection: Connection;

  constructor(clickhouse: ClickHouse, connection: Connection) {
    this.#clickhouse = clickhouse;
    this.#connection = connection;
  }

  fullName(table: string): string {
    return `${this.#connection.database}.${table}`;
  }

  async find(table: string): Promise<TableInfo | null> {
    const [found] = await this.list({ kind: 'list', table, prefix: '' });
    return found ?? null;
  }

  async list(listing: Listing): Promise<readonly TableInfo[]> {
    try {
      return (await this.#clickhouse.rows(listStatement(listing))) as unknown as TableInfo[];
    } catch (error) {
      throw serverFailure(
        error,
        'list-tables',
        `cannot list the tables of ${this.#connection.database}`,
        this.#connection,
      );
    }
  }

  async execute(statement: string, stage: Stage, what: string): Promise<void> {
    try {
      await this.#clickhouse.execute(statement);
    } catch (error) {
      throw serverFailure(error, stage, what, this.#connection);
    }
  }
}
