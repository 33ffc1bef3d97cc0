import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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
const SLOTS = 2;

for (const [name, launch, isPerFile] of [
  ['the bundled loader is warm unless something else is said: few loaders load every file once', {}, false],
  ['as_cli.launch: launcher has a process of the bundled loader for each file', { launch: 'launcher' }, true],
] as const) {
  test(`${name}, and they end with the service`, async (t) => {
    const clickHouse = await startClickHouse();
    t.after(() => clickHouse.stop());
    const place = await createPlace(t);
    const database = await createDatabase(t, place, clickHouse);
    const { host, port, user, password } = clickHouse;
    const service = await startService(t, place, {
      log_level: 'debug',
      thread_pool_size: SLOTS,
      clickhouse: { host, port, user, password, database },
      as_cli: { executable: join(PACKAGE_ROOT, 'bin/as-cli'), ...launch },
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
    const environments = [...pids].map(environmentOf).join('\n');
    assert.equal(await service.stop(), 0);

    assert.equal(status.launcher === 'warm', !isPerFile, status.launcher);
    assert.deepEqual(
      service.events('pool.launcher').map((line) => line['launcher']),
      [status.launcher],
    );
    if (isPerFile) assert.equal(pids.size, FILES);
    else {
      assert.ok(pids.size <= SLOTS, `${pids.size} loaders`);
      // The supervisor's name, by which a loader is found that the service left behind, and nothing of a file or a password.
      assert.match(environments, /ATD_SUPERVISOR=/);
      assert.doesNotMatch(environments, /CLICKHOUSE_|ATD_JOB_ID|ATD_DEDUP_TOKEN/);
    }
    for (const pid of pids) assert.equal(isAlive(pid), false);
    const [row] = await queryRows(clickHouse, `SELECT count() AS rows, uniqExact(Id) AS ids FROM ${database}.atd_acme`);
    assert.deepEqual(row, { rows: FILES * ROWS, ids: FILES * ROWS });
  });
}

/** Of a process that lives; nothing of one that has ended. */
function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}
