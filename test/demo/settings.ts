/** What the demo decides: the service's settings, and whether what was emitted is what arrived. Pure. */
import type { ClickHouseSandbox, KafkaSandbox } from '../sandbox/sandbox.js';

export interface Emitted {
  readonly tenant: string | null;
  readonly rows: number;
}

export interface TableRow {
  readonly tenant: string;
  readonly table: string;
  readonly files: number;
  readonly emitted: number;
  readonly loaded: number;
}

export const DEFAULT_TABLE = 'atd_logs';

export function demoConfig(kafka: KafkaSandbox, clickHouse: ClickHouseSandbox, topic: string, logFile: string): object {
  const { host, port, user, password, database } = clickHouse;
  return {
    kafka: { topic, bootstrap_servers: kafka.brokers },
    clickhouse: { host, port, user, password, database },
    log_file: logFile,
    log_format: 'json',
    http: { port: 0 },
  };
}

/** What stands for the status of a response in the broken file. */
export const NO_STATUS = 'oops';

/** A CSV file of samples whose last row has no number where its table has one. */
export function breakLastRow(csv: string): string {
  return csv.replace(/,\d+,(\d+)\n$/, `,${NO_STATUS},$1\n`);
}

export function tableOf(tenant: string | null): string {
  return tenant === null ? DEFAULT_TABLE : `atd_${tenant}`;
}

/** One row per tenant, in the order of their names; `loaded` are the counts that ClickHouse gave, by table. */
export function compare(emitted: readonly Emitted[], loaded: ReadonlyMap<string, number>): TableRow[] {
  const tenants = [...new Set(emitted.map(({ tenant }) => tenant))];
  return tenants
    .map((tenant) => {
      const own = emitted.filter((file) => file.tenant === tenant);
      const table = tableOf(tenant);
      const rows = own.reduce((sum, file) => sum + file.rows, 0);
      return { tenant: tenant ?? '(none)', table, files: own.length, emitted: rows, loaded: loaded.get(table) ?? 0 };
    })
    .sort((a, b) => a.tenant.localeCompare(b.tenant));
}

export function agrees(rows: readonly TableRow[]): boolean {
  return rows.length > 0 && rows.every(({ emitted, loaded }) => emitted === loaded);
}

export function renderTable(rows: readonly TableRow[]): string {
  const head = ['tenant', 'table', 'files', 'rows emitted', 'rows in ClickHouse', ''];
  const body = rows.map(({ tenant, table, files, emitted, loaded }) => [
    tenant,
    table,
    String(files),
    String(emitted),
    String(loaded),
    emitted === loaded ? 'ok' : 'DIFFERS',
  ]);
  const lines = [head, ...body];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Sum over the samples of a Prometheus counter whose labels contain `label`. */
export function sumCounter(metrics: string, name: string, label: string): number {
  return metrics
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
