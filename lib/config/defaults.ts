/** Defaults of settings that are too long for the list. */

/** What ClickHouse's errors and the network say when the sink, not the file, is the trouble. */
export const SINK_PATTERNS = [
  'ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN',
  'connection refused|connection reset|connection timed out|no route to host|name resolution',
  'TOO_MANY_SIMULTANEOUS_QUERIES|TOO_MANY_PARTS|MEMORY_LIMIT_EXCEEDED|TABLE_IS_READ_ONLY|KEEPER_EXCEPTION',
];

/** Its table, its JSON and YAML, and its raw format, which is Python's; each says so at a place of its own. */
export const AS_CLI_FAILURES = [
  '^Error:',
  '^( {2}"success": false,?|success: false)$',
  '^\\{["\']success["\']: ?[Ff]alse\\b',
];
const NOTHING = '\\W*(0|no|none|nothing)\\b(?![.,]\\d)';
/** Neither a count of nothing nor a key of JSON is a success. */
export const AS_CLI_SUCCESS =
  `^[\\W_]*(successfully\\b(?!\\s+\\w+${NOTHING})|(imported|ingested|loaded|inserted)\\b)` + `(?!["']\\s*:|${NOTHING})`;

/** What a loader needs to find its way and its certificates. */
export const PASSED_ENVIRONMENT = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'].concat([
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'CLICKHOUSE_CA_FILE',
]);
