/** The command line of `ingest tenant`, as a value. A tenant is named by the rule of the service. */
import { normaliseTenant } from '../../core/rules/routing.js';
import { CONNECTION_OPTIONS, type Connection, type ReadText, readConnection } from './connection-options.js';
import * as options from './options.js';
import { DURABLE_OPTION, PROVENANCE_OPTION, TABLE_OPTIONS, type TableMaking, tableMaking } from './table-options.js';

export const TENANT_OPTIONS: readonly options.OptionSpec[] = [
  { name: 'tenant-name', value: 'T', help: 'the tenant (required, but for --list-tables)' },
  { name: 'create-table', value: null, help: "create the tenant's table if it does not exist" },
  { name: 'list-tables', value: null, help: 'list the table of the tenant, or those of all tenants' },
  { name: 'delete-table', value: null, help: "delete the tenant's table with all its rows" },
  { name: 'schema-file', value: 'S', help: 'JSON object of column name -> ClickHouse type, for --create-table' },
  { name: 'ttl-hours', value: 'N', help: 'the created table forgets rows N hours after MsgHeader_MessageTime' },
  ...TABLE_OPTIONS,
  DURABLE_OPTION,
  PROVENANCE_OPTION,
  { name: 'drop-first', value: null, help: 'with --create-table: delete the table that exists, with all its rows' },
  { name: 'table-prefix', value: 'P', help: "the table is P_T, as by the service's table_prefix (atd)" },
  { name: 'dry-run', value: null, help: 'show the statements and do nothing' },
  ...CONNECTION_OPTIONS,
  { name: 'json', value: null, help: 'report as lines of JSON (ATD_OUTPUT=json)' },
  ...options.COMMON_OPTIONS,
];

export type TenantAction =
  | {
      readonly kind: 'create';
      readonly table: string;
      readonly schemaFile: string;
      readonly ttlHours: number | null;
      readonly making: TableMaking;
      readonly dropFirst: boolean;
    }
  | { readonly kind: 'delete'; readonly table: string; readonly onCluster: string | null }
  | { readonly kind: 'list'; readonly table: string | null; readonly prefix: string };

export interface TenantRequest {
  readonly action: TenantAction;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly connection: Connection;
}

export function parseTenantArguments(
  args: readonly string[],
  env: options.Environment,
  readText: ReadText,
): options.Parsed<TenantRequest> {
  return options.parse(args, TENANT_OPTIONS, (given) => ({
    action: action(given),
    dryRun: given.has('dry-run'),
    json: options.wantsJson(given, env),
    connection: readConnection(given, env, readText),
  }));
}

const ACTIONS = ['create-table', 'list-tables', 'delete-table'] as const;
const ONLY_WITH_CREATE = [
  'schema-file',
  'ttl-hours',
  'drop-first',
  'engine',
  'order-by',
  'partition-by',
  'durable',
  'provenance',
] as const;

function action(given: options.Given): TenantAction {
  const asked = ACTIONS.filter((name) => given.has(name));
  const [only] = asked;
  if (only === undefined || asked.length > 1) {
    const said = only === undefined ? 'nothing to do' : `${asked.map((name) => `--${name}`).join(' and ')} at once`;
    throw new options.Invalid(`${said}: give one of ${ACTIONS.map((name) => `--${name}`).join(', ')}`);
  }
  const stray = ONLY_WITH_CREATE.find((name) => only !== 'create-table' && given.has(name));
  if (stray !== undefined) throw new options.Invalid(`--${stray} needs --create-table`);
  const prefix = tablePrefix(given.get('table-prefix') ?? 'atd');
  if (only === 'list-tables' && !given.has('tenant-name')) return { kind: 'list', table: null, prefix };
  const table = `${prefix}_${tenant(options.required(given, 'tenant-name'))}`;
  if (only === 'list-tables') return { kind: 'list', table, prefix };
  if (only === 'delete-table') return { kind: 'delete', table, onCluster: tableMaking(given, true).onCluster };
  const schemaFile = given.get('schema-file');
  if (!schemaFile) {
    throw new options.Invalid('--create-table needs --schema-file: there is no file here to take the columns from');
  }
  const ttlHours = options.ttlHours(given, true);
  return {
    kind: 'create',
    table,
    schemaFile,
    ttlHours,
    making: tableMaking(given, true),
    dropFirst: given.has('drop-first'),
  };
}

function tenant(value: string): string {
  const name = normaliseTenant(value, new Set());
  if (typeof name === 'string') return name;
  throw new options.Invalid(name === null ? '--tenant-name is empty' : `--tenant-name: ${name.reason}`);
}

function tablePrefix(value: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) return value;
  throw new options.Invalid(
    `--table-prefix '${value}' is not the beginning of a table name (letters, digits, underscores)`,
  );
}
