/** How a table is made where there is none: the same options for `records` and `tenant`. */
import { isByAttempt, isCluster, isEngine, isExpression, LOADED_AT } from '../../util/table-shape.js';
import { type Given, Invalid, type OptionSpec } from './options.js';

export const TABLE_OPTIONS: readonly OptionSpec[] = [
  { name: 'engine', value: 'E', help: 'engine of a created table, of the MergeTree family (MergeTree)' },
  { name: 'order-by', value: 'LIST', help: 'its sorting key (time and id, else its first column)' },
  { name: 'partition-by', value: 'LIST', help: 'its partition key (none)' },
  { name: 'on-cluster', value: 'NAME', help: 'create it on every node of this cluster' },
];

export const DURABLE_OPTION: OptionSpec = {
  name: 'durable',
  value: null,
  help: 'a load that is done outlasts a loss of power: created tables write to disk at once',
};

export const PROVENANCE_OPTION: OptionSpec = {
  name: 'provenance',
  value: null,
  help: 'the created table has _load_id, _file and _loaded_at, for loads with --load-id',
};

export interface TableMaking {
  readonly engine: string;
  /** Null for the key that the columns suggest. */
  readonly orderBy: string | null;
  readonly partitionBy: string | null;
  readonly onCluster: string | null;
  readonly durable: boolean;
  /** Whether it says of each row which load it is of. */
  readonly provenance: boolean;
}

export const PLAIN_TABLE: TableMaking = {
  engine: 'MergeTree',
  orderBy: null,
  partitionBy: null,
  onCluster: null,
  durable: false,
  provenance: false,
};

/** Whether another statement is asked for than the loader's own: what is wrong with it is then wrong for every file. */
export function isShaped({ engine, orderBy, partitionBy, onCluster }: TableMaking): boolean {
  return engine !== PLAIN_TABLE.engine || orderBy !== null || partitionBy !== null || onCluster !== null;
}

export function tableMaking(
  given: Given,
  createTable: boolean,
  provenance: boolean = given.has(PROVENANCE_OPTION.name),
): TableMaking {
  const stray = TABLE_OPTIONS.find(({ name }) => given.has(name) && !createTable);
  if (stray !== undefined) throw new Invalid(`--${stray.name} needs --create-table: a table is never changed`);
  const partitionBy = expression(given, 'partition-by');
  if (provenance && partitionBy !== null && isByAttempt(partitionBy)) {
    const why = `${LOADED_AT.name} is another one in each attempt, and a repeated one would double its rows`;
    throw new Invalid(`--partition-by '${partitionBy}': ${why}; name a column of the files`);
  }
  return {
    engine: engine(given.get('engine')),
    orderBy: expression(given, 'order-by'),
    partitionBy,
    onCluster: cluster(given.get('on-cluster')),
    durable: given.has('durable'),
    provenance,
  };
}

function engine(value: string | undefined): string {
  if (value === undefined) return PLAIN_TABLE.engine;
  if (isEngine(value.trim())) return value.trim();
  throw new Invalid(`--engine '${value}' is none of the MergeTree family, which alone remembers what was inserted`);
}

function expression(given: Given, name: string): string | null {
  const value = given.get(name)?.trim();
  if (value === undefined) return null;
  if (isExpression(value)) return value;
  throw new Invalid(`--${name} '${value}' is no list of columns or expressions`);
}

function cluster(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (isCluster(value)) return value;
  throw new Invalid(`--on-cluster '${value}' is neither the name of a cluster nor a macro such as {cluster}`);
}
