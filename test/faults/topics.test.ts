import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kafkaClient, withAdmin } from '../sandbox/kafka-admin.js';
import { groupOffsets, toKafkaMessage } from '../sandbox/topics.js';
import { waitUntil } from '../support/processes.js';
import { createPlace, PARTITIONS, type Place, startService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { ONLY_FULL, skipOnMock } from './seed.js';

/** The client asks once a minute what partitions there are. */
const NOTICED_MS = 120_000;

test('row 10: partitions that are added are read from their first message', ONLY_FULL, async (t) => {
  if (skipOnMock(t, 'adds no partitions')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'exit 0');
  const announcements = new Announcements(place);
  await announcements.files(Array(8).fill(script));
  const watch = new RunWatch(t, place, async () => fixtureLoads(place));
  const service = await startService(t, place);
  await service.seen('job.loaded', 8, 30_000);
  const count = PARTITIONS + 2;
  await withAdmin(place.kafka.brokers, (admin) =>
    admin.createPartitions({ topicPartitions: [{ topic: place.topic, count }] }),
  );
  // Announced before the group knows of their partitions: a start from the latest message would miss them.
  for (let partition = PARTITIONS; partition < count; partition += 1) {
    await announcements.files(Array(5).fill(script), {}, partition);
  }
  const { records } = announcements;
  await service.until(() => fixtureLoads(place).size >= records.length, NOTICED_MS, 'the new partitions are read');
  assert.equal(await service.stop(), 0);
  await watch.close();
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
});

/** Announces files in one transaction, which is then committed or aborted; each takes a number more, for its marker. */
async function inTransaction(place: Place, filenames: readonly string[], ending: 'commit' | 'abort'): Promise<void> {
  const producer = kafkaClient(place.kafka.brokers).producer({
    transactionalId: `${place.topic}-producer`,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    const messages = filenames.map((filename) => toKafkaMessage({ value: JSON.stringify({ filename }), partition: 0 }));
    await transaction.send({ topic: place.topic, messages });
    await transaction[ending]();
  } finally {
    await producer.disconnect();
  }
}

test('row 11: what a transaction aborted is not loaded, and its gaps in the numbering hold up no commit', async (t) => {
  if (skipOnMock(t, 'keeps aborted messages')) return;
  const place = await createPlace(t);
  const good = writeScript(place, 'good', 'exit 0');
  const aborted = writeScript(place, 'aborted', `touch ${place.directory}/was-loaded`);
  await inTransaction(place, [good, good], 'commit');
  await inTransaction(place, [aborted, aborted, aborted], 'abort');
  await inTransaction(place, [good], 'commit');
  const transactions = [0, 1, 7].map((offset) => `${place.topic}/0/${offset}`);
  // A marker stands behind each transaction, and a last message behind the last marker, so that all can be passed. Before
  // Kafka 4 the markers may be written after the answer.
  const end = async () => (await groupOffsets(place.kafka.brokers, place.group, place.topic))[0]?.end;
  await waitUntil(async () => (await end()) === 9, 10_000, 'the last marker is there');
  const announcements = new Announcements(place, { 0: 9 });
  const later = await announcements.files([good], {}, 0);
  const records = [...transactions, ...later];
  const service = await startService(t, place);
  await service.until(() => fixtureLoads(place).size >= records.length, 30_000, 'what was committed is loaded');
  assert.equal(await service.stop(), 0);
  assert.equal(service.events('job.started').length, records.length);
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
});
