/**
 * Job -> the command that loads it. The argument vector keeps the order that AppSentinels' as-cli is called with, so that
 * any loader with its command line can stand in its place.
 */
import type { Command, Job } from '../types.js';

export interface CommandRules {
  /** Absolute path, or a name to be looked up on the child's PATH. */
  readonly executable: string;
  /** Arguments between the executable and `ingest`; the bundled loader is started as `node <script>`. */
  readonly executableArgs: readonly string[];
  readonly createTable: boolean;
  /** Null leaves the option out. */
  readonly batchSize: number | null;
  readonly schemaFile: string | null;
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
  /** What the child gets of the service's own environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export function buildCommand(job: Job, attempt: number, rules: CommandRules): Command {
  return {
    file: rules.executable,
    args: [...rules.executableArgs, ...buildArguments(job, rules)],
    env: buildEnvironment(job, attempt, rules),
    input: { file: job.file, allowedRoots: rules.allowedRoots },
    timeoutMs: rules.timeoutMs,
    graceMs: rules.graceMs,
  };
}

function buildArguments(job: Job, rules: CommandRules): string[] {
  const { host, port, database, user, password } = rules.clickhouse;
  return [
    'ingest',
    'records',
    '--file',
    job.file,
    '--table-name',
    job.table,
    ...(rules.createTable ? ['--create-table'] : []),
    ...option('--batch-size', rules.batchSize),
    ...option('--schema-file', rules.schemaFile),
    ...option('--db-host', host),
    ...option('--db-port', port),
    ...option('--db-database', database),
    ...option('--db-user', user),
    ...option('--db-password', rules.passwordIn === 'argv' ? password : null),
    ...rules.additionalArgs,
  ];
}

function option(name: string, value: string | number | null): string[] {
  return value === null ? [] : [name, String(value)];
}

function buildEnvironment(job: Job, attempt: number, rules: CommandRules): Record<string, string> {
  const { password, secure } = rules.clickhouse;
  const environment: Record<string, string> = {};
  // Not by spreading, which takes longer than all the rest that a record costs the engine.
  for (const name in rules.environment) environment[name] = rules.environment[name] as string;
  environment['ATD_JOB_ID'] = job.id;
  // The same at every attempt and every delivery, so that rows which are in the table already are recognised. The
  // timestamp tells a topic that was deleted and made anew, and counts its offsets from 0 again, from the old one.
  environment['ATD_DEDUP_TOKEN'] = `${job.id}@${job.timestamp}`;
  environment['ATD_ATTEMPT'] = String(attempt);
  environment['ATD_TENANT'] = job.tenant ?? '';
  // The bundled loader then reports its rows and bytes as one line of JSON.
  environment['ATD_OUTPUT'] = 'json';
  if (password !== null && rules.passwordIn === 'environment') environment['CLICKHOUSE_PASSWORD'] = password;
  if (secure) environment['CLICKHOUSE_SECURE'] = 'true';
  if (job.traceparent !== null) environment['TRACEPARENT'] = job.traceparent;
  return environment;
}
