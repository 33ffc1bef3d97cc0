/** The ledger of a service that is killed again and again: each file stands in its view once, and in its table at least once. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { produce } from '../sandbox/topics.js';
import { createLedgerPlace } from '../support/ledger.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { FULL, seeded } from './seed.js';

const KILLS = FULL ? 20 : 2;
const FILES_EACH = 20;
const DEADLINE_MS = 240_000;

test('row 85: a service that is killed while it keeps a ledger has each file in it, in the view once', async (t) => {
  const random = seeded(t);
  const ledger = await createLedgerPlace(t);
  const place = await createPlace(t);
  const state = join(place.directory, 'state');
  mkdirSync(state);
  const { host, port, user, password } = ledger.clickHouse;
  const settings = {
    clickhouse: { host, port, user, password, database: ledger.table.database },
    ledger: { enabled: true },
    kafka: { session_timeout_ms: 6_000 },
    thread_pool_size: 2,
  };
  let announced = 0;
  const announce = async () => {
    const messages = Array.from({ length: FILES_EACH }, (_, n) => ({
      value: JSON.stringify({ filename: writeScript(place, `file-${announced + n}`, 'exit 0') }),
    }));
    announced += FILES_EACH;
    await produce(place.kafka.brokers, place.topic, messages);
  };
  for (let kill = 0; kill < KILLS; kill += 1) {
    await announce();
    const service = await startService(t, place, settings, { STATE_DIRECTORY: state });
    // Somewhere between a load, its row on the disk, its commit, and its batch in the table.
    const [what, count] = random.below(3) === 0 ? ['commit.done', 1] : ['job.loaded', 1 + random.below(FILES_EACH / 2)];
    await service.seen(what as string, count as number, DEADLINE_MS);
    service.signal('SIGKILL');
    await service.exited;
  }
  await announce();
  const last = await startService(t, place, settings, { STATE_DIRECTORY: state });
  const name = `${ledger.table.database}.${ledger.table.name}`;
  const files = () =>
    ledger.rows<{ n: number }>(`SELECT uniqExact(path) AS n FROM ${name}`).then(([found]) => found?.n);
  await last.until(async () => (await files().catch(() => 0)) === announced, DEADLINE_MS, 'a row of each file');
  assert.equal(await last.stop(), 0);
  assert.deepEqual(readdirSync(join(state, 'ledger')), []);
  const rows = await ledger.rows(`SELECT count() AS n, uniqExact(path) AS files, uniqExact(load_id) AS loads,
    groupUniqArray(status) AS statuses FROM ${name}_current`);
  assert.deepEqual(rows, [{ n: announced, files: announced, loads: announced, statuses: ['loaded'] }]);
  const [all] = await ledger.rows<{ n: number }>(`SELECT count() AS n FROM ${name}`);
  t.diagnostic(`${announced} files, ${all?.n} rows`);
});
