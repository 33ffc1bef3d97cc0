/**
 * The one list of settings. `npm run docs` writes `etc/atd-ingestion.yaml` and the tables of `docs/configuration.md` from it;
 * the texts are Markdown there, so a name in angle brackets stands in backticks.
 */

import { AS_CLI } from './as-cli-settings.js';
import { SINK_PATTERNS } from './defaults.js';
import { LEDGER_SETTINGS } from './ledger-settings.js';
import { NOTIFY } from './notify-settings.js';
import {
  brokers,
  choice,
  flag,
  maybeWhole,
  maybeWholeOrAuto,
  number,
  readableFile,
  reloadable,
  type Setting,
  text,
  texts,
  whole,
} from './setting.js';

export type { Setting } from './setting.js';

export interface SettingGroup {
  readonly [key: string]: Setting | SettingGroup;
}

type Values<Group> = {
  readonly [Key in keyof Group]: Group[Key] extends Setting<infer Value> ? Value : Values<Group[Key]>;
};

/** All settings, validated and frozen; the keys are those of the file. */
export type Config = Values<typeof SETTINGS>;

/** What Kafka allows. */
const TOPIC = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MIB = 1024 * 1024;
const DAY = 86_400;

export const SETTINGS = {
  kafka: {
    topic: text('atd-topic', 'Topic that announces the files.', { alias: 'KAFKA_TOPIC', pattern: TOPIC }),
    bootstrap_servers: brokers(
      ['localhost:9092'],
      'Brokers to ask first, host:port each; an IPv6 address in brackets.',
    ),
    group_id: text('atd-ingestion', 'Consumer group; instances that share it share the work.'),
    client_id: text('atd-ingestion', "Name that the brokers' logs show."),
    auto_offset_reset: choice(
      'earliest',
      ['earliest', 'latest'],
      'Where a group without commits starts. With `latest`, what was announced before the first start is never loaded; ' +
        'from then on nothing is left out.',
    ),
    on_lost_offsets: choice(
      'stop',
      ['stop', 'earliest', 'latest'],
      'Where a group goes on whose commits are gone (deleted, or expired while it was stopped): nowhere before somebody sets its ' +
        'offsets, at the first message, or behind the last one. Seen by its dead letters, and by what this process saw committed.',
    ),
    enable_auto_commit: flag(
      false,
      'Accepted for old files, without effect: an offset is committed when its files are loaded.',
    ),
    poll_timeout_ms: whole(250, 10, 5_000, 'How long a broker may hold an empty fetch open.'),
    session_timeout_ms: whole(
      45_000,
      6_000,
      1_800_000,
      'Without a heartbeat for this long, the group gives the partitions to another member.',
    ),
    commit_interval_ms: whole(100, 1, 60_000, 'Least time between two commits.'),
    ssl: {
      enabled: flag(false, 'Whether to connect by TLS. The certificate is always verified.'),
      ca_file: readableFile(
        "PEM file of the authorities to trust; null for the system's. The three files are read again with each connection.",
      ),
      cert_file: readableFile('PEM file of the client certificate.'),
      key_file: readableFile('PEM file of its key.'),
    },
    sasl: {
      mechanism: choice(null, ['plain', 'scram-sha-256', 'scram-sha-512'], 'How to authenticate; null for not at all.'),
      username: reloadable.text(null, 'User name.'),
      password: reloadable.text(null, 'Password.', { sensitive: true }),
      password_file: reloadable.text(null, 'File that holds the password; read anew whenever a broker asks for it.'),
    },
  },
  clickhouse: {
    host: text(null, "Passed on as --db-host; null leaves it to the loader's own settings."),
    port: maybeWhole(null, 1, 65_535, 'Passed on as --db-port. The bundled loader wants the HTTP port (8123).'),
    database: text(null, 'Passed on as --db-database.'),
    user: reloadable.text(null, 'Passed on as --db-user.'),
    password: reloadable.text(null, 'Passed on by the environment (CLICKHOUSE_PASSWORD).', { sensitive: true }),
    password_file: reloadable.text(null, 'File that holds the password.'),
    secure: flag(false, 'Whether the bundled loader connects by TLS.'),
  },
  as_cli: AS_CLI,
  thread_pool_size: reloadable.wholeOrAuto(
    4,
    1,
    256,
    'Loads at the same time: worker threads with one child each. `auto` finds out how many are of use, up to four for each ' +
      'processor and 64 in all.',
  ),
  log_level: reloadable.level('info', 'How much is logged; debug shows every line that the loaders print.', {
    alias: 'LOG_LEVEL',
  }),
  log_file: text(null, 'Also log to this file, rotated; null for the console only.'),
  log_format: choice(
    'auto',
    ['auto', 'json', 'pretty'],
    'auto is pretty on a terminal and one JSON line per event elsewhere.',
  ),
  auto_create_tables: flag(true, 'Whether the loader creates missing tables (--create-table).'),
  table_prefix: text('atd', "A tenant's table is `<table_prefix>_<tenant>`.", { pattern: IDENTIFIER }),
  default_table: text('atd_logs', 'Table of messages without a tenant.', { pattern: IDENTIFIER }),
  batch_size: maybeWholeOrAuto(
    1,
    10_000_000,
    'Rows per block (--batch-size). `auto` leaves it to the bundled loader, which fits it to the file, and is 10000 for any other; ' +
      'null leaves it to any loader.',
  ),
  schema_file: readableFile('JSON file of column name -> ClickHouse type (--schema-file).'),
  tables: {
    engine: text(null, 'Engine of a created table, of the MergeTree family (--engine).'),
    order_by: text(null, 'Its sorting key (--order-by); null for the one that its columns suggest.'),
    partition_by: text(null, 'Its partition key (--partition-by); null for none.'),
    on_cluster: text(null, 'Cluster on whose nodes it is created (--on-cluster), or a macro such as `{cluster}`.'),
    durable: flag(false, 'Whether a load that is done outlasts a loss of power (--durable).'),
  },
  ledger: LEDGER_SETTINGS,
  tenants: {
    allowed: reloadable.texts(
      [],
      'Tenants that are let in; empty for all that are well-formed. Messages without a tenant are let in too.',
      { alias: 'ALLOWED_TENANTS' },
    ),
    allowed_file: reloadable.readableFile(
      'File of more tenants that are let in, one a line, `#` for comments; read again by itself when it changes.',
    ),
    required: flag(false, 'Whether a message must name a tenant; one without is dead-lettered as `tenant-denied`.'),
    unknown: choice(
      'refuse',
      ['refuse', 'hold'],
      'What becomes of a message whose tenant is on neither list: `refuse` dead-letters it at once; `hold` keeps it, uncharged ' +
        'and out of the way of others, in case the list is late.',
    ),
    hold_seconds: number(300, 1, DAY, 'How long it is kept so; then it is dead-lettered as `tenant-denied`.'),
    set_aside: choice(
      'off',
      ['off', 'topic'],
      'Where messages wait that a paused tenant or a held table keeps waiting for longer than `ingest.max_uncommitted` allows: ' +
        '`off` leaves them where they are, and their partition is not read on; `topic` copies them to `<kafka.topic>.waiting`, ' +
        'from which they are read again. For all instances alike; before it is switched off: `atd-ingestion drain --waiting`.',
    ),
    weights: reloadable.texts(
      [],
      'Shares of the work other than 1, `tenant=weight` each: one of weight 3 gets three times as much as the others ' +
        'when all have work. Alone each gets every slot.',
      { pattern: /^\s*[A-Za-z0-9][A-Za-z0-9_]{0,62}\s*=\s*(?!0+(?:\.0*)?$)\d{1,4}(?:\.\d{1,3})?\s*$/ },
    ),
    max_loads: reloadable.maybeWhole(
      null,
      1,
      256,
      'Loads of one tenant at the same time; null for as many as there are slots.',
    ),
  },
  ingest: {
    allowed_roots: reloadable.texts([], 'Directories that files must lie in, links followed; empty for anywhere.', {
      pattern: /^\//,
    }),
    settle_seconds: number(
      0,
      0,
      3_600,
      'A file that was written to within so many seconds waits, uncharged, for at most ten times as long; then it is loaded ' +
        'as it is. 0 for not at all.',
    ),
    provenance: flag(
      false,
      'Whether each row says which load it is of: tables that the bundled loader makes get `_load_id`, `_file` and ' +
        '`_loaded_at`, and are filled there, as are tables that have them. For `loads undo`.',
    ),
    max_message_bytes: whole(MIB, 1_024, 64 * MIB, 'Longer messages are dead-lettered unread.'),
    max_queued_jobs: whole(
      1_000,
      1,
      1_000_000,
      'Reading pauses when this many jobs are ready or run. Of one tenant at most 32, or eight for each slot, count.',
    ),
    max_waiting_jobs: whole(
      50_000,
      1,
      10_000_000,
      'Reading pauses when this many jobs wait or run in all, also those of a flood and of tables that are held back.',
    ),
    max_queued_bytes: whole(
      64 * MIB,
      MIB,
      4_096 * MIB,
      'Reading pauses when the messages held in memory have this many bytes. What one answer of a broker unpacks to may have as many.',
    ),
    max_uncommitted: whole(
      12_000,
      1,
      1_000_000,
      'Reading of a partition pauses when this many of its records wait for one before them.',
    ),
  },
  service: {
    retry: {
      enabled: reloadable.flag(true, 'Whether a failed load is tried again.'),
      max_attempts: reloadable.whole(3, 1, 1_000, 'Attempts that may fail, the first included.'),
      max_timeouts: reloadable.whole(3, 1, 1_000, 'Attempts that may come to no end in time, the first included.'),
      max_interruptions: reloadable.whole(
        10,
        1,
        1_000,
        'Crashes of the service during its load after which a file is loaded alone; one more, and it is given up.',
      ),
      backoff_seconds: reloadable.number(
        5,
        0,
        3_600,
        'Wait before the second attempt; it doubles with each further one.',
      ),
      max_backoff_seconds: reloadable.number(300, 0, DAY, 'The longest wait.'),
      permanent_exit_codes: reloadable.exitCodes(
        [2, 64, 65, 66, 77, 78],
        'Exit codes of the loader that no repetition will change.',
      ),
    },
    dead_letter: {
      topic: text(null, 'Topic for what cannot be loaded; null for `<kafka.topic>.dlq`.', { pattern: TOPIC }),
      create_topic: flag(true, 'Whether to create that topic if it is missing.'),
    },
    circuit_breaker: {
      threshold: reloadable.whole(
        3,
        1,
        10_000,
        'Loads in a row that must find ClickHouse unavailable for the service to hold back.',
      ),
      dead_letters: reloadable.whole(
        10,
        1,
        1_000_000,
        'Dead letters of one table in a row after which its files are held back.',
      ),
      open_seconds: reloadable.number(
        1,
        0.01,
        3_600,
        'First wait before one load is tried; it doubles while that fails.',
      ),
      max_open_seconds: reloadable.number(30, 0.01, 3_600, 'The longest such wait.'),
      exit_codes: reloadable.exitCodes([69, 75], 'Exit codes of the loader that mean an unavailable ClickHouse.'),
      patterns: reloadable.texts(
        SINK_PATTERNS,
        'Regular expressions; what a loader other than the bundled one says when it ends with 1, or with 0 after a line ' +
          'of as_cli.failure_patterns, means the same where it matches one.',
      ),
    },
    shutdown: {
      deadline_seconds: number(330, 1, DAY, 'Seconds that a stop may take; running loads get most of them to finish.'),
    },
  },
  notify: NOTIFY,
  http: {
    host: text('127.0.0.1', 'Address of /metrics, /livez, /readyz and /api.'),
    port: whole(9464, 0, 65_535, 'Port of the same; 0 for any free one.'),
    hosts: texts(
      [],
      'Names under which /api may be asked for, beside addresses, localhost and the name of the machine.',
    ),
    token_file: readableFile(
      'File with the token that permits changes (/api/v1), read anew for each; null for none: nothing can be changed.',
    ),
  },
};

/** What the documents call the settings from an entry on; each group has a name. */
export const HEADINGS: Readonly<Record<string, string>> = {
  kafka: 'Kafka: where the announcements come from.',
  'kafka.ssl': 'TLS to the brokers.',
  'kafka.sasl': 'Authentication to the brokers.',
  clickhouse: 'ClickHouse: where the loader loads to. What is null here is left to the loader.',
  as_cli: 'The loader: one run of it per file.',
  thread_pool_size: 'Concurrency.',
  log_level: 'Log.',
  auto_create_tables: 'Tables.',
  tables: 'How tables are made; for the bundled loader.',
  ledger: 'The ledger: what became of each file.',
  tenants: 'Tenants.',
  ingest: 'What is let in, and how much of it at a time.',
  service: 'What the service does when loads fail and when it stops.',
  'service.retry': 'A load that fails for a reason of its own.',
  'service.dead_letter': 'Where a message goes that cannot be loaded.',
  'service.circuit_breaker': 'Holding back while ClickHouse is away: nothing is dead-lettered meanwhile.',
  'service.shutdown': 'An orderly stop.',
  notify: 'Who is told when somebody should look.',
  http: 'Metrics, probes, status, and what people may change.',
};

export function isSetting(entry: Setting | SettingGroup): entry is Setting {
  return typeof entry.doc === 'string';
}

/** `kafka.ssl.ca_file` -> `ATD_KAFKA_SSL_CA_FILE`. */
export function environmentName(key: string): string {
  return `ATD_${key.replaceAll('.', '_').toUpperCase()}`;
}

/** Every setting with its dotted key, in the order of the list. */
export function listSettings(group: SettingGroup = SETTINGS, prefix = ''): [key: string, setting: Setting][] {
  return Object.entries(group).flatMap(([name, entry]): [string, Setting][] =>
    isSetting(entry) ? [[`${prefix}${name}`, entry]] : listSettings(entry, `${prefix}${name}.`),
  );
}
