/** The configuration as the engine's parts want it: seconds to milliseconds, and each part its slice. */
import type { LoadLimits } from './backpressure.js';
import type { BreakerRules } from './circuit-breaker.js';
import type { CommandRules } from './command.js';
import type { RecordRules } from './records.js';
import type { RetryRules } from './retry-policy.js';

export interface EngineSettings {
  readonly slots: number;
  readonly records: RecordRules;
  /** Records of one partition that may be delivered and not yet passed by a commit. */
  readonly maxUncommitted: number;
  readonly load: LoadLimits;
  readonly command: CommandRules;
  readonly retry: RetryRules;
  readonly breaker: BreakerRules;
}

/** What is read of the configuration; its keys are those of the file. */
export interface EngineConfig {
  readonly clickhouse: CommandRules['clickhouse'];
  readonly as_cli: {
    readonly timeout: number;
    readonly grace: number;
    readonly additional_args: readonly string[];
    readonly password_in: 'environment' | 'argv';
    readonly pass_env: readonly string[];
  };
  readonly kafka: { readonly commit_interval_ms: number };
  readonly thread_pool_size: number;
  readonly auto_create_tables: boolean;
  readonly table_prefix: string;
  readonly default_table: string;
  readonly batch_size: number | null;
  readonly schema_file: string | null;
  readonly tenants: { readonly allowed: readonly string[] };
  readonly ingest: {
    readonly allowed_roots: readonly string[];
    readonly max_message_bytes: number;
    readonly max_queued_jobs: number;
    readonly max_queued_bytes: number;
    readonly max_uncommitted: number;
  };
  readonly service: {
    readonly retry: {
      readonly enabled: boolean;
      readonly max_attempts: number;
      readonly max_timeouts: number;
      readonly max_interruptions: number;
      readonly backoff_seconds: number;
      readonly max_backoff_seconds: number;
      readonly permanent_exit_codes: readonly number[];
    };
    readonly circuit_breaker: {
      readonly threshold: number;
      readonly dead_letters: number;
      readonly open_seconds: number;
      readonly max_open_seconds: number;
    };
  };
}

/** How the loader is started: the file to execute and what stands before `ingest`. */
export interface LoaderProgram {
  readonly file: string;
  readonly args: readonly string[];
}

export function engineSettings(
  config: EngineConfig,
  loader: LoaderProgram,
  environment: Readonly<Record<string, string | undefined>>,
): EngineSettings {
  const { retry, circuit_breaker } = config.service;
  return {
    slots: config.thread_pool_size,
    records: {
      maxMessageBytes: config.ingest.max_message_bytes,
      commitIntervalMs: config.kafka.commit_interval_ms,
      routing: {
        tablePrefix: config.table_prefix,
        defaultTable: config.default_table,
        allowedTenants: config.tenants.allowed.map((tenant) => tenant.trim().toLowerCase()),
      },
    },
    maxUncommitted: config.ingest.max_uncommitted,
    load: { jobs: config.ingest.max_queued_jobs, bytes: config.ingest.max_queued_bytes },
    command: {
      executable: loader.file,
      executableArgs: loader.args,
      createTable: config.auto_create_tables,
      batchSize: config.batch_size,
      schemaFile: config.schema_file,
      clickhouse: config.clickhouse,
      passwordIn: config.as_cli.password_in,
      additionalArgs: config.as_cli.additional_args,
      timeoutMs: config.as_cli.timeout * 1000,
      graceMs: config.as_cli.grace * 1000,
      allowedRoots: config.ingest.allowed_roots,
      environment: pick(environment, config.as_cli.pass_env),
    },
    retry: {
      maxAttempts: retry.enabled ? retry.max_attempts : 1,
      maxTimeouts: retry.enabled ? retry.max_timeouts : 1,
      maxInterruptions: retry.max_interruptions,
      backoffMs: retry.backoff_seconds * 1000,
      maxBackoffMs: retry.max_backoff_seconds * 1000,
      maxUnchargedMs: circuit_breaker.max_open_seconds * 1000,
      permanentExitCodes: retry.permanent_exit_codes,
    },
    breaker: {
      threshold: circuit_breaker.threshold,
      deadLetters: circuit_breaker.dead_letters,
      openMs: circuit_breaker.open_seconds * 1000,
      maxOpenMs: circuit_breaker.max_open_seconds * 1000,
    },
  };
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
