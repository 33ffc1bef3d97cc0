/** The service with AppSentinels' own as-cli and the tests' plugin for it, on a real Kafka and ClickHouse. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { groupOffsets, produce } from '../sandbox/topics.js';
import { createDatabase } from '../support/database.js';
import { installAsCli } from '../support/real-as-cli.js';
import {
  createPlace,
  type Place,
  type ServiceProcess,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';

const installed = installAsCli();
const skip = 'unreachable' in installed ? installed.unreachable : false;
const { executable, withoutPlugin } = 'unreachable' in installed ? { executable: '', withoutPlugin: '' } : installed;

/** Puts a program at the place of the loader, by one rename as a package manager does. */
function putLoader(place: Place, program: string, home = join(place.directory, 'home')): string {
  const file = join(place.directory, 'as-cli');
  mkdirSync(join(place.directory, 'home'), { recursive: true });
  writeFileSync(`${file}.new`, `#!/bin/sh\nHOME='${home}' exec '${program}' "$@"\n`, { mode: 0o755 });
  renameSync(`${file}.new`, file);
  return file;
}

const SOON = { service: { circuit_breaker: { open_seconds: 0.2, max_open_seconds: 1 } } };

async function announce(place: Place, files: readonly string[], tenant: string): Promise<void> {
  const messages = files.map((filename) => ({ value: JSON.stringify({ filename, tenant }) }));
  await produce(place.kafka.brokers, place.topic, messages);
}

async function readiness(service: ServiceProcess): Promise<{ readonly status: number; readonly text: string }> {
  const response = await service.ask('/readyz');
  return { status: response.status, text: await response.text() };
}

test("what AppSentinels' as-cli did not load is no success, although it ends with 0", { skip }, async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const { host, port, user, password } = clickHouse;
  await queryRows(clickHouse, 'SELECT 1');
  const create = `http://${host}:${port}/?${new URLSearchParams({ database, query: 'CREATE TABLE atd_acme (a UInt8) ENGINE = Memory' })}`;
  const made = await fetch(create, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
  });
  assert.ok(made.ok, await made.text());
  const service = await startService(t, place, {
    clickhouse: { host, port, user, password, database },
    as_cli: { executable: putLoader(place, executable) },
  });
  await service.seen('loader.works', 1, 60_000);
  const good = writeScript(place, 'good.csv', 'a\n1\n2');
  const bad = writeScript(place, 'bad.csv', '#ending fails');
  await announce(place, [good, bad], 'acme');
  await service.seen('job.loaded', 1, 60_000);
  const [letter] = await service.seen('letter.sent', 1, 60_000);
  assert.equal(letter?.['disposition'], 'attempts-exhausted');
  assert.match(String(letter?.['reason']), /^exit code 0, but it printed: Error: column 'threat_score'/);
  assert.equal(await service.stop(), 0);
  assert.deepEqual(await queryRows(clickHouse, `SELECT count() AS rows FROM ${database}.atd_acme`), [{ rows: 2 }]);
});

test('a loader without its plugin costs no message, and the service is not ready until it has one', {
  skip,
}, async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place, { ...SOON, as_cli: { executable: putLoader(place, withoutPlugin) } });
  const file = writeScript(place, 'good.csv', '#ending retried');
  await announce(place, [file, file, file], 'acme');
  const [accused] = await service.seen('loader.accused', 1, 60_000);
  assert.match(String(accused?.['reason']), /has no command ingest; install its plugin/);
  const before = await readiness(service);
  assert.equal(before.status, 503);
  assert.match(before.text, /has no command ingest/);
  putLoader(place, executable);
  await service.seen('job.loaded', 3, 60_000);
  assert.equal((await readiness(service)).status, 200);
  const started = service.events('job.started').length;
  assert.equal(started, 3, 'nothing was tried with the one that does not work');

  // It loses its plugin while the service runs: the first files end with 2.
  putLoader(place, withoutPlugin);
  await announce(place, [file, file, file, file, file, file], 'acme');
  await service.seen('loader.accused', 2, 60_000);
  putLoader(place, executable);
  await service.seen('job.loaded', 9, 60_000);
  assert.equal(await service.stop(), 0);
  assert.equal(service.events('letter.sent').length, 0);
  assert.deepEqual([...new Set(service.events('job.retry').map((line) => line['charged']))].filter(Boolean), []);
  for (const { committed, end } of await groupOffsets(place.kafka.brokers, place.group, place.topic)) {
    assert.equal(committed ?? 0, end);
  }
});

test('a loader whose HOME is missing costs no message either', { skip }, async (t) => {
  const place = await createPlace(t);
  const missing = join(place.directory, 'no', 'home');
  const loader = putLoader(place, executable, missing);
  const service = await startService(t, place, { ...SOON, as_cli: { executable: loader } });
  await announce(place, [writeScript(place, 'good.csv', '#ending retried')], 'acme');
  const [accused] = await service.seen('loader.accused', 1, 60_000);
  assert.match(String(accused?.['reason']), /cannot make its directory \.as-cli .*set HOME/);
  mkdirSync(missing, { recursive: true });
  await service.seen('job.loaded', 1, 60_000);
  assert.equal(await service.stop(), 0);
  assert.equal(service.events('letter.sent').length, 0);
});

test('a wrong option is charged to the configuration`s files only after a probe found the loader to work', {
  skip,
}, async (t) => {
  const place = await createPlace(t);
  const service = await startService(t, place, {
    as_cli: { executable: putLoader(place, executable), additional_args: ['--compress'] },
  });
  await service.seen('loader.works', 1, 60_000);
  await announce(place, [writeScript(place, 'good.csv', '#ending retried')], 'acme');
  const [letter] = await service.seen('letter.sent', 1, 60_000);
  assert.equal(letter?.['disposition'], 'permanent-failure');
  assert.match(String(letter?.['reason']), /unrecognized arguments: --compress/);
  assert.equal(await service.stop(), 0);
});

test('a loader that takes the probe for something else, or does not end, counts as working', async (t) => {
  const place = await createPlace(t);
  const file = join(place.directory, 'loader');
  writeFileSync(
    file,
    '#!/bin/sh\n[ "$4" = "" ] && { echo "Traceback (most recent call last):" >&2; exit 3; }\nexit 0\n',
    {
      mode: 0o755,
    },
  );
  const service = spawnService(t, place, { as_cli: { executable: file } });
  await announce(place, [writeScript(place, 'any', '')], 'acme');
  const [doubtful] = await service.seen('loader.doubtful', 1, 60_000);
  assert.match(String(doubtful?.['reason']), /exit code 3/);
  await service.seen('job.loaded', 1, 60_000);
  assert.equal(await service.stop(), 0);
});
