/** Files that are set aside and read back by a service that is killed again and again. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { groupOffsets } from '../sandbox/topics.js';
import type { Random } from '../support/random.js';
import {
  createPlace,
  type Place,
  type ServiceProcess,
  type Settings,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { type Storm, storm } from './crash-storm.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import { crash } from './members.js';
import { createTables } from './rows.js';
import { FULL, seeded, skipOnMock } from './seed.js';

const DRAIN_MS = FULL ? 1_800_000 : 240_000;
const TOKEN = 'a-token-of-this-test';
/** While files are set aside, and as many while they are read back; and one before each. */
const KILLS = FULL ? 15 : 2;
/** More than the windows have room for. */
const FILES = 60;
const FILES_BACK = 8;
/** Each life has files of its own, and so has the one that is left. */
const ALL_FILES = (FILES + FILES_BACK) * (KILLS + 1);
/** A window of ten, so that nearly all has to be set aside. */
const ASIDE: Settings = {
  tenants: { set_aside: 'topic' },
  ingest: { max_uncommitted: 10 },
  kafka: { session_timeout_ms: 6_000, commit_interval_ms: 250 },
  service: { retry: { max_interruptions: 1_000 } },
};

async function order(service: ServiceProcess, what: string): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await service.ask(`/api/v1/tenants/storm/${what}`, { method: 'POST', headers, body: '{}' });
  assert.equal(answer.status, 200);
}

/** Messages that the group has not committed, of the topic or of the one of those that wait. */
async function left({ kafka, group }: Place, topic: string): Promise<number> {
  const offsets = await groupOffsets(kafka.brokers, group, topic);
  return offsets.reduce((sum, { committed, end }) => sum + end - (committed ?? 0), 0);
}

interface Run {
  readonly t: TestContext;
  readonly place: Place;
  readonly random: Random;
  readonly settings: Settings;
  readonly records: readonly string[];
  readonly announce: (files: number) => Promise<unknown>;
  readonly loaded: () => Promise<number>;
}

/** Killed while a paused tenant's files are set aside, and again while they are read back. Returns the loads at risk. */
async function killThroughout({ t, place, random, settings, records, announce, loaded }: Run): Promise<number> {
  const first = await startService(t, place, settings);
  await order(first, 'pause');
  await crash(place, first);
  // What stays in the topic is one window of each partition at most.
  const isAside = async () => (await left(place, place.topic)) <= 40;
  const moments = ['partitions.restored', 'record.taken', 'aside.moved', 'aside.moved', 'commit.done'];
  const plan: Storm = {
    kills: KILLS,
    maxLines: 4,
    announce: () => announce(FILES),
    isOver: isAside,
    settings,
    moments,
  };
  const aside = await storm(t, place, random, plan);
  await aside.survivor.seen('partitions.assigned', 1, DRAIN_MS);
  await aside.survivor.until(isAside, DRAIN_MS, 'it is set aside');
  assert.equal(await loaded(), 0);
  await order(aside.survivor, 'resume');
  await crash(place, aside.survivor);
  const isLoaded = async () => (await loaded()) >= records.length;
  const backwards = { ...plan, announce: () => announce(FILES_BACK), isOver: isLoaded, moments: undefined };
  const back = await storm(t, place, random, backwards);
  const isOver = async () =>
    (await isLoaded()) && (await left(place, place.topic)) + (await left(place, `${place.topic}.waiting`)) === 0;
  await back.survivor.until(isOver, DRAIN_MS, 'all files are loaded, and both topics committed');
  t.diagnostic(`${records.length} files were set aside and read back`);
  assert.equal(await back.survivor.stop(), 0);
  return back.atRisk + 100 * (2 * KILLS + 2);
}

test('row 59: killed while files are set aside and read back, the bundled loader loses no row and doubles none', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const random = seeded(t);
  const place = await createPlace(t);
  const tables = await createTables(t, place);
  const announcements = new Announcements(place);
  const samples = tables.writeSamples(ALL_FILES);
  const http = { port: 0, token_file: writeScript(place, 'token', TOKEN) };
  const loads = () => tables.loads('storm', announcements.records);
  const announce = (files: number) => announcements.files(samples.splice(0, files), { tenant: 'storm' });
  const { records } = announcements;
  const settings = { ...ASIDE, ...tables.settings, http };
  await killThroughout({ t, place, random, settings, records, announce, loaded: async () => (await loads()).size });
  await closeBooks({ place, records: announcements.records, loads: await loads(), mayRepeat: false });
  const [count] = await tables.counts('storm');
  assert.deepEqual(count, { rows: ALL_FILES * tables.rowsPerFile, ids: ALL_FILES * tables.rowsPerFile });
});

test('row 59: killed while files are set aside and read back, a loader without tokens loses nothing', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const random = seeded(t);
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'sleep 0.03');
  const announcements = new Announcements(place);
  const http = { port: 0, token_file: writeScript(place, 'token', TOKEN) };
  const { records } = announcements;
  const announce = (files: number) => announcements.files(Array(files).fill(script), { tenant: 'storm' });
  const loaded = async () => fixtureLoads(place).size;
  const atRisk = await killThroughout({ t, place, random, settings: { ...ASIDE, http }, records, announce, loaded });
  const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  assert.ok(repeated <= atRisk, `${repeated} loads were repeated, and ${atRisk} were at risk`);
  t.diagnostic(`${repeated} loads were repeated`);
});
