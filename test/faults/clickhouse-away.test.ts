import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startClickHouse } from '../sandbox/sandbox.js';
import { createPlace, type ServiceProcess, type Settings, startService } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, RunWatch } from './ledger.js';
import { createTables } from './rows.js';
import { FULL, ONLY_FULL, seeded } from './seed.js';
import { TcpProxy } from './tcp-proxy.js';

const FILES = FULL ? 200 : 40;
const OUTAGES = FULL ? 8 : 2;

/** Files for a ClickHouse of their own, which the loaders reach by way of a proxy. */
async function prepare(t: TestContext, count: number) {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const proxy = new TcpProxy(clickHouse.host, clickHouse.port);
  await proxy.open();
  t.after(() => proxy.refuse());
  const place = await createPlace(t);
  const tables = await createTables(t, place, clickHouse);
  const announcements = new Announcements(place);
  const { records } = announcements;
  const samples = tables.writeSamples(count);
  const announce = (files: number) => announcements.files(samples.splice(0, files), { tenant: 'away' });
  const loads = () => tables.loads('away', records);
  const watch = new RunWatch(t, place, loads);
  const { clickhouse, ...rest } = tables.settings;
  const settings: Settings = {
    ...rest,
    clickhouse: { ...(clickhouse as object), host: '127.0.0.1', port: proxy.port },
  };
  /** Waits for all of them, and closes the books: nothing is lost, doubled, dead or charged. */
  const end = async (service: ServiceProcess): Promise<void> => {
    await service.until(async () => (await loads()).size >= count, 240_000, 'all files are loaded');
    assert.equal(await service.stop(), 0);
    await watch.close();
    const { letters } = await closeBooks({ place, records, loads: await loads(), mayRepeat: false });
    assert.equal(letters, 0);
    const retries = service.events('job.retry');
    assert.deepEqual(new Set(retries.map((line) => line['charged'])), new Set([false]), 'no attempt is charged');
    t.diagnostic(`${retries.length} attempts that were not charged`);
  };
  return { place, proxy, settings, announce, end };
}

test('row 25: a ClickHouse that goes away again and again under load costs no attempt, no message and no row', async (t) => {
  const random = seeded(t);
  const { place, proxy, settings, announce, end } = await prepare(t, FILES);
  await proxy.refuse();
  const service = await startService(t, place, {
    ...settings,
    service: { circuit_breaker: { open_seconds: 0.2, max_open_seconds: 0.5 } },
  });
  for (let outage = 0; outage < OUTAGES; outage += 1) {
    const opened = service.events('breaker.open').length;
    // Only now, so that they cannot have been loaded before the outage.
    await announce(FILES / OUTAGES);
    await service.seen('breaker.open', opened + 1, 60_000);
    const loaded = service.events('job.loaded').length;
    await proxy.open();
    await service.seen('job.loaded', loaded + 2 + random.below(Math.floor(FILES / OUTAGES / 2)), 60_000);
    if (outage < OUTAGES - 1) await proxy.refuse();
  }
  await end(service);
});

/** As long as the service is promised to wait without a single message lost. */
const OUTAGE_MS = 120_000;
const WAITING = 400;

interface Status {
  readonly state: string;
  readonly breaker: { readonly state: string; readonly reason: string | null };
  readonly partitions: readonly { readonly paused: boolean }[];
}

test(
  'row 25: after two minutes without ClickHouse one load is tried, and then all go on at full speed',
  ONLY_FULL,
  async (t) => {
    const { place, proxy, settings, announce, end } = await prepare(t, WAITING);
    const service = await startService(t, place, settings);
    await announce(20);
    await service.seen('job.loaded', 20, 60_000);
    await proxy.refuse();
    await announce(WAITING - 20);
    await service.seen('breaker.open', 1, 60_000);
    const started = service.events('job.started').length;
    await delay(OUTAGE_MS);
    const canaries = service.events('job.started').length - started;
    const status = (await (await service.ask('/api/status')).json()) as Status;
    assert.notEqual(status.breaker.state, 'closed');
    assert.match(status.breaker.reason ?? '', /ECONNREFUSED|unavailable|reach/i);
    assert.equal(status.state, 'paused');
    assert.ok(
      status.partitions.every(({ paused }) => paused),
      'all partitions are paused',
    );
    // The waits double from 1 to 30 s: 1 + 2 + 4 + 8 + 16 + 30 + 30 s, and so on.
    assert.ok(canaries <= 9, `${canaries} loads were tried meanwhile`);
    assert.match(await (await service.ask('/metrics')).text(), /^atd_breaker_state [12]/m);
    await proxy.open();
    await service.seen('breaker.closed', 1, 60_000);
    const closedAt = service.log.findIndex((line) => line.message === 'breaker.closed');
    await end(service);
    const after = service.log.slice(closedAt).filter((line) => line.message.startsWith('breaker.'));
    assert.equal(after.length, 1, 'it stays closed');
    t.diagnostic(`${canaries} loads were tried in the outage`);
  },
);
