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
import { createPlace, startService, writeScript } from '../support/service-process.js';

const FILES = 9;
const ROWS = 50;

test('files become rows in their tenant`s table, once, by way of the bundled loader', async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const { host, port, user, password } = clickHouse;
  const service = await startService(t, place, {
    clickhouse: { host, port, user, password, database },
    as_cli: { executable: join(PACKAGE_ROOT, 'bin/as-cli') },
    schema_file: join(PACKAGE_ROOT, 'etc/example-schema.json'),
    // As it is where nobody says anything of it.
    ledger: { enabled: 'auto' },
  });
  const tenants = ['acme', 'globex', null];
  const samples = Array.from({ length: FILES }, (_, index) =>
    writeSampleFile({
      directory: place.directory,
      run: 'rows',
      index,
      tenant: tenants[Math.floor(index / 3)] ?? null,
      rows: ROWS,
    }),
  );
  const messages = samples.map(({ file, tenant, bytes }) => ({
    value: JSON.stringify({ filename: file, tenant, size: bytes }),
  }));
  await produce(place.kafka.brokers, place.topic, messages);
  await service.seen('job.loaded', FILES, 60_000);
  const metrics = await (await service.ask('/metrics')).text();
  assert.equal(await service.stop(), 0);

  for (const table of ['atd_acme', 'atd_globex', 'atd_logs']) {
    const [row] = await queryRows(
      clickHouse,
      `SELECT count() AS rows, uniqExact(Id) AS ids, uniqExact(HTTPReq_Uri) AS uris FROM ${database}.${table}`,
    );
    assert.deepEqual(row, { rows: 3 * ROWS, ids: 3 * ROWS, uris: 6 }, table);
  }
  const ledger = await queryRows(
    clickHouse,
    `SELECT table, status, count() AS files, sum(rows) AS rows FROM ${database}.atd__loads_current GROUP BY ALL ORDER BY table`,
  );
  const loaded = { status: 'loaded', files: 3, rows: 3 * ROWS };
  assert.deepEqual(ledger, [
    { table: 'atd_acme', ...loaded },
    { table: 'atd_globex', ...loaded },
    { table: 'atd_logs', ...loaded },
  ]);
  const bytes = samples.slice(0, 3).reduce((sum, sample) => sum + sample.bytes, 0);
  assert.ok(metrics.includes(`atd_rows_loaded_total{tenant="acme"} ${3 * ROWS}\n`), 'rows are counted by tenant');
  assert.ok(metrics.includes(`atd_bytes_loaded_total{tenant="acme"} ${bytes}\n`), 'bytes are counted by tenant');
});

test('the loader gets exactly the documented command line and environment, and no password among its arguments', async (t) => {
  const place = await createPlace(t);
  const schema = join(PACKAGE_ROOT, 'etc/example-schema.json');
  const service = await startService(t, place, {
    clickhouse: { host: 'ch.example', port: 8123, database: 'security', user: 'loader', password: 'sesame' },
    as_cli: { additional_args: ['--skip-unknown', 'a b'] },
    batch_size: 500,
    schema_file: schema,
  });
  const file = writeScript(place, 'x', 'exit 0');
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const record = {
    value: JSON.stringify({ filename: file, tenant: ' Acme ' }),
    headers: { traceparent },
    partition: 2,
  };
  await produce(place.kafka.brokers, place.topic, [record]);
  await service.seen('job.loaded', 1, 30_000);
  assert.equal(await service.stop(), 0);

  const words = readFileSync(`${place.ledger}.arguments`, 'utf8').split('\0').slice(0, -1);
  assert.deepEqual(words, [
    ...['ingest', 'records', '--file', file, '--table-name', 'atd_acme', '--create-table', '--batch-size', '500'],
    ...['--schema-file', schema, '--db-host', 'ch.example', '--db-port', '8123', '--db-database', 'security'],
    ...['--db-user', 'loader', '--skip-unknown', 'a b'],
  ]);
  const entries = readFileSync(`${place.ledger}.environment`, 'utf8').split('\0').slice(0, -1);
  const environment = Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2)));
  assert.equal(environment['CLICKHOUSE_PASSWORD'], 'sesame');
  assert.equal(environment['ATD_JOB_ID'], `${place.topic}/2/0/0`);
  assert.match(environment['ATD_DEDUP_TOKEN'], new RegExp(`^${place.topic}/2/0/0@\\d+$`));
  assert.equal(environment['ATD_ATTEMPT'], '1');
  assert.equal(environment['ATD_TENANT'], 'acme');
  assert.equal(environment['TRACEPARENT'], traceparent);
  assert.ok(!service.log.some((line) => JSON.stringify(line).includes('sesame')), 'the log does not tell the password');
});
