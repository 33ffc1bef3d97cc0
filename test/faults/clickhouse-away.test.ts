import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startClickHouse } from '../sandbox/sandbox.js';
import { createPlace, startService } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, RunWatch } from './ledger.js';
import { createTables } from './rows.js';
import { FULL, seeded } from './seed.js';
import { TcpProxy } from './tcp-proxy.js';

const FILES = FULL ? 200 : 40;
const OUTAGES = FULL ? 8 : 2;

test('row 25: a ClickHouse that goes away again and again under load costs no attempt, no message and no row', async (t) => {
  const random = seeded(t);
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const proxy = new TcpProxy(clickHouse.host, clickHouse.port);
  await proxy.open();
  t.after(() => proxy.refuse());
  const place = await createPlace(t);
  const tables = await createTables(t, place, clickHouse);
  const announcements = new Announcements(place);
  const records = await announcements.files(tables.writeSamples(FILES), { tenant: 'away' });
  const loads = () => tables.loads('away', records);
  const watch = new RunWatch(t, place, loads);
  await proxy.refuse();
  const { clickhouse, ...rest } = tables.settings;
  const service = await startService(t, place, {
    ...rest,
    clickhouse: { ...(clickhouse as object), host: '127.0.0.1', port: proxy.port },
    service: { circuit_breaker: { open_seconds: 0.2, max_open_seconds: 0.5 } },
  });
  for (let outage = 0; outage < OUTAGES; outage += 1) {
    const opened = service.events('breaker.open').length;
    await service.seen('breaker.open', opened + 1, 60_000);
    const loaded = service.events('job.loaded').length;
    await proxy.open();
    await service.seen('job.loaded', loaded + 2 + random.below(Math.floor(FILES / OUTAGES / 3)), 60_000);
    if (outage < OUTAGES - 1) await proxy.refuse();
  }
  await service.until(async () => (await loads()).size >= FILES, 240_000, 'all files are loaded');
  assert.equal(await service.stop(), 0);
  await watch.close();
  const { letters } = await closeBooks({ place, records, loads: await loads(), mayRepeat: false });
  assert.equal(letters, 0);
  const retries = service.events('job.retry');
  assert.deepEqual(new Set(retries.map((line) => line['charged'])), new Set([false]), 'no attempt is charged');
  t.diagnostic(`${OUTAGES} outages, ${retries.length} attempts that were not charged`);
});
