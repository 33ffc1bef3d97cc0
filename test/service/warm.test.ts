import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeSampleFile } from '../../lib/cli/sample-files.js';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce } from '../sandbox/topics.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { isAlive } from '../support/processes.js';
import { createPlace, startService } from '../support/service-process.js';

const FILES = 20;
const ROWS = 10;

test('warm loaders load every file once, are few, and end with the service', async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const { host, port, user, password } = clickHouse;
  const service = await startService(t, place, {
    log_level: 'debug',
    thread_pool_size: 2,
    clickhouse: { host, port, user, password, database },
    as_cli: { executable: join(PACKAGE_ROOT, 'bin/as-cli'), launch: 'warm' },
    schema_file: join(PACKAGE_ROOT, 'etc/example-schema.json'),
  });
  const samples = Array.from({ length: FILES }, (_, index) =>
    writeSampleFile({ directory: place.directory, run: 'warm', index, tenant: 'acme', rows: ROWS }),
  );
  const messages = samples.map(({ file, tenant, bytes }) => ({
    value: JSON.stringify({ filename: file, tenant, size: bytes }),
  }));
  await produce(place.kafka.brokers, place.topic, messages);
  await service.seen('job.loaded', FILES, 60_000);
  const status = (await (await service.ask('/api/status')).json()) as { launcher: string };
  const started = await service.seen('child.started', FILES, 1_000);
  const pids = new Set(started.map((line) => line['pid'] as number));
  assert.equal(await service.stop(), 0);

  assert.equal(status.launcher, 'warm');
  assert.ok(pids.size <= 2, `${pids.size} loaders`);
  for (const pid of pids) assert.equal(isAlive(pid), false);
  const [row] = await queryRows(clickHouse, `SELECT count() AS rows, uniqExact(Id) AS ids FROM ${database}.atd_acme`);
  assert.deepEqual(row, { rows: FILES * ROWS, ids: FILES * ROWS });
});
