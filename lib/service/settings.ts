/** The configuration as the engine's parts want it: seconds to milliseconds, and each part its slice. */
import { poolSize } from '../config/pool-size.js';
import type { Config } from '../config/schema.js';
import type { Boot } from '../core/offsets/interruptions.js';
import type { WaitingTopic } from '../core/rules/headers.js';
import type { EngineSettings } from '../core/settings.js';
import { loadIdOf } from '../ledger/load-id.js';
import type { LedgerConnection } from '../ledger/store.js';
import type { LedgerTable } from '../ledger/table.js';
import type { LaunchMode } from '../types.js';
import { tenantNamed } from '../util/tenant-name.js';

/** The loader, and how it is started. */
export interface LoaderProgram {
  /** The file to execute. */
  readonly file: string;
  /** What stands before `ingest` where it is called once. */
  readonly args: readonly string[];
  /** The same where it loads files: a loader that stays is another script. */
  readonly loadArgs: readonly string[];
  /** By `as_cli.launch`, where `auto` is decided. */
  readonly launch: LaunchMode;
  /** Whether it is the one of this package, whose exit codes say what happened. */
  readonly bundled: boolean;
}

/** Jobs of a tenant that are ready at the same time: enough that no slot waits for the next fetch. */
const SHARE_PER_SLOT = 8;
const MIN_SHARE = 32;

/** For a loader that may not fit its blocks to the file. */
const BATCH_SIZE = 10_000;

/** What AppSentinels' as-cli reads of its environment begins so. */
const AS_CLI_VARIABLE = /^AS_/;

export function engineSettings(
  config: Config,
  loader: LoaderProgram,
  environment: Readonly<Record<string, string | undefined>>,
  boot: Boot | null = null,
  allowedTenants: ReadonlySet<string> = new Set(configuredTenants(config)),
): EngineSettings {
  const { retry, circuit_breaker } = config.service;
  const slots = poolSize(config.thread_pool_size);
  return {
    slots,
    adaptiveSlots: config.thread_pool_size === 'auto',
    records: {
      maxMessageBytes: config.ingest.max_message_bytes,
      commitIntervalMs: config.kafka.commit_interval_ms,
      boot,
      waiting: waitingTopicOf(config),
      holdUnknownMs: config.tenants.unknown === 'hold' ? config.tenants.hold_seconds * 1000 : 0,
      routing: {
        tablePrefix: config.table_prefix,
        defaultTable: config.default_table,
        allowedTenants,
        tenantRequired: config.tenants.required,
        reservedTables: reservedTables(config),
      },
    },
    maxUncommitted: config.ingest.max_uncommitted,
    sessionTimeoutMs: config.kafka.session_timeout_ms,
    load: {
      jobs: config.ingest.max_queued_jobs,
      waiting: Math.max(config.ingest.max_waiting_jobs, config.ingest.max_queued_jobs),
      bytes: config.ingest.max_queued_bytes,
    },
    awaitsControl: true,
    maxDeadLettersInRow: circuit_breaker.dead_letters,
    fairness: {
      weights: weightsOf(config.tenants.weights),
      maxRunning: config.tenants.max_loads ?? slots,
      share: Math.max(MIN_SHARE, slots * SHARE_PER_SLOT),
    },
    settleMs: config.ingest.settle_seconds * 1000,
    command: {
      executable: loader.file,
      executableArgs: loader.loadArgs,
      bundled: loader.bundled,
      createTable: config.auto_create_tables,
      batchSize: batchSizeFor(config, loader),
      schemaFile: config.schema_file,
      tables: {
        engine: config.tables.engine,
        orderBy: config.tables.order_by,
        partitionBy: config.tables.partition_by,
        onCluster: config.tables.on_cluster,
        durable: config.tables.durable,
      },
      clickhouse: { ...config.clickhouse, database: databaseOf(config) },
      passwordIn: config.as_cli.password_in,
      additionalArgs: config.as_cli.additional_args,
      timeoutMs: config.as_cli.timeout * 1000,
      graceMs: config.as_cli.grace * 1000,
      allowedRoots: config.ingest.allowed_roots,
      ...(config.ingest.provenance ? { loadIdOf } : {}),
      environment: pick(environment, passedVariables(config, loader, environment)),
    },
    retry: {
      maxAttempts: retry.enabled ? retry.max_attempts : 1,
      maxTimeouts: retry.enabled ? retry.max_timeouts : 1,
      maxInterruptions: retry.max_interruptions,
      backoffMs: retry.backoff_seconds * 1000,
      maxBackoffMs: retry.max_backoff_seconds * 1000,
      maxUnchargedMs: circuit_breaker.max_open_seconds * 1000,
      permanentExitCodes: retry.permanent_exit_codes,
      unavailableExitCodes: circuit_breaker.exit_codes,
    },
    breaker: {
      threshold: circuit_breaker.threshold,
      openMs: circuit_breaker.open_seconds * 1000,
      maxOpenMs: circuit_breaker.max_open_seconds * 1000,
    },
  };
}

function batchSizeFor({ batch_size }: Config, { bundled }: LoaderProgram): number | null {
  if (batch_size !== 'auto') return batch_size;
  return bundled ? null : BATCH_SIZE;
}

/** Whether there is a ledger: nobody's database gets a table unasked because of another loader. */
export function hasLedger({ ledger, clickhouse }: Config, { bundled }: Pick<LoaderProgram, 'bundled'>): boolean {
  return ledger.enabled === 'auto' ? bundled && clickhouse.host !== null : ledger.enabled;
}

export function ledgerTable({ ledger, tables, ...config }: Config): LedgerTable {
  return {
    database: ledger.database ?? databaseOf({ ...config, ledger, tables }) ?? 'default',
    name: ledger.table,
    retentionDays: ledger.retention_days,
    onCluster: tables.on_cluster,
    isReplicated: /^Replicated/.test(tables.engine ?? ''),
  };
}

const CA_OPTION = '--db-ca-file';

/** As the bundled loader connects, with what it is given beside the settings. */
export function ledgerConnection(
  config: Config,
  environment: EngineSettings['command']['environment'],
): LedgerConnection {
  const { host, port, user, password, secure } = config.clickhouse;
  const { additional_args: args } = config.as_cli;
  const given = args.find((arg) => arg.startsWith(`${CA_OPTION}=`))?.slice(CA_OPTION.length + 1);
  const following = args[args.indexOf(CA_OPTION) + 1];
  const caFile = given ?? (args.includes(CA_OPTION) ? following : environment['CLICKHOUSE_CA_FILE']);
  return {
    ...{ host: host ?? 'localhost', port: port ?? (secure ? 8443 : 8123), secure, caFile: caFile ?? null },
    ...{ user: user ?? 'default', password: password ?? '' },
  };
}

/** The ledger's own. */
export function reservedTables({ ledger: { table } }: Pick<Config, 'ledger'>): ReadonlySet<string> {
  return new Set([table, `${table}_current`, `${table}_acts`]);
}

/** Those of `tenants.allowed`, as they are compared. */
export function configuredTenants({ tenants }: Config): string[] {
  return tenants.allowed.map(tenantNamed);
}

/** Where records are set aside; null where they are not. */
export function waitingTopicOf({ tenants, kafka: { topic } }: Config): WaitingTopic | null {
  return tenants.set_aside === 'topic' ? { of: topic, topic: `${topic}.waiting` } : null;
}

/** `tenant=weight`, as the configuration's format has checked. */
function weightsOf(weights: readonly string[]): Map<string, number> {
  return new Map(
    weights.map((entry) => {
      const [tenant = '', weight] = entry.split('=');
      return [tenantNamed(tenant), Number(weight)];
    }),
  );
}

/** Where a server is named, so is its database, as the Python service of the same name does. */
export function databaseOf({ clickhouse: { host, port, database } }: Config): string | null {
  return database ?? (host === null && port === null ? null : 'default');
}

function passedVariables(
  { as_cli }: Config,
  { bundled }: LoaderProgram,
  environment: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  if (bundled) return as_cli.pass_env;
  return [...as_cli.pass_env, ...Object.keys(environment).filter((name) => AS_CLI_VARIABLE.test(name))];
}

function pick(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
