/** The machine's wall clock is set while the service runs, by libfaketime, which leaves the monotonic clock alone. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { createPlace, type Place, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { loadsAtRiskInRebalances } from './at-risk.js';
import { allCommitted, closeBooks, fixtureLoads } from './ledger.js';
import { SESSION_MS } from './scene.js';
import { skipOnMock } from './seed.js';

const SLOTS = 2;
/** Where nothing waits for its end, a session is long enough for a busy machine. */
const BUSY_SESSION_MS = 20_000;
const LIBRARIES = '/usr/lib';

/** @throws Error that says what to install */
function libraryPath(): string {
  for (const architecture of readdirSync(LIBRARIES)) {
    const file = join(LIBRARIES, architecture, 'faketime/libfaketimeMT.so.1');
    if (existsSync(file)) return file;
  }
  throw new Error(`no libfaketime below ${LIBRARIES}: install the package faketime`);
}

class WallClock {
  readonly #file: string;

  constructor(place: Place) {
    this.#file = join(place.directory, 'clock');
    this.set('+0');
  }

  /** Relative to the real time, as libfaketime writes it. */
  set(offset: string): void {
    writeFileSync(this.#file, `${offset}\n`);
  }

  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: libraryPath(),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
  }
}

async function membersOf({ kafka, group }: Place): Promise<number> {
  return withAdmin(kafka.brokers, async (admin) => {
    const { groups } = await admin.describeGroups([group]);
    return groups[0]?.members.length ?? 0;
  });
}

async function setClock(t: TestContext, jump: string, busy: boolean): Promise<void> {
  if (skipOnMock(t, 'lets a second member wait until the session of the first one expires')) return;
  const place = await createPlace(t);
  const clock = new WallClock(place);
  const script = writeScript(place, 'load', 'sleep 0.2');
  const announcements = new Announcements(place);
  const member = { thread_pool_size: SLOTS, kafka: { session_timeout_ms: busy ? BUSY_SESSION_MS : SESSION_MS } };
  const first = await startService(t, place, member, clock.env);
  const files = async (count: number) => {
    await announcements.files(Array(count).fill(script));
    const { records } = announcements;
    await first.until(() => fixtureLoads(place).size >= records.length, 60_000, 'all files are loaded');
  };
  await files(4);
  if (busy) await announcements.files(Array(120).fill(script));
  clock.set(jump);
  // There is nothing to wait for: that heartbeats may stay away for so long is the fault.
  if (!busy) await delay(SESSION_MS * 2);
  // A member that a busy machine has held up is back soon, and one without heartbeats is not.
  await first.until(async () => (await membersOf(place)) === 1, 30_000, 'the group knows its member');
  await files(4);
  const second = await startService(t, place, member);
  await first.seen('partitions.assigned', 2, 30_000);
  await files(20);
  await allCommitted(place, first);
  assert.equal(await first.stop(), 0);
  assert.equal(await second.stop(), 0);
  assert.deepEqual(first.events('commit.overdue'), []);
  const { records } = announcements;
  const { repeated } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: busy });
  // What ran when partitions changed hands.
  const atRisk = loadsAtRiskInRebalances(first) + loadsAtRiskInRebalances(second);
  assert.ok(repeated <= atRisk, `${repeated} loads were repeated, and only ${atRisk} were at risk`);
}

for (const jump of ['-10m', '+1h']) {
  for (const busy of [false, true]) {
    test(`row 24: the wall clock is set by ${jump} under a ${busy ? 'busy' : 'idle'} service, and another member joins`, (t) =>
      setClock(t, jump, busy));
  }
}
