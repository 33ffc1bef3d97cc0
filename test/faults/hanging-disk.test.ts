import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountHangingDisk } from '../support/hanging-disk.js';
import { createPlace, type Settings, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import { createTables } from './rows.js';
import { FULL } from './seed.js';

const SLOTS = 2;
const OTHERS = 6;
/** Threads of libuv that the whole process shares, by default. */
const SHARED_THREADS = 4;

/** A bundled loader that stays looks by itself; it has to be started within its time. */
const WAYS = [['launcher', 4], ['direct', 4], ...(FULL ? [['warm', 15] as const] : [])] as const;

for (const [launch, timeout] of WAYS) {
  test(`row 55: files on a disk that hangs take a slot for a while, and hold no thread and no stop (${launch})`, async (t) => {
    const disk = await mountHangingDisk();
    if (disk === null) return t.skip('this user may not mount a file system');
    t.after(disk.end);
    const place = await createPlace(t);
    const tables = launch === 'warm' ? await createTables(t, place) : null;
    const others = tables?.writeSamples(OTHERS) ?? Array(OTHERS).fill(writeScript(place, 'short', 'exit 0'));
    const hanging = Array.from({ length: SHARED_THREADS * 2 }, (_, index) => join(disk.directory, `${index}`));
    const announcements = new Announcements(place);
    const settings: Settings = {
      thread_pool_size: SLOTS,
      ...tables?.settings,
      as_cli: { ...(tables?.settings['as_cli'] as object), timeout, launch },
      service: { retry: { max_timeouts: 100, backoff_seconds: 0 } },
    };
    const service = await startService(t, place, settings);
    await announcements.files(hanging, { tenant: 'hanging' });
    const isLate = (line: Record<string, unknown>) => line['result'] === 'timed-out';
    await service.until(() => service.events('job.ended').filter(isLate).length > SLOTS, 60_000, 'looks are given up');
    await announcements.files(others, { tenant: 'other' });
    await service.seen('job.loaded', OTHERS, 120_000);
    const running = () =>
      service.events('job.started').length - service.events('job.ended').length - service.events('job.loaded').length;
    await service.until(() => running() === SLOTS, 60_000, 'all slots are taken');
    const begun = performance.now();
    service.signal('SIGTERM');
    await service.seen('drain.begun', 1, 60_000);
    service.signal('SIGTERM');
    assert.equal(await service.exited, 0);
    t.diagnostic(`the stop took ${Math.round(performance.now() - begun)} ms`);
    await disk.end();
    const last = await startService(t, place, { ...settings, service: { retry: { max_attempts: 1 } } });
    await last.seen('letter.sent', hanging.length, 60_000);
    assert.equal(await last.stop(), 0);
    const { records } = announcements;
    const loads = (await tables?.loads('other', records.slice(hanging.length))) ?? fixtureLoads(place);
    await closeBooks({ place, records, loads, mayRepeat: false });
  });
}
