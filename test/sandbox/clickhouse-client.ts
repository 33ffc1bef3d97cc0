/** A few lines of ClickHouse client for tests, so that what a test asserts does not pass through what it tests. */
import type { ClickHouseSandbox } from './clickhouse.js';

export interface ClickHouseRequest {
  readonly query: string;
  /** URL parameters: settings, `param_…`, `database` … */
  readonly parameters?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request with the sandbox's user and password; the response whatever its status. */
export async function requestClickHouse(ch: ClickHouseSandbox, request: ClickHouseRequest): Promise<Response> {
  // An address has room for some kilobytes.
  const inAddress = request.body === undefined ? {} : { query: request.query };
  const parameters = { database: ch.database, ...request.parameters, ...inAddress };
  return await fetch(`${ch.url}/?${new URLSearchParams(parameters)}`, {
    method: 'POST',
    // A connection of its own: one that waits may be closed by the server just as a busy test takes it.
    headers: { Connection: 'close', 'X-ClickHouse-User': ch.user, 'X-ClickHouse-Key': ch.password, ...request.headers },
    body: request.body ?? request.query,
  });
}

/** Runs a statement. @throws Error with ClickHouse's own text. */
export async function execute(
  ch: ClickHouseSandbox,
  query: string,
  options: Omit<ClickHouseRequest, 'query'> = {},
): Promise<void> {
  const response = await requestClickHouse(ch, { ...options, query });
  const text = await response.text();
  if (!response.ok) throw new Error(`${query}: ${text.trim()}`);
}

/** Rows of a SELECT without FORMAT clause, 64-bit integers as numbers. @throws Error with ClickHouse's own text. */
export async function queryRows<Row = Record<string, unknown>>(ch: ClickHouseSandbox, sql: string): Promise<Row[]> {
  const parameters = { default_format: 'JSONEachRow', output_format_json_quote_64bit_integers: '0' };
  const response = await requestClickHouse(ch, { query: sql, parameters });
  const text = await response.text();
  if (!response.ok) throw new Error(`${sql}: ${text.trim()}`);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}
