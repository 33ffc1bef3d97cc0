import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { groupOffsets, produce } from '../sandbox/topics.js';
import { createPlace, PARTITIONS, readLedger, startService, writeScript } from '../support/service-process.js';

const FILES = 3;

test('a committed offset that the broker does not have is told, and what there is is loaded from the start', async (t) => {
  const place = await createPlace(t);
  if (place.kafka.kind === 'mock') return t.skip('the mock cluster takes any offset for the end of the log');
  const files = Array.from({ length: FILES }, (_, index) => writeScript(place, `file-${index}`, 'exit 0'));
  const messages = files.map((filename) => ({ value: JSON.stringify({ filename }), partition: 0 }));
  await produce(place.kafka.brokers, place.topic, messages);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, offset: '1000' }));
  await withAdmin(place.kafka.brokers, (admin) =>
    admin.setOffsets({ groupId: place.group, topic: place.topic, partitions }),
  );
  const service = await startService(t, place);
  await service.seen('offsets.missing', 1, 30_000);
  await service.seen('job.loaded', FILES, 30_000);
  const metrics = await (await service.ask('/metrics')).text();
  assert.match(metrics, /^atd_offsets_out_of_range_total [1-9]/m);
  assert.equal(await service.stop(), 0);
  assert.equal(readLedger(place).filter(({ what }) => what === 'end').length, FILES);
  const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic);
  // A placeholder for the first offset would look like a commit that is gone.
  assert.deepEqual(
    offsets.map(({ committed }) => committed),
    [FILES, 0, 0, 0],
  );
});

test('with latest and no commit, what is announced after the first assignment is loaded, whenever and wherever that is', async (t) => {
  const place = await createPlace(t);
  if (place.kafka.kind === 'mock') return t.skip('the mock cluster gives no offsets of ends');
  const { topic, kafka } = place;
  const announce = async (name: string, partition = 0) => {
    const value = JSON.stringify({ filename: writeScript(place, name, 'exit 0') });
    await produce(kafka.brokers, topic, [{ value, partition }]);
  };
  const latest = { kafka: { auto_offset_reset: 'latest' } };
  await announce('before');
  const first = await startService(t, place, latest);
  await first.seen('partitions.restored', 1, 30_000);
  assert.equal(await first.stop(), 0);
  const offsets = await groupOffsets(kafka.brokers, place.group, topic);
  assert.deepEqual(
    offsets.map(({ committed }) => committed),
    [1, 0, 0, 0],
  );
  await announce('while-away');
  // Retention passes the commit, and what is left behind it was announced later all the same.
  await announce('dropped', 1);
  await announce('left', 1);
  await withAdmin(kafka.brokers, async (admin) => {
    // By which the client learns of the topic.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '1' }] });
    await admin.createPartitions({ topicPartitions: [{ topic, count: PARTITIONS + 1 }] });
  });
  await announce('added', PARTITIONS);
  const second = await startService(t, place, latest);
  await second.seen('job.loaded', 3, 30_000);
  await announce('later');
  await second.seen('job.loaded', 4, 30_000);
  assert.equal(await second.stop(), 0);
  assert.equal(readLedger(place).filter(({ what }) => what === 'end').length, 4);
  const ends = await groupOffsets(kafka.brokers, place.group, topic);
  assert.deepEqual(
    ends.map(({ committed }) => committed),
    [3, 2, 0, 0, 1],
  );
});
