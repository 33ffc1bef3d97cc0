import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompressionTypes } from 'kafkajs';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { groupOffsets, produce } from '../sandbox/topics.js';
import { waitUntil } from '../support/processes.js';
import { startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import { startOwnKafka } from './scene.js';
import { ONLY_FULL } from './seed.js';

const GZIP = Buffer.from([0x1f, 0x8b, 8]);
const QUEUE = 6;
const GOOD = 60;

test(
  'rows 9 and 11: a batch that cannot be read is told again and again, what is read already is loaded and committed meanwhile, and an operator can pass it',
  ONLY_FULL,
  async (t) => {
    const own = await startOwnKafka(t);
    if (own === null) return;
    const { place, broker } = own;
    const script = writeScript(place, 'load', 'sleep 1');
    const announcements = new Announcements(place);
    const readable = await announcements.files(Array(GOOD).fill(script), {}, 1);
    const unreadable = Array.from({ length: 5 }, () => ({ value: JSON.stringify({ filename: script }), partition: 1 }));
    await produce(place.kafka.brokers, place.topic, unreadable, CompressionTypes.GZIP);
    const behind = GOOD + unreadable.length;
    const settings = { thread_pool_size: 2, ingest: { max_queued_jobs: QUEUE } };
    const service = await startService(t, place, settings);
    await service.until(() => fixtureLoads(place).size >= 2, 30_000, 'some loads');

    await broker.stop();
    broker.changeSegment(place.topic, 1, (bytes) => {
      const start = bytes.indexOf(GZIP);
      assert.ok(start > 0, 'the batch is in the segment');
      bytes.fill(0xff, start + GZIP.length, start + 40);
    });
    await broker.start();
    await service.seen('kafka.restarting', 2, 180_000);
    const metrics = await (await service.ask('/metrics')).text();
    assert.match(metrics, /^atd_consumer_restarts_total [2-9]/m);
    assert.equal(service.stderr, '', 'nobody forgot to take an error');
    const isCommitted = async () => {
      // A broker that has just started cannot tell yet.
      const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic).catch(() => []);
      return offsets[1]?.committed === fixtureLoads(place).size;
    };
    await service.until(isCommitted, 60_000, 'what was loaded is committed between two restarts');
    assert.equal(await service.stop(), 0);

    await withAdmin(place.kafka.brokers, async (admin) => {
      const { group: groupId, topic } = place;
      const isEmpty = async () => (await admin.describeGroups([groupId])).groups[0]?.state === 'Empty';
      // A life that the corrupt batch has ended may have been joining when the service was told to stop.
      await waitUntil(isEmpty, 60_000, 'the group to have no members');
      await admin.setOffsets({ groupId, topic, partitions: [{ partition: 1, offset: String(behind) }] });
    });
    const later = await announcements.files(Array(3).fill(script), {}, 2);
    const loadedBefore = [...fixtureLoads(place).keys()];
    const next = await startService(t, place, settings);
    await next.until(() => later.every((record) => fixtureLoads(place).has(record)), 60_000, 'what came later');
    assert.equal(await next.stop(), 0);
    assert.ok(loadedBefore.every((record) => readable.includes(record)));
    await closeBooks({ place, records: [...loadedBefore, ...later], loads: fixtureLoads(place), mayRepeat: false });
  },
);
