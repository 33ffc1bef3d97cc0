/** The disk of what settings name hangs while the service runs: its loader, its list of tenants, its token. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountHangingDisk } from '../support/hanging-disk.js';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';

const DEADLINE_MS = 120_000;
const SILENT = /no answer of the disk about/;

test('row 76: the disk of the loader, the allow-list and the token hangs: the service answers, and it ends', async (t) => {
  const disk = await mountHangingDisk();
  if (disk === null) return t.skip('this user may not mount a file system');
  t.after(disk.end);
  const place = await createPlace(t);
  const [good, current] = [join(place.directory, 'good'), join(place.directory, 'current')];
  mkdirSync(good);
  writeFileSync(join(good, 'as-cli'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  writeFileSync(join(good, 'tenants'), 'acme\n');
  writeFileSync(join(good, 'token'), 'secret\n');
  symlinkSync(good, current);
  const service = await startService(t, place, {
    thread_pool_size: 2,
    as_cli: { executable: join(current, 'as-cli'), timeout: 4 },
    tenants: { allowed_file: join(current, 'tenants') },
    http: { port: 0, token_file: join(current, 'token') },
  });
  const announcements = new Announcements(place);
  const file = writeScript(place, 'any', '');
  await announcements.files([file], { tenant: 'acme' });
  await service.seen('job.loaded', 1, DEADLINE_MS);
  const post = () =>
    service.ask('/api/v1/tenants/acme/pause', { method: 'POST', headers: { Authorization: 'Bearer secret' } });
  assert.equal((await post()).status, 200);
  symlinkSync(disk.directory, join(place.directory, 'next'));
  renameSync(join(place.directory, 'next'), current);
  // What is announced now has the executable looked at, and started by a launcher.
  await announcements.files([file], { tenant: null });
  const answer = await post();
  assert.equal(answer.status, 500);
  assert.match(await answer.text(), SILENT);
  const [complaint] = await service.seen('tenants.unreadable', 1, DEADLINE_MS);
  assert.match(String(complaint?.['reason']), SILENT);
  assert.equal((await service.ask('/livez')).status, 200);
  service.signal('SIGTERM');
  await service.seen('drain.begun', 1, DEADLINE_MS);
  service.signal('SIGTERM');
  await service.until(() => service.events('service.stopped').length > 0, DEADLINE_MS, 'the service has stopped');
  // As a process that waits for the disk could not, not even killed.
  assert.equal(await service.exited, 0);
});
