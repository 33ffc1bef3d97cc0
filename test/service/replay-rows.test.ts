/** What a replay adds to a table by way of the bundled loader. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { queryRows } from '../sandbox/clickhouse-client.js';
import { startClickHouse } from '../sandbox/sandbox.js';
import { produce } from '../sandbox/topics.js';
import { runCli } from '../support/cli.js';
import { createDatabase } from '../support/database.js';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { createPlace, startService } from '../support/service-process.js';

const DEADLINE_MS = 120_000;
const ROWS = 25;

function csv(file: string, first: number, bad: number | null): string {
  const rows = Array.from({ length: ROWS }, (_, index) =>
    first + index === bad ? 'no number' : String(first + index),
  );
  writeFileSync(file, `n\n${rows.join('\n')}\n`);
  return file;
}

test('a replay of a file that was loaded in part adds the rest of it, and nothing twice unless it is asked for', async (t) => {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const place = await createPlace(t);
  const database = await createDatabase(t, place, clickHouse);
  const { host, port, user, password } = clickHouse;
  const create = `CREATE TABLE ${database}.atd_acme (n UInt32) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 1000`;
  const made = await fetch(`http://${host}:${port}/`, {
    method: 'POST',
    headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password },
    body: create,
  });
  assert.ok(made.ok, await made.text());
  const service = await startService(t, place, {
    clickhouse: { host, port, user, password, database },
    as_cli: { executable: join(PACKAGE_ROOT, 'bin/as-cli') },
    batch_size: 10,
  });
  const dlq = (...args: readonly string[]) =>
    runCli(['dlq', ...args, '--config', join(place.directory, `${service.clientId}.yaml`)]);
  const counted = async (): Promise<readonly unknown[]> => {
    const [row] = await queryRows(clickHouse, `SELECT count() AS rows, uniqExact(n) AS all FROM ${database}.atd_acme`);
    return [row?.['rows'], row?.['all']];
  };

  // How many blocks ClickHouse has taken when it meets the bad row is its own affair.
  const partLoaded = async (): Promise<void> => {
    const [rows, all] = await counted();
    assert.equal(rows, all);
    assert.ok(Number(rows) > ROWS && Number(rows) < 2 * ROWS, `${rows} rows`);
  };

  // The second of two files ends with a row that is none: its first blocks are in the table by then.
  const good = csv(join(place.directory, 'good.csv'), 0, null);
  const bad = csv(join(place.directory, 'bad.csv'), 100, 124);
  await produce(place.kafka.brokers, place.topic, [
    { value: JSON.stringify({ filename: [good, bad], tenant: 'acme' }) },
  ]);
  await service.seen('letter.sent', 1, DEADLINE_MS);
  await partLoaded();

  // It is not mended yet, so that it fails once more: a letter of the first message again.
  const first = await dlq('replay', '--tenant', 'acme');
  assert.deepEqual([first.code, first.stdout], [0, `1 dead letter replayed on ${place.topic}\n`], first.stderr);
  await service.seen('letter.sent', 2, DEADLINE_MS);
  await partLoaded();
  const [letter, ...others] = (await dlq('list', '--json')).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual([others, letter.files, letter.replayCount], [[], [bad], 1]);
  assert.match(letter.source, new RegExp(`^${place.topic}/\\d/0$`));

  csv(bad, 100, null);
  await dlq('replay', '--tenant', 'acme');
  await service.seen('job.loaded', 2, DEADLINE_MS);
  assert.deepEqual(await counted(), [2 * ROWS, 2 * ROWS]);

  await dlq('replay', `${letter.partition}/${letter.offset}`, '--again');
  await service.seen('job.loaded', 3, DEADLINE_MS);
  assert.deepEqual(await counted(), [3 * ROWS, 2 * ROWS]);
  assert.equal(await service.stop(), 0);
});
