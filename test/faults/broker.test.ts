import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { hideSuiteKafka, OwnBroker } from './own-broker.js';
import { ONLY_FULL, seeded } from './seed.js';
import { TcpProxy } from './tcp-proxy.js';

const FILES = 120;
const SESSION_MS = 6_000;
const SLOTS = 2;

interface Scene {
  readonly place: Place;
  readonly broker: OwnBroker;
  readonly network: TcpProxy;
  readonly service: ServiceProcess;
  /** Announces more, waits for all of it, and closes the books. */
  readonly end: () => Promise<void>;
}

/** A service at work on a Kafka of its own, with a proxy before it; null where there is only a mock cluster. */
async function setScene(t: TestContext): Promise<Scene | null> {
  hideSuiteKafka(t);
  const place = await createPlace(t);
  if (place.kafka.kind !== 'kafka') {
    t.skip(`${place.kafka.description} is not ours to stop`);
    return null;
  }
  const address = place.kafka.brokers[0] as string;
  const broker = new OwnBroker(t, address);
  const network = new TcpProxy('127.0.0.1', Number(address.split(':')[1]));
  await network.open();
  t.after(() => network.refuse());
  await broker.moveBehind(network.port);
  const script = writeScript(place, 'load', 'sleep 0.3');
  const announcements = new Announcements(place);
  await announcements.files(Array(FILES).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const settings = { thread_pool_size: SLOTS, kafka: { session_timeout_ms: SESSION_MS } };
  const service = await startService(t, place, settings);
  await service.until(() => fixtureLoads(place).size >= 10, 30_000, 'some loads');
  const end = async (): Promise<void> => {
    await announcements.files(Array(20).fill(script));
    const { records } = announcements;
    await service.until(() => fixtureLoads(place).size >= records.length, 120_000, 'all files are loaded');
    assert.equal(await service.stop(), 0);
    await watch.close();
    // One process all the time: whatever is delivered anew is recognised.
    await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  };
  return { place, broker, network, service, end };
}

test(
  'row 2: a broker that stands still longer than the session costs no load and no repetition',
  ONLY_FULL,
  async (t) => {
    const scene = await setScene(t);
    if (scene === null) return;
    scene.broker.freeze();
    // There is nothing to wait for: that nobody answers for so long is the fault.
    await delay(SESSION_MS * 2);
    const { place } = scene;
    const before = fixtureLoads(place).size;
    assert.ok(before > 10, 'what had been read was loaded meanwhile');
    scene.broker.thaw();
    await scene.end();
  },
);

test(
  'rows 1 and 5: a broker that is killed and started again costs no load and no repetition',
  ONLY_FULL,
  async (t) => {
    const scene = await setScene(t);
    if (scene === null) return;
    const { broker, service } = scene;
    await broker.kill();
    await delay(SESSION_MS);
    assert.equal((await fetch(`${service.http}/api/status`)).status, 200, 'the service lives without a broker');
    await broker.start();
    await scene.end();
  },
);

test(
  'row 3: connections that are reset, refused and half-open cost no load and no repetition',
  ONLY_FULL,
  async (t) => {
    const random = seeded(t);
    const scene = await setScene(t);
    if (scene === null) return;
    const { network } = scene;
    for (let fault = 0; fault < 5; fault += 1) {
      if (random.chance(0.5)) await network.refuse();
      else network.silence();
      await delay(200 + random.below(SESSION_MS * 1.5));
      await network.open();
      await delay(random.below(2_000));
    }
    await scene.end();
  },
);

test('row 4: a line with 250 ms in each direction slows the service down and nothing else', ONLY_FULL, async (t) => {
  const scene = await setScene(t);
  if (scene === null) return;
  scene.network.delay(250);
  await scene.end();
  const { service } = scene;
  assert.equal(service.events('kafka.failed').length, 0);
  assert.equal(service.events('partitions.assigned').length, 1, 'heartbeats keep the membership alive');
});
