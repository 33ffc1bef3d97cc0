import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { createPlace, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, RunWatch } from './ledger.js';

const FIRST = 6;
const LATER = 30;
/** Fewer than any process of Node has open: what is open stays open, nothing can be opened. */
const NONE_LEFT = 8;

/** Sets how many descriptors a process may have, and leaves alone how far it may raise that. */
function limitDescriptors(pid: number, soft: number): void {
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:`]);
}

function softLimit(pid: number): number {
  return Number(
    execFileSync('prlimit', ['--pid', String(pid), '--nofile', '--output=SOFT', '--noheadings'], { encoding: 'utf8' }),
  );
}

test('row 21: a service that is out of descriptors charges no attempt for it, and goes on when it has some', async (t) => {
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'sleep 0.2');
  const announcements = new Announcements(place);
  await announcements.files(Array(FIRST).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  // A launcher has what it needs already; a child that the service starts itself takes two pipes.
  const service = await startService(t, place, { thread_pool_size: 2, as_cli: { launch: 'direct' } });
  await service.until(() => fixtureLoads(place).size === FIRST, 30_000, 'the first files are loaded');
  const before = softLimit(service.pid);
  limitDescriptors(service.pid, NONE_LEFT);
  // Only now, so that they cannot have ended before there was a limit.
  await announcements.files(Array(LATER).fill(script));
  const faults = () => service.events('job.ended').filter((line) => line['result'] === 'machine-fault');
  await service.until(() => faults().length >= 3, 60_000, 'children cannot be started');
  assert.equal((await service.seen('job.retry', 3, 30_000))[0]?.['charged'], false);
  limitDescriptors(service.pid, before);
  await service.until(() => fixtureLoads(place).size >= FIRST + LATER, 60_000, 'all files are loaded');
  assert.equal(await service.stop(), 0);
  await watch.close();
  const { letters } = await closeBooks({
    place,
    records: announcements.records,
    loads: fixtureLoads(place),
    mayRepeat: false,
  });
  assert.equal(letters, 0);
  assert.deepEqual(new Set(service.events('job.retry').map((line) => line['charged'])), new Set([false]));
});
