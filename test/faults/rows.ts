/** Sample files whose rows tell which file they come from, loaded by the bundled loader and counted in ClickHouse. */
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { writeSampleFile } from '../../lib/cli/sample-files.js';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { type ClickHouseSandbox, startClickHouse } from '../sandbox/sandbox.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import type { Place, Settings } from '../support/service-process.js';

const ROWS_PER_FILE = 100;

export interface Tables {
  readonly rowsPerFile: number;
  /** What the service has to be told to load into them. */
  readonly settings: Settings;
  /** Writes that many files and gives their paths. */
  writeSamples(files: number): string[];
  /** How often each file of `records`, in the order of the samples, is in the tenant's table. */
  loads(tenant: string, records: readonly string[]): Promise<Map<string, number>>;
  /** One row, or none without a table. */
  counts(tenant: string): Promise<{ rows: number; ids: number }[]>;
}

/** A database of its own on that ClickHouse, which is the whole suite's unless another one is given. */
export async function createTables(t: TestContext, place: Place, own?: ClickHouseSandbox): Promise<Tables> {
  const clickHouse = own ?? (await startClickHouse());
  if (own === undefined) t.after(() => clickHouse.stop());
  const database = await createDatabase(t, place, clickHouse);
  const { host, port, user, password } = clickHouse;
  const query = async <Row>(tenant: string, select: string): Promise<Row[]> => {
    const tables = await queryRows<{ name: string }>(clickHouse, `SHOW TABLES FROM ${database}`);
    if (!tables.some(({ name }) => name === `atd_${tenant}`)) return [];
    return queryRows<Row>(clickHouse, select.replace('$TABLE', `${database}.atd_${tenant}`));
  };
  return {
    rowsPerFile: ROWS_PER_FILE,
    settings: {
      clickhouse: { host, port, user, password, database },
      as_cli: { executable: join(PACKAGE_ROOT, 'bin/as-cli') },
      schema_file: join(PACKAGE_ROOT, 'etc/example-schema.json'),
    },
    writeSamples: (files) =>
      Array.from(
        { length: files },
        (_, index) =>
          writeSampleFile({ directory: place.directory, run: 'fault', index, tenant: null, rows: ROWS_PER_FILE }).file,
      ),
    async loads(tenant, records) {
      const found = await query<{ index: number; rows: number; ids: number }>(
        tenant,
        "SELECT toUInt32(splitByChar('-', Id)[2]) AS index, count() AS rows, uniqExact(Id) AS ids FROM $TABLE GROUP BY index",
      );
      return new Map(
        // Where rows are missing and others doubled, the sum may look right: the distinct ids must be all there.
        found.map(({ index, rows, ids }) => [
          records[index] ?? `file ${index}`,
          ids === ROWS_PER_FILE ? rows / ROWS_PER_FILE : ids / ROWS_PER_FILE / 2,
        ]),
      );
    },
    counts: (tenant) => query(tenant, 'SELECT count() AS rows, uniqExact(Id) AS ids FROM $TABLE'),
  };
}
