import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import { groupOffsets } from '../sandbox/topics.js';
import {
  createPlace,
  readLedger,
  type ServiceProcess,
  type Settings,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { storm } from './crash-storm.js';
import { allCommitted, closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { crash } from './members.js';
import { createTables } from './rows.js';
import { FULL, seeded } from './seed.js';

const DRAIN_MS = FULL ? 600_000 : 120_000;
/** A commit is to lag behind the loads far enough for crashes to hit the time between them. */
const STORM: Settings = {
  kafka: { session_timeout_ms: 6_000, commit_interval_ms: 250 },
  // Every kill counts as an interruption of what runs.
  service: { retry: { max_interruptions: 1_000 } },
};

test('row 12: killed at any moment, the bundled loader loses no row and doubles none', async (t) => {
  const random = seeded(t);
  const place = await createPlace(t);
  const { filesPerLife, kills, maxLines } = FULL
    ? { filesPerLife: 20, kills: 50, maxLines: 12 }
    : { filesPerLife: 12, kills: 8, maxLines: 6 };
  const files = filesPerLife * (kills + 1);
  const tables = await createTables(t, place);
  const announcements = new Announcements(place);
  const { records } = announcements;
  const samples = tables.writeSamples(files);
  const announce = () => announcements.files(samples.splice(0, filesPerLife), { tenant: 'storm' });
  const loads = () => tables.loads('storm', records);
  const watch = new RunWatch(t, place, loads);
  const isOver = async () => (await loads()).size >= records.length;
  const plan = { kills, maxLines, announce, isOver, settings: { ...STORM, ...tables.settings } };
  const { survivor } = await storm(t, place, random, plan);
  await survivor.until(isOver, DRAIN_MS, 'all files are loaded');
  await allCommitted(place, survivor);
  assert.equal(await survivor.stop(), 0);
  await watch.close();
  await closeBooks({ place, records, loads: await loads(), mayRepeat: false });
  const [count] = await tables.counts('storm');
  assert.deepEqual(count, { rows: files * tables.rowsPerFile, ids: files * tables.rowsPerFile });
});

test('row 12: killed at any moment, a loader without tokens loses nothing and repeats little', async (t) => {
  const random = seeded(t);
  const place = await createPlace(t);
  const { filesPerLife, kills, maxLines } = FULL
    ? { filesPerLife: 100, kills: 30, maxLines: 60 }
    : { filesPerLife: 45, kills: 6, maxLines: 30 };
  const script = writeScript(place, 'load', 'sleep 0.03');
  const announcements = new Announcements(place);
  const { records } = announcements;
  const announce = () => announcements.files(Array(filesPerLife).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const isOver = async () => fixtureLoads(place).size >= records.length;
  const plan = { kills, maxLines, announce, isOver, settings: STORM };
  const { survivor, atRisk } = await storm(t, place, random, plan);
  await survivor.until(isOver, DRAIN_MS, 'all files are loaded');
  await allCommitted(place, survivor);
  assert.equal(await survivor.stop(), 0);
  await watch.close();
  const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  const starts = readLedger(place).filter(({ what }) => what === 'start').length;
  const files = records.length;
  t.diagnostic(`${files} files: ${starts - files} starts repeated, ${repeated} loads doubled; at risk were ${atRisk}`);
  assert.ok(repeated <= atRisk, `${repeated} loads were doubled, and only ${atRisk} were at risk`);
});

test('row 28: behind a load that takes long all others finish, and a crash then repeats only that one', async (t) => {
  const place = await createPlace(t);
  const behind = FULL ? 2_000 : 300;
  const long = writeScript(place, 'long', `[ -e ${place.directory}/released ] || sleep 3600`);
  const short = writeScript(place, 'short', 'exit 0');
  const announcements = new Announcements(place);
  const records = await announcements.files([long, ...Array(behind).fill(short)], {}, 0);
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const settings: Settings = { as_cli: { timeout: 7_200 }, kafka: { session_timeout_ms: 6_000 } };
  const first = await startService(t, place, settings);
  const completedAhead = async () => {
    const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic);
    const { committed = null, metadata = '' } = offsets[0] ?? {};
    const ranges = decodeMetadata(committed ?? 0, metadata)?.completed ?? [];
    return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  };
  await first.until(async () => (await completedAhead()) === behind, DRAIN_MS, 'what is behind is committed as done');
  await crash(place, first);
  writeScript(place, 'released', '');
  const second = await startService(t, place, settings);
  await second.until(() => fixtureLoads(place).size > behind, 30_000, 'the long load');
  await allCommitted(place, second);
  assert.equal(await second.stop(), 0);
  await watch.close();
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  const starts = readLedger(place).filter(({ what }) => what === 'start');
  assert.equal(starts.length, behind + 2, 'only the long load was started a second time');
});

test('row 12: a file that brings the whole service down ends as a dead letter, and the files around it are loaded', async (t) => {
  const place = await createPlace(t);
  // The second part of ATD_SUPERVISOR is the service's pid.
  const deadly = writeScript(place, 'deadly', 'kill -9 "$(echo "$ATD_SUPERVISOR" | cut -d- -f2)"; sleep 60; exit 1');
  const harmless = writeScript(place, 'harmless', 'exit 0');
  const announcements = new Announcements(place);
  const records = await announcements.files([...Array(4).fill(harmless), deadly, ...Array(4).fill(harmless)], {}, 0);
  // One slot: what runs beside such a file would be suspected with it.
  const settings: Settings = {
    thread_pool_size: 1,
    kafka: { session_timeout_ms: 6_000 },
    service: { retry: { max_interruptions: 3 } },
  };
  let lives = 1;
  let service = await startService(t, place, settings);
  const isDone = () => fixtureLoads(place).size >= 8 && service.events('job.failed').length > 0;
  while (await isBroughtDown(service, isDone)) {
    lives += 1;
    assert.ok(lives <= 6, 'the service is brought down again and again');
    await crash(place, service);
    service = await startService(t, place, settings);
  }
  await allCommitted(place, service);
  assert.equal(await service.stop(), 0);
  const failed = service.events('job.failed').map((line) => [line['job'], line['disposition']]);
  assert.deepEqual(failed, [[`${records[4]}/0`, 'attempts-exhausted']]);
  const { letters } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  assert.equal(letters, 1);
  assert.equal(service.events('job.alone').length, 0, 'nothing else is suspected');
  t.diagnostic(`${lives - 1} lives were lost before the file was given up`);
});

test('row 50: a long load beside which the service is killed again and again is loaded in the end', async (t) => {
  const place = await createPlace(t);
  const long = writeScript(place, 'long', `[ -e ${place.directory}/released ] || sleep 3600`);
  const short = writeScript(place, 'short', 'exit 0');
  const announcements = new Announcements(place);
  const records = await announcements.files([long], {}, 0);
  const maxInterruptions = 3;
  const settings: Settings = {
    as_cli: { timeout: 7_200 },
    kafka: { session_timeout_ms: 6_000 },
    service: { retry: { max_interruptions: maxInterruptions } },
  };
  const isOfLong = (line: Record<string, unknown>) => line['job'] === `${records[0]}/0`;
  for (let kills = 0; kills < maxInterruptions; kills += 1) {
    const service = await startService(t, place, settings);
    await service.until(() => service.events('child.started').some(isOfLong), 60_000, 'the long load runs');
    await crash(place, service);
  }
  // Kills in a fast row do not meet the load that is run alone.
  for (let kills = 0; kills < 2; kills += 1) {
    const service = await startService(t, place, settings);
    await service.seen('job.suspected', 1, 60_000);
    await crash(place, service);
  }
  writeScript(place, 'released', '');
  const last = await startService(t, place, settings);
  await announcements.files(Array(4).fill(short), {}, 0);
  await last.until(() => fixtureLoads(place).size >= 5, 90_000, 'all files are loaded');
  await allCommitted(place, last);
  assert.equal(await last.stop(), 0);
  assert.deepEqual(last.events('job.alone').map(isOfLong), [true]);
  assert.equal(last.events('job.failed').length, 0);
  const { letters } = await closeBooks({
    place,
    records: announcements.records,
    loads: fixtureLoads(place),
    mayRepeat: true,
  });
  assert.equal(letters, 0);
});

test('row 50: a long load is not held to be the cause of stops that were not waited for', async (t) => {
  const place = await createPlace(t);
  const long = writeScript(place, 'long', `[ -e ${place.directory}/released ] || sleep 3600`);
  const records = await new Announcements(place).files([long], {}, 0);
  const settings: Settings = {
    as_cli: { timeout: 7_200 },
    kafka: { session_timeout_ms: 6_000 },
    service: { retry: { max_interruptions: 1 } },
  };
  const heldAgainst = async (): Promise<number[]> => {
    const [offsets] = await groupOffsets(place.kafka.brokers, place.group, place.topic);
    return [...(decodeMetadata(offsets?.committed ?? 0, offsets?.metadata ?? '')?.attempts.keys() ?? [])];
  };
  for (let stops = 0; stops < 2; stops += 1) {
    const service = await startService(t, place, settings);
    await service.seen('child.started', 1, 60_000);
    assert.notDeepEqual(await heldAgainst(), [], 'its start is committed');
    service.signal('SIGTERM');
    await service.until(async () => (await heldAgainst()).length === 0, 30_000, 'the start is taken back');
    await crash(place, service);
  }
  writeScript(place, 'released', '');
  const last = await startService(t, place, settings);
  await last.until(() => fixtureLoads(place).size === 1, 60_000, 'the long load');
  await allCommitted(place, last);
  assert.equal(last.events('job.suspected').length, 0);
  assert.equal(await last.stop(), 0);
  const { letters } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  assert.equal(letters, 0);
});

test('row 13: a file that kills the launcher of its thread ends as a dead letter, and costs the others nothing', async (t) => {
  const place = await createPlace(t);
  const deadly = writeScript(place, 'deadly', 'kill -9 "$PPID"; sleep 60; exit 1');
  const harmless = writeScript(place, 'harmless', 'exit 0');
  const announcements = new Announcements(place);
  const records = await announcements.files([...Array(4).fill(harmless), deadly, ...Array(4).fill(harmless)], {}, 0);
  const watch = new RunWatch(t, place, async () => fixtureLoads(place), [records[4] as string]);
  const retry = { max_attempts: 3, backoff_seconds: 0 };
  const service = await startService(t, place, { as_cli: { launch: 'launcher' }, service: { retry } });
  await service.seen('job.failed', 1, 60_000);
  await service.until(() => fixtureLoads(place).size >= 8, 30_000, 'the files around it are loaded');
  const ends = service.events('job.ended').filter((line) => line['result'] !== 'succeeded');
  assert.deepEqual(
    ends.map((line) => [line['job'], line['result']]),
    Array(retry.max_attempts).fill([`${records[4]}/0`, 'thread-lost']),
  );
  assert.equal(await service.stop(), 0);
  await watch.close();
  const { letters } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  assert.equal(letters, 1);
});

/** Waits for one of the two. */
async function isBroughtDown(service: ServiceProcess, isDone: () => boolean): Promise<boolean> {
  let isDown = false;
  void service.exited.then(() => {
    isDown = true;
  });
  await service.until(() => isDown || isDone(), 60_000, 'all is loaded, or the service is down');
  return isDown;
}
