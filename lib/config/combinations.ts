/** Settings that are each valid and make no sense together. One rule per line of `RULES`; each names both keys. */
import { isByAttempt, LOADED_AT } from '../util/table-shape.js';
import { tenantNamed } from '../util/tenant-name.js';
import { poolSize } from './pool-size.js';
import { type Config, listSettings } from './schema.js';

/** @returns the complaint, which names both keys, or null where the two go together */
type Rule = (config: Config) => string | null;

/** Kafka's bound on a topic's name. */
const MAX_TOPIC_CHARACTERS = 249;

/** The files that the service reads; it writes its log alone. */
const FILES = listSettings()
  .map(([key]) => key)
  .filter((key) => key.endsWith('_file') && key !== 'log_file');

const RULES: readonly Rule[] = [
  ({ kafka, service }) => {
    if (service.dead_letter.topic !== kafka.topic) return null;
    return `service.dead_letter.topic and kafka.topic are both ${kafka.topic}: every dead letter would be read again and become one more; name another topic`;
  },
  ({ kafka, service }) => {
    const { topic } = service.dead_letter;
    if (topic === null || topic === kafka.topic || canonical(topic) !== canonical(kafka.topic)) return null;
    return `service.dead_letter.topic (${topic}) and kafka.topic (${kafka.topic}) differ only in '.' and '_', and Kafka lets only one of two such topics exist; name another topic`;
  },
  ({ kafka, service }) => {
    const { topic } = service.dead_letter;
    if (topic === null || canonical(topic) !== canonical(`${kafka.topic}.control`)) return null;
    return `service.dead_letter.topic (${topic}) is the topic in which people's orders to the readers of kafka.topic (${kafka.topic}) stand; name another topic`;
  },
  ({ kafka, service }) => {
    if (service.dead_letter.topic !== null || kafka.topic.length + '.dlq'.length <= MAX_TOPIC_CHARACTERS) return null;
    return `kafka.topic is so long that <kafka.topic>.dlq, the topic that service.dead_letter.topic stands for where it is not set, has more than ${MAX_TOPIC_CHARACTERS} characters; set service.dead_letter.topic`;
  },
  ({ kafka, service, tenants }) => {
    if (
      tenants.set_aside === 'off' ||
      canonical(service.dead_letter.topic ?? '') !== canonical(`${kafka.topic}.waiting`)
    )
      return null;
    return `service.dead_letter.topic is ${service.dead_letter.topic}, where tenants.set_aside keeps what waits of kafka.topic: dead letters would be read from it; name another topic`;
  },
  ({ kafka, tenants }) => {
    if (tenants.set_aside === 'off' || kafka.topic.length + '.waiting'.length <= MAX_TOPIC_CHARACTERS) return null;
    return `kafka.topic is so long that <kafka.topic>.waiting, which tenants.set_aside asks for, has more than ${MAX_TOPIC_CHARACTERS} characters; leave it off`;
  },
  ({ service: { circuit_breaker: breaker } }) =>
    atMost(
      ['service.circuit_breaker.open_seconds', breaker.open_seconds],
      ['service.circuit_breaker.max_open_seconds', breaker.max_open_seconds],
      'the first wait would be longer than the longest',
    ),
  ({ service: { circuit_breaker: breaker, retry } }) => {
    const both = breaker.exit_codes.filter((code) => retry.permanent_exit_codes.includes(code));
    if (both.length === 0) return null;
    return `service.circuit_breaker.exit_codes and service.retry.permanent_exit_codes both have ${both.join(', ')}: the one says that another try helps, the other that none does`;
  },
  ({ ingest }) =>
    atMost(
      ['ingest.max_message_bytes', ingest.max_message_bytes],
      ['ingest.max_queued_bytes', ingest.max_queued_bytes],
      'one message alone would stop the reading of all others',
    ),
  ({ thread_pool_size, ingest }) =>
    atMost(
      ['thread_pool_size', poolSize(thread_pool_size)],
      ['ingest.max_queued_jobs', ingest.max_queued_jobs],
      'reading would pause before every thread has a job',
    ),
  ({ ledger, default_table }) => {
    const same = ledgerTables(ledger.table).find((name) => name === default_table);
    if (same === undefined) return null;
    return `ledger.table (${ledger.table}) and default_table (${default_table}) would both be ${same}: the rows of files would stand among those of the ledger; name another table`;
  },
  ({ ledger, table_prefix, tenants }) => {
    const names = ledgerTables(ledger.table);
    const tenant = tenants.allowed.map(tenantNamed).find((name) => names.includes(`${table_prefix}_${name}`));
    if (tenant === undefined) return null;
    return `ledger.table (${ledger.table}) takes the table of the tenant ${tenant} of tenants.allowed, ${table_prefix}_${tenant}: all its messages would be refused; name another table`;
  },
  ({ default_table, table_prefix, tenants }) => {
    const tenant = tenants.allowed.map(tenantNamed).find((name) => `${table_prefix}_${name}` === default_table);
    if (tenant === undefined) return null;
    return `default_table (${default_table}) is the table of the tenant ${tenant} of tenants.allowed: all its messages would be refused, lest they stand among those without a tenant; name another table`;
  },
  ({ ingest, tables: { partition_by: key } }) => {
    if (!ingest.provenance || key === null || !isByAttempt(key)) return null;
    return `tables.partition_by (${key}) is by ${LOADED_AT.name}, which ingest.provenance has another one in each attempt: a load that is repeated would double its rows; name a column of the files`;
  },
  (config) => {
    const { log_file: log } = config;
    if (log === null) return null;
    const key = FILES.find((name) => valueAt(config, name) === log);
    return key === undefined
      ? null
      : `log_file and ${key} are both ${log}: the log would overwrite it; name another file`;
  },
];

/** One line per pair of settings that makes no sense. */
export function checkCombinations(config: Config): string[] {
  return RULES.map((rule) => rule(config)).filter((complaint) => complaint !== null);
}

function valueAt(config: Config, key: string): unknown {
  return key.split('.').reduce<unknown>((group, name) => (group as Record<string, unknown>)[name], config);
}

/** The table, its view, and what people changed. */
function ledgerTables(table: string): string[] {
  return [table, `${table}_current`, `${table}_acts`];
}

type Numbered = readonly [key: string, value: number];

function atMost([key, value]: Numbered, [bound, most]: Numbered, why: string): string | null {
  return value <= most ? null : `${key} (${value}) must not exceed ${bound} (${most}): ${why}`;
}

/** A topic's name as Kafka's metrics have it, where '.' and '_' are the same. */
function canonical(topic: string): string {
  return topic.replaceAll('.', '_');
}
