/** A service at work on a Kafka of its own, which may be stopped, and behind a proxy, which may be cut. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Gate } from '../support/gate.js';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { hideSuiteKafka, OwnBroker } from './own-broker.js';
import { type Filter, TcpProxy } from './tcp-proxy.js';

const FILES = 120;
/** So many at most are loaded before the fault is there. */
const BEFORE = 40;
const SLOTS = 2;
export const SESSION_MS = 6_000;

export interface OwnKafka {
  readonly place: Place;
  readonly broker: OwnBroker;
  readonly network: TcpProxy;
}

export interface Scene extends OwnKafka {
  readonly service: ServiceProcess;
  /** To be called when the fault is there: until then most of the files wait for it. */
  readonly goOn: () => void;
  /** Announces so many files more. */
  readonly announce: (files: number) => Promise<unknown>;
  /** Announces more, waits for all of it, and closes the books. */
  readonly end: () => Promise<void>;
}

/** Null where there is only a mock cluster. */
export async function startOwnKafka(t: TestContext, filter?: () => Filter): Promise<OwnKafka | null> {
  hideSuiteKafka(t);
  const place = await createPlace(t);
  if (place.kafka.kind !== 'kafka') {
    t.skip(`${place.kafka.description} is not ours to stop`);
    return null;
  }
  const address = place.kafka.brokers[0] as string;
  const broker = new OwnBroker(t, address);
  const network = new TcpProxy('127.0.0.1', Number(address.split(':')[1]), filter);
  await network.open();
  t.after(() => network.refuse());
  await broker.moveBehind(network.port);
  return { place, broker, network };
}

/** Null where there is only a mock cluster. */
export async function setScene(t: TestContext, filter?: () => Filter): Promise<Scene | null> {
  const own = await startOwnKafka(t, filter);
  if (own === null) return null;
  const { place } = own;
  const gate = new Gate(place);
  const script = writeScript(place, 'load', `sleep 0.3; ${gate.after(BEFORE)}`);
  const announcements = new Announcements(place);
  const announce = (files: number) => announcements.files(Array(files).fill(script));
  await announce(FILES);
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const settings = { thread_pool_size: SLOTS, kafka: { session_timeout_ms: SESSION_MS } };
  const service = await startService(t, place, settings);
  await service.until(() => fixtureLoads(place).size >= 10, 30_000, 'some loads');
  const goOn = () => gate.open();
  const end = async (): Promise<void> => {
    goOn();
    await announce(20);
    const { records } = announcements;
    await service.until(() => fixtureLoads(place).size >= records.length, 120_000, 'all files are loaded');
    assert.equal(await service.stop(), 0);
    await watch.close();
    // One process all the time: whatever is delivered anew is recognised.
    await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  };
  return { ...own, service, goOn, announce, end };
}
