/** What is wrong, or worth a warning, with settings that are each valid by themselves. */
import { didYouMean } from '../util/did-you-mean.js';
import { isCluster, isEngine, isExpression } from '../util/table-shape.js';
import { isTenantName, tenantNamed } from '../util/tenant-name.js';
import { isHost } from './formats.js';
import { webhookObjection } from './notify-settings.js';
import { type Config, environmentName, listSettings } from './schema.js';
import { withoutCredentials } from './shown-arguments.js';

/** Variables beside those of settings: the file's path, and those that a loader gets. */
const OTHER_VARIABLES = [
  ...[
    'ATD_CONFIG',
    'ATD_OUTPUT',
    'ATD_JOB_ID',
    'ATD_ATTEMPT',
    'ATD_TENANT',
    'ATD_DEDUP_TOKEN',
    'ATD_ALLOWED_ROOTS',
    'ATD_SUPERVISOR',
  ],
];

/** Kubernetes puts an address of each Service of the namespace into the environment, whatever the Service is called. */
export function isInjected(name: string, value: string): boolean {
  return (
    /^[A-Z0-9_]+_SERVICE_(?:HOST|PORT(?:_[A-Z0-9_]+)?)$/.test(name) ||
    (/_PORT(?:_|$)/.test(name) && isServiceUrl(name, value))
  );
}

/** `ATD_X_PORT=tcp://10.0.0.1:80`, and its parts `ATD_X_PORT_80_TCP_PROTO`, `…_ADDR` and `…_PORT`. */
function isServiceUrl(name: string, value: string): boolean {
  return /^(?:tcp|udp|sctp):\/\//.test(value) || /_PORT_\d+_(?:TCP|UDP|SCTP)_(?:PROTO|ADDR|PORT)$/.test(name);
}

/** One line per variable that looks like one of ours and is none. */
export function warnOfVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...listSettings().map(([key]) => environmentName(key)), ...OTHER_VARIABLES];
  return Object.entries(env).flatMap(([name, value]) => {
    if (!name.startsWith('ATD_') || value === undefined || known.includes(name) || isInjected(name, value)) return [];
    const meant = didYouMean(name, known);
    return [`the variable ${name} is no setting${meant === null ? '' : `; did you mean ${meant}?`}`];
  });
}

/** The loader would refuse each file for it. */
function checkTables({ engine, order_by, partition_by, on_cluster }: Config['tables']): string[] {
  const wrong = (key: string, value: string | null, isRight: (text: string) => boolean, what: string): string[] =>
    value === null || isRight(value) ? [] : [`tables.${key} (${JSON.stringify(value)}) is ${what}`];
  return [
    ...wrong('engine', engine, isEngine, 'no engine of the MergeTree family, which alone remembers what was inserted'),
    ...wrong('order_by', order_by, isExpression, 'no list of columns or expressions'),
    ...wrong('partition_by', partition_by, isExpression, 'no list of columns or expressions'),
    ...wrong('on_cluster', on_cluster, isCluster, 'neither the name of a cluster nor a macro such as {cluster}'),
  ];
}

/** Rules over several settings. */
export function checkTogether({ as_cli, http, kafka, notify, service, tables }: Config): string[] {
  const complaints = checkTables(tables);
  const objection = notify.webhook === null ? null : webhookObjection(notify.webhook);
  if (objection !== null) complaints.push(objection);
  if (!isHost(http.host)) {
    const shown = JSON.stringify(http.host);
    complaints.push(`http.host (${shown}) must be a name or an address alone, without scheme, brackets and port`);
  }
  const { deadline_seconds } = service.shutdown;
  if (as_cli.grace >= deadline_seconds) {
    complaints.push(
      `service.shutdown.deadline_seconds (${deadline_seconds}) must exceed as_cli.grace (${as_cli.grace})`,
    );
  }
  const { mechanism, username, password } = kafka.sasl;
  if (mechanism !== null && username === null)
    complaints.push('kafka.sasl.mechanism is set, and kafka.sasl.username is not');
  if (mechanism !== null && password === null) {
    complaints.push(
      'kafka.sasl.mechanism is set, and neither kafka.sasl.password nor kafka.sasl.password_file is; ' +
        'a secret that only the systemd unit has is found as docs/operations.md says under "Check as the unit does"',
    );
  }
  if (mechanism === null && (username !== null || password !== null)) {
    const given = username !== null ? 'kafka.sasl.username' : 'kafka.sasl.password';
    complaints.push(`${given} is set, and kafka.sasl.mechanism is not: the service would not authenticate at all`);
  }
  const { enabled, ca_file, cert_file, key_file } = kafka.ssl;
  const unused = Object.entries({ ca_file, cert_file, key_file }).find(([, file]) => file !== null)?.[0];
  if (!enabled && unused !== undefined) {
    complaints.push(
      `kafka.ssl.${unused} is set, and kafka.ssl.enabled is false: the connection would not be encrypted`,
    );
  }
  if ((cert_file === null) !== (key_file === null)) {
    const [given, missing] = cert_file === null ? ['key_file', 'cert_file'] : ['cert_file', 'key_file'];
    complaints.push(`kafka.ssl.${given} is set, and kafka.ssl.${missing} is not: each is of use with the other only`);
  }
  const { backoff_seconds, max_backoff_seconds } = service.retry;
  if (backoff_seconds > max_backoff_seconds) {
    complaints.push('service.retry.backoff_seconds must not exceed service.retry.max_backoff_seconds');
  }
  complaints.push(
    ...checkPatterns('service.circuit_breaker.patterns holds', service.circuit_breaker.patterns),
    ...checkPatterns('as_cli.failure_patterns holds', as_cli.failure_patterns),
    ...checkPatterns('as_cli.success_pattern is', [as_cli.success_pattern]),
  );
  return complaints;
}

function checkPatterns(where: string, patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    try {
      if (!new RegExp(pattern, 'i').test('')) return [];
      return [`${where} ${JSON.stringify(pattern)}, which matches every text, even an empty one`];
    } catch {
      return [`${where} ${JSON.stringify(pattern)}, not a regular expression`];
    }
  });
}

export function warningsFor({ kafka, clickhouse, tenants }: Config): string[] {
  const warnings: string[] = [];
  if (clickhouse.host !== null && !isHost(clickhouse.host)) {
    const shown = JSON.stringify(withoutCredentials(clickhouse.host));
    warnings.push(
      `clickhouse.host (${shown}) is no name or address alone: the bundled loader takes no scheme or port there`,
    );
  }
  for (const tenant of tenants.allowed) {
    if (isTenantName(tenantNamed(tenant))) continue;
    const remedy = 'its messages are refused, for a tenant is made of letters, digits and underscores';
    warnings.push(`tenants.allowed has ${JSON.stringify(tenant)}, but ${remedy}`);
  }
  if (kafka.enable_auto_commit) {
    warnings.push('kafka.enable_auto_commit has no effect: an offset is committed when its files are loaded');
  }
  if (kafka.auto_offset_reset === 'latest') {
    warnings.push('kafka.auto_offset_reset is latest: what was announced before the first start is not loaded');
  }
  return warnings;
}
