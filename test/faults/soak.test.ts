/** All kinds of files and of members at once, for a while: what no single fault shows is what they add up to. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { groupOffsets } from '../sandbox/topics.js';
import type { Random } from '../support/random.js';
import { createPlace, type Place, type Settings, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, lettersByRecord, RunWatch } from './ledger.js';
import { crash } from './members.js';
import { FULL, seeded, skipOnMock } from './seed.js';

const SOAK_MS = FULL ? 300_000 : 20_000;
/** A file that ends another way than by itself holds a slot for twice its deadline. */
const PROGRESS_MS = 60_000;
const SETTINGS: Settings = {
  thread_pool_size: 4,
  // Twice so long is far more than a file that can be loaded takes on a busy machine.
  as_cli: { timeout: 15, grace: 0.3 },
  kafka: { session_timeout_ms: 15_000 },
  service: { retry: { max_timeouts: 2, max_interruptions: 100 }, circuit_breaker: { dead_letters: 100 } },
};

interface Kind {
  readonly script: string;
  readonly weight: number;
  /** Whether it ends in the dead-letter topic. */
  readonly dies: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  quick: { script: 'exit 0', weight: 60, dies: false },
  slow: { script: 'sleep 0.3', weight: 20, dies: false },
  loud: { script: 'head -c 3000000 /dev/zero; head -c 3000000 /dev/urandom >&2', weight: 4, dies: false },
  daemon: { script: 'setsid sleep 300 & exit 0', weight: 4, dies: false },
  holder: { script: 'sleep 300 & exit 0', weight: 2, dies: false },
  bad: { script: 'exit 65', weight: 4, dies: true },
  failing: { script: 'exit 1', weight: 3, dies: true },
  crashing: { script: 'kill -SEGV $$', weight: 1, dies: true },
  stubborn: { script: 'trap "" TERM; sleep 300; exit 1', weight: 1, dies: true },
  stopped: { script: 'kill -STOP $$', weight: 1, dies: true },
};

/** Announces files of all kinds until the time is over; returns those that cannot be loaded. */
async function announce(place: Place, random: Random, announcements: Announcements, until: number): Promise<string[]> {
  const files = Object.entries(KINDS).map(([name, kind]) => ({ ...kind, file: writeScript(place, name, kind.script) }));
  const lots = files.flatMap((kind) => Array<(typeof files)[number]>(kind.weight).fill(kind));
  const doomed: string[] = [];
  while (performance.now() < until) {
    const batch = Array.from({ length: 1 + random.below(30) }, () => random.pick(lots));
    const tenant = random.pick(['acme', 'globex', 'initech']);
    const records = await announcements.files(
      batch.map(({ file }) => file),
      { tenant },
    );
    doomed.push(...records.filter((_, index) => batch[index]?.dies));
    await delay(random.below(1_500));
  }
  return doomed;
}

/** Beside a member that stays another one comes and goes, or dies. */
async function churn(t: TestContext, place: Place, random: Random, until: number): Promise<number> {
  let changes = 0;
  while (performance.now() < until) {
    const member = await startService(t, place, SETTINGS);
    await delay(500 + random.below(FULL ? 20_000 : 4_000));
    if (random.chance(0.5)) await crash(place, member);
    else assert.equal(await member.stop(), 0);
    changes += 1;
  }
  return changes;
}

test('row 32: a soak with all kinds of files and members that come, go and die', async (t) => {
  if (skipOnMock(t, 'lets a second member wait until the session of the first one expires')) return;
  const random = seeded(t);
  const place = await createPlace(t);
  const announcements = new Announcements(place);
  const staying = await startService(t, place, SETTINGS);
  const watch = new RunWatch(
    t,
    place,
    async () => new Map([...fixtureLoads(place), ...(await lettersByRecord(place))]),
  );
  const until = performance.now() + SOAK_MS;
  const [doomed, changes] = await Promise.all([
    announce(place, random, announcements, until),
    churn(t, place, random, until),
  ]);
  // What a member left that died last is cleared away by the next start on this machine.
  const sweeping = await startService(t, place, SETTINGS);
  const { records } = announcements;
  // How long what has queued takes is the machine's; that nothing comes to an end any more is the service's. A record that
  // a member loaded before it died is begun anew by the next: so it is over when all is committed, not when all is loaded.
  const left = async () => {
    const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic);
    const unfinished = records.length - fixtureLoads(place).size - (await lettersByRecord(place)).size;
    return unfinished + offsets.reduce((sum, { committed, end }) => sum + end - (committed ?? 0), 0);
  };
  for (let count = await left(); count > 0; count = await left()) {
    const before = count;
    await staying.until(async () => (await left()) < before, PROGRESS_MS, `less than ${before} is left`);
  }
  assert.equal(await sweeping.stop(), 0);
  assert.equal(await staying.stop(), 0);
  await watch.close();
  const { letters, repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: true });
  const failed = new Set((await lettersByRecord(place)).keys());
  assert.deepEqual([...failed].sort(), [...doomed].sort());
  t.diagnostic(
    `${records.length} files, ${letters} dead letters, ${changes} members came and went, ${repeated} repeated`,
  );
});
