/** The port of one broker of three swallows whatever is sent to it, and then works again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Producer } from 'kafkajs';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { openProducer } from '../sandbox/topics.js';
import { waitUntil } from '../support/processes.js';
import { PARTITIONS, type Place, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import type { OwnBroker } from './own-broker.js';
import { type OwnCluster, startCluster } from './own-cluster.js';
import { TcpProxy } from './tcp-proxy.js';

/** The service's requests run out of their time meanwhile (15 s), and those that wait at its end were sent in the hole. */
const HOLE_MS = 20_000;
const DEADLINE_MS = 60_000;
const HOLED = 3;

/** A topic whose partitions are on the brokers in turn, one copy each: the hole is to cut off clients, not copies. */
async function spreadTopic({ place, brokers }: OwnCluster): Promise<Place> {
  const topic = `${place.topic}-spread`;
  const ids = [...brokers.keys()];
  const replicaAssignment = Array.from({ length: PARTITIONS }, (_, partition) => ({
    partition,
    replicas: [ids[partition % ids.length] as number],
  }));
  await withAdmin(place.kafka.brokers, async (admin) => {
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, replicaAssignment }] });
    const hasLeaders = async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions.length === PARTITIONS && topics[0].partitions.every(({ leader }) => leader > 0);
    };
    await waitUntil(() => hasLeaders().catch(() => false), DEADLINE_MS, 'the topic is there');
  });
  return { ...place, topic };
}

interface Rounds {
  /** Connected before the hole: to begin with, it might ask the broker behind it. */
  readonly producer: Producer;
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly value: string;
  readonly records: string[];
  readonly isLoaded: () => Promise<void>;
}

/** Announces to these partitions and waits for the loads, again and again during the hole; returns the longest wait. */
async function keepAnnouncing({ producer, topic, partitions, value, records, isLoaded }: Rounds): Promise<number> {
  const began = performance.now();
  let longest = 0;
  while (performance.now() - began < HOLE_MS) {
    const sent = performance.now();
    for (const partition of partitions) {
      const [answer] = await producer.send({ topic, messages: [{ partition, value }] });
      records.push(`${topic}/${partition}/${answer?.baseOffset}`);
    }
    await isLoaded();
    longest = Math.max(longest, performance.now() - sent);
  }
  return longest;
}

test('row 54: partitions behind a port that swallows all are read again once a request has run out of its time', async (t) => {
  const cluster = await startCluster(t);
  if (cluster === null) return;
  const network = new TcpProxy('127.0.0.1', Number(cluster.place.kafka.brokers[HOLED - 1]?.split(':')[1]));
  await network.open();
  t.after(() => network.refuse());
  await (cluster.brokers.get(HOLED) as OwnBroker).moveBehind(network.port);
  const place = await spreadTopic(cluster);
  const file = writeScript(place, 'load', 'exit 0');
  const announcements = new Announcements(place);
  const service = await startService(t, place, { thread_pool_size: 2 });
  // The hole is to cut off messages, not the group.
  if ((await cluster.coordinator()) === HOLED) await cluster.moveCoordinator();
  await announcements.files(Array(PARTITIONS * 2).fill(file));
  const { records } = announcements;
  const isLoaded = () =>
    service.until(() => fixtureLoads(place).size >= records.length, DEADLINE_MS, 'what is announced is loaded');
  await isLoaded();
  const isBehind = (partition: number) => (partition % cluster.brokers.size) + 1 === HOLED;
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);

  const producer = await openProducer(place.kafka.brokers);
  t.after(() => producer.disconnect());
  const others = partitions.filter((partition) => !isBehind(partition));
  const value = JSON.stringify({ filename: file });

  network.silence();
  const rounds = { producer, topic: place.topic, partitions: others, value, records, isLoaded };
  const longest = await keepAnnouncing(rounds);
  // What is under way is lost, as in a hole: it would be sent again at ever longer intervals.
  network.strand();
  await network.open();
  const ended = performance.now();
  for (const partition of partitions.filter(isBehind)) await announcements.files(Array(3).fill(file), {}, partition);
  await isLoaded();
  t.diagnostic(`its own: loaded ${Math.round(performance.now() - ended)} ms after the end of the hole`);
  t.diagnostic(`the others: loaded at most ${Math.round(longest)} ms after they were sent, during the hole`);
  assert.equal(await service.stop(), 0);
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
});
