/**
 * Job -> the command that loads it. The argument vector keeps the order that AppSentinels' as-cli is called with, so that
 * any loader with its command line can stand in its place.
 */
import type { Command, Job, Settling } from '../../types.js';
import { tokenOf } from './replays.js';

export interface CommandRules {
  /** Absolute path, or a name to be looked up on the child's PATH. */
  readonly executable: string;
  /** Arguments between the executable and `ingest`; the bundled loader is started as `node <script>`. */
  readonly executableArgs: readonly string[];
  /** Whether it is the one of this package; another one is given what AppSentinels' as-cli reads of its environment. */
  readonly bundled: boolean;
  readonly createTable: boolean;
  /** Null leaves the option out. */
  readonly batchSize: number | null;
  readonly schemaFile: string | null;
  /** How tables are made: for the bundled loader alone, since no other one has these options. */
  readonly tables: {
    readonly engine: string | null;
    readonly orderBy: string | null;
    readonly partitionBy: string | null;
    readonly onCluster: string | null;
    readonly durable: boolean;
  };
  readonly clickhouse: {
    readonly host: string | null;
    readonly port: number | null;
    readonly database: string | null;
    readonly user: string | null;
    readonly password: string | null;
    readonly secure: boolean;
  };
  /** An argument vector is world-readable in /proc; the environment is not. */
  readonly passwordIn: 'environment' | 'argv';
  readonly additionalArgs: readonly string[];
  readonly timeoutMs: number;
  readonly graceMs: number;
  readonly allowedRoots: readonly string[];
  /** What the rows of a load are to say which load they are of; left out where they say nothing. */
  readonly loadIdOf?: LoadIdOf;
  /** What the child gets of the service's own environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The ledger's: the same in every attempt, delivery and instance. */
export type LoadIdOf = (token: string, generation: number) => string;

/** The part of a command that is the same for every job. Copying it is cheaper than building a command anew. */
export interface CommandTemplate {
  readonly command: Command;
  /** The places of the job's own arguments. */
  readonly fileAt: number;
  readonly tableAt: number;
  readonly loadIdOf: LoadIdOf | null;
}

export function commandTemplate(rules: CommandRules): CommandTemplate {
  const before = [...rules.executableArgs, 'ingest', 'records', '--file', '', '--table-name', ''];
  const command = {
    file: rules.executable,
    args: [...before, ...commonArguments(rules)],
    env: commonEnvironment(rules),
    input: { file: '', allowedRoots: rules.allowedRoots },
    timeoutMs: rules.timeoutMs,
    graceMs: rules.graceMs,
  };
  return { command, fileAt: before.length - 3, tableAt: before.length - 1, loadIdOf: rules.loadIdOf ?? null };
}

export function buildCommand(
  job: Job,
  attempt: number,
  { command, fileAt, tableAt, loadIdOf }: CommandTemplate,
  settling: Settling | null = null,
): Command {
  const args = command.args.slice();
  args[fileAt] = job.file;
  args[tableAt] = job.table;
  return {
    file: command.file,
    args,
    env: buildEnvironment(job, attempt, command.env, loadIdOf),
    input: { file: job.file, allowedRoots: command.input.allowedRoots, settling },
    timeoutMs: command.timeoutMs,
    graceMs: command.graceMs,
  };
}

function commonArguments(rules: CommandRules): string[] {
  const { host, port, database, user, password } = rules.clickhouse;
  return [
    ...(rules.createTable ? ['--create-table'] : []),
    ...option('--batch-size', rules.batchSize),
    ...option('--schema-file', rules.schemaFile),
    ...option('--db-host', host),
    ...option('--db-port', port),
    ...option('--db-database', database),
    ...option('--db-user', user),
    ...option('--db-password', rules.passwordIn === 'argv' ? password : null),
    ...(rules.bundled ? tableArguments(rules) : []),
    ...rules.additionalArgs,
  ];
}

function tableArguments({ createTable, tables }: CommandRules): string[] {
  const shape = [
    ...option('--engine', tables.engine),
    ...option('--order-by', tables.orderBy),
    ...option('--partition-by', tables.partitionBy),
    ...option('--on-cluster', tables.onCluster),
  ];
  return [...(createTable ? shape : []), ...(tables.durable ? ['--durable'] : [])];
}

function option(name: string, value: string | number | null): string[] {
  return value === null ? [] : [name, String(value)];
}

/** With the names of what differs by job, so that a copy has a place for it. */
function commonEnvironment(rules: CommandRules): Record<string, string> {
  const { password, secure } = rules.clickhouse;
  const environment: Record<string, string> = {
    ...rules.environment,
    ATD_JOB_ID: '',
    ATD_DEDUP_TOKEN: '',
    ATD_ATTEMPT: '',
    ATD_TENANT: '',
    // The bundled loader then reports its rows and bytes as one line of JSON.
    ATD_OUTPUT: 'json',
  };
  // What was judged here is judged again where it is opened.
  if (rules.allowedRoots.length > 0) environment['ATD_ALLOWED_ROOTS'] = JSON.stringify(rules.allowedRoots);
  if (password !== null && rules.passwordIn === 'environment') environment['CLICKHOUSE_PASSWORD'] = password;
  if (secure) environment['CLICKHOUSE_SECURE'] = 'true';
  return rules.bundled ? environment : { ...environment, ...asCliVariables(rules) };
}

/** What stands on the command line, as the variables of AppSentinels' as-cli; so the password reaches it without argv. */
function asCliVariables(rules: CommandRules): Record<string, string> {
  const { host, port, database, user, password } = rules.clickhouse;
  const values: Readonly<Record<string, string | number | null>> = {
    AS_DB_HOST: host,
    AS_DB_PORT: port,
    AS_DB_DATABASE: database,
    AS_DB_USER: user,
    AS_DB_PASSWORD: rules.passwordIn === 'environment' ? password : null,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, String(value)]])),
  );
}

function buildEnvironment(
  job: Job,
  attempt: number,
  common: Readonly<Record<string, string>>,
  loadIdOf: LoadIdOf | null,
): Record<string, string> {
  const environment: Record<string, string> = { ...common };
  environment['ATD_JOB_ID'] = job.id;
  const token = tokenOf(job);
  environment['ATD_DEDUP_TOKEN'] = token;
  const generation = job.replay?.generation ?? 0;
  if (generation > 0) environment['ATD_GENERATION'] = String(generation);
  if (loadIdOf !== null) environment['ATD_LOAD_ID'] = loadIdOf(token, generation);
  environment['ATD_ATTEMPT'] = String(attempt);
  environment['ATD_TENANT'] = job.tenant ?? '';
  if (job.traceparent !== null) environment['TRACEPARENT'] = job.traceparent;
  return environment;
}
