/** Several instances at work in one group: one more joins, one drains, one is killed, and there is always work. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createTopic } from '../sandbox/topics.js';
import { createPlace, type Place, type ServiceProcess, startService } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, RunWatch } from './ledger.js';
import { crash, settled } from './members.js';
import { createTables, type Tables } from './rows.js';
import { FULL, skipOnMock } from './seed.js';

/** To be shared out evenly among four, three and two. */
const PARTITIONS = 12;
const TENANT = 'grown';
/** At full size that of the default settings, which silence is measured by. */
const SESSION_MS = FULL ? 45_000 : 10_000;
/** Of one partition, in a phase in which the group does not change. */
const FILES_EACH = FULL ? 20 : 4;
/** As many as there are files at the most. */
const SAMPLES = FULL ? 2_000 : 400;
/** Announced and not loaded, while the group changes. */
const AHEAD = 2 * PARTITIONS;
const LOADED_MS = 240_000;

class Scene {
  readonly announcements: Announcements;
  readonly announcedAt = new Map<string, number>();
  readonly members: ServiceProcess[] = [];
  /** Also those that have ended. */
  readonly all: ServiceProcess[] = [];
  readonly #t: TestContext;
  readonly #place: Place;
  readonly #tables: Tables;
  readonly #samples: string[];

  constructor(t: TestContext, place: Place, tables: Tables) {
    this.#t = t;
    this.#place = place;
    this.#tables = tables;
    this.#samples = tables.writeSamples(SAMPLES);
    this.announcements = new Announcements(place, {}, PARTITIONS);
  }

  async join(): Promise<void> {
    const { settings } = this.#tables;
    const kafka = { session_timeout_ms: SESSION_MS };
    const member = await startService(this.#t, this.#place, { ...settings, thread_pool_size: 1, kafka });
    this.members.push(member);
    this.all.push(member);
  }

  /** Announces the next files, one for each partition in turn. */
  async announce(files: number): Promise<string[]> {
    const records = await this.announcements.files(this.#samples.splice(0, files), { tenant: TENANT });
    for (const record of records) this.announcedAt.set(record, Date.now());
    return records;
  }

  loads(): Promise<Map<string, number>> {
    return this.#tables.loads(TENANT, this.announcements.records);
  }

  async allLoaded(): Promise<void> {
    const isDone = async () => (await this.loads()).size >= this.announcements.records.length;
    await this.members[0]?.until(isDone, LOADED_MS, 'all files are loaded');
  }

  /** Keeps files waiting as long as the work goes on. */
  async whileLoading(work: () => Promise<void>): Promise<void> {
    const working = new AbortController();
    const feeding = this.#feed(working.signal);
    try {
      await work();
    } finally {
      working.abort();
      await feeding;
    }
  }

  async #feed(until: AbortSignal): Promise<void> {
    while (!until.aborted && this.#samples.length >= PARTITIONS) {
      const waiting = this.announcements.records.length - (await this.loads()).size;
      if (waiting < AHEAD) await this.announce(PARTITIONS);
      else await delay(100);
    }
  }
}

/** Loads as many files of each partition, and compares what each member has loaded of them. */
async function shareWork(t: TestContext, scene: Scene): Promise<void> {
  const { members } = scene;
  const assignments = () => members.map((member) => member.events('partitions.assigned').length);
  const before = assignments();
  const shares = await settled(members, PARTITIONS);
  const records = new Set((await scene.announce(FILES_EACH * PARTITIONS)).map((record) => `${record}/0`));
  await scene.allLoaded();
  const isOfThese = ({ job }: Readonly<Record<string, unknown>>) => records.has(job as string);
  // The line of the last load may come after its row.
  const counts = () => members.map((member) => member.events('job.loaded').filter(isOfThese).length);
  const isWhole = () => counts().reduce((sum, count) => sum + count, 0) >= records.size;
  await members[0]?.until(isWhole, LOADED_MS, 'each load is in the log of a member');
  t.diagnostic(`partitions of each member: ${shares.map(({ length }) => length)}; files: ${counts()}`);
  assert.deepEqual(new Set(shares.map(({ length }) => length)).size, 1, 'each has as many partitions');
  // A machine that is too busy for heartbeats makes the group share out anew.
  if (!FULL && String(assignments()) !== String(before)) return t.diagnostic('the group has changed meanwhile');
  assert.ok(Math.max(...counts()) <= 1.2 * Math.min(...counts()), `${counts()} files`);
}

/**
 * For each partition the longest time for which a file waited and none of the partition was started or ended; in
 * milliseconds, of the starts between two moments.
 */
function silences({ all, announcedAt }: Scene, from: number, to: number): number[] {
  const longest: number[] = Array(PARTITIONS).fill(0);
  const last = new Map<number, number>();
  const lines = all.flatMap(({ log }) => log.filter(({ message }) => /^job\.(started|loaded)$/.test(message)));
  const timed = lines.map((line) => ({ line, at: Date.parse(line['timestamp'] as string) }));
  for (const { line, at } of timed.sort((a, b) => a.at - b.at)) {
    const record = String(line['job']).replace(/\/0$/, '');
    const partition = Number(record.split('/')[1]);
    const since = Math.max(last.get(partition) ?? 0, announcedAt.get(record) ?? at);
    const isMeant = line.message === 'job.started' && at >= from && at <= to;
    if (isMeant) longest[partition] = Math.max(longest[partition] ?? 0, at - since);
    last.set(partition, at);
  }
  return longest;
}

test('row 61: instances that are added, drained and killed under load lose nothing, double nothing, and share the work', async (t) => {
  if (skipOnMock(t, 'lets a second member wait until the session of the first one expires')) return;
  const made = await createPlace(t);
  const place = { ...made, topic: `${made.topic}-wide`, group: `${made.group}-wide` };
  await createTopic(place.kafka.brokers, place.topic, PARTITIONS);
  const tables = await createTables(t, place);
  const scene = new Scene(t, place, tables);
  const { members } = scene;
  const watch = new RunWatch(t, place, () => scene.loads());
  for (let n = 0; n < 3; n += 1) await scene.join();
  await settled(members, PARTITIONS);
  await shareWork(t, scene);

  const changes: readonly (readonly [what: string, change: () => Promise<unknown>])[] = [
    ['one added', () => scene.join()],
    ['one drained', async () => assert.equal(await members.shift()?.stop(), 0)],
    ['one killed', () => kill(place, members.shift() as ServiceProcess)],
  ];
  const moments = [Date.now()];
  await scene.whileLoading(async () => {
    for (const [, change] of changes) {
      await change();
      await settled(members, PARTITIONS);
      const seen = members.map((member) => member.events('job.loaded').length);
      const isAtWork = () => members.every((member, index) => member.events('job.loaded').length > (seen[index] ?? 0));
      // Not for ever: the files may have come to their end.
      await members[0]?.until(isAtWork, LOADED_MS / 4, 'each member loads').catch(() => undefined);
      moments.push(Date.now());
    }
  });
  await scene.allLoaded();
  for (const [index, [what]] of changes.entries()) {
    const quiet = silences(scene, moments[index] as number, moments[index + 1] as number);
    t.diagnostic(`${what}: silence of each partition in ms: ${quiet.join(' ')}`);
    // A member that is killed without a word is missed when its session is over.
    const bound = what === 'one killed' ? 2 * SESSION_MS : SESSION_MS;
    if (FULL) assert.ok(Math.max(...quiet) < bound, `${what}: ${Math.max(...quiet)} ms of silence`);
  }
  await shareWork(t, scene);

  for (const member of members) assert.equal(await member.stop(), 0);
  await watch.close();
  const { records } = scene.announcements;
  await closeBooks({ place, records, loads: await scene.loads(), mayRepeat: false });
  const rows = records.length * tables.rowsPerFile;
  assert.deepEqual(await tables.counts(TENANT), [{ rows, ids: rows }]);
  t.diagnostic(`${records.length} files, ${rows} rows`);
});

/** At full size the group has to miss it by itself; that takes a session. */
async function kill(place: Place, member: ServiceProcess): Promise<void> {
  if (!FULL) return crash(place, member);
  member.signal('SIGKILL');
  await member.exited;
}
