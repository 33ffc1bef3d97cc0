import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { ConfigResourceTypes } from 'kafkajs';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { createTopic, groupOffsets, readAll } from '../sandbox/topics.js';
import {
  createPlace,
  PARTITIONS,
  type Place,
  readLedger,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads, RunWatch } from './ledger.js';
import { skipOnMock } from './seed.js';

/** kafkajs exports the list of these only to CommonJS. */
const TOPIC = 2 as ConfigResourceTypes;

async function limitMessages(place: Place, topic: string, bytes: number): Promise<void> {
  const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
  const resources = [{ type: TOPIC, name: topic, configEntries }];
  await withAdmin(place.kafka.brokers, (admin) => admin.alterConfigs({ validateOnly: false, resources }));
}

test('row 27: while the dead-letter topic takes nothing, nothing is committed past the letter; then all goes on', async (t) => {
  if (skipOnMock(t, 'has no topic settings')) return;
  const place = await createPlace(t);
  await createTopic(place.kafka.brokers, `${place.topic}.dlq`, PARTITIONS, { 'max.message.bytes': '100' });
  const good = writeScript(place, 'good', 'exit 0');
  const bad = writeScript(place, 'bad', 'exit 65');
  const announcements = new Announcements(place);
  const before = await announcements.files([good, good, bad, good, good], {}, 0);
  const watch = new RunWatch(t, place, async () => fixtureLoads(place), [before[2] as string]);
  const service = await startService(t, place);
  const committed = async () => (await groupOffsets(place.kafka.brokers, place.group, place.topic))[0]?.committed;
  await service.until(async () => (await committed()) === 2, 60_000, 'what was loaded before it is committed');
  await service.seen('letter.refused', 2, 60_000);
  const later = await announcements.files([good, good], {}, 0);
  await service.seen('letter.refused', 3, 60_000);
  assert.equal(await committed(), 2, 'the commit stands before the record whose letter was refused');
  assert.equal(fixtureLoads(place).has(later[0] as string), false, 'nothing is read meanwhile');
  const status = (await (await service.ask('/api/status')).json()) as { deadLettersPending: number };
  assert.equal(status.deadLettersPending, 1);

  await limitMessages(place, `${place.topic}.dlq`, 1024 * 1024);
  await service.until(() => later.every((record) => fixtureLoads(place).has(record)), 90_000, 'what came later');
  assert.equal(await service.stop(), 0);
  await watch.close();
  const { letters } = await closeBooks({
    place,
    records: announcements.records,
    loads: fixtureLoads(place),
    mayRepeat: false,
  });
  assert.equal(letters, 1);
});

test('row 27: a dead-letter topic that is missing holds back what comes after, until somebody makes it', async (t) => {
  if (skipOnMock(t, 'makes every topic that it hears of')) return;
  const place = await createPlace(t);
  const good = writeScript(place, 'good', 'exit 0');
  const bad = writeScript(place, 'bad', 'exit 65');
  const announcements = new Announcements(place);
  const [first] = await announcements.files([bad, good], {}, 0);
  const watch = new RunWatch(t, place, async () => fixtureLoads(place), [first as string]);
  const service = await startService(t, place, { service: { dead_letter: { create_topic: false } } });
  await service.seen('letter.refused', 2, 60_000);
  const later = await announcements.files([good], {}, 0);
  await service.seen('letter.refused', 3, 60_000);
  assert.equal(fixtureLoads(place).has(later[0] as string), false, 'nothing is read meanwhile');
  await createTopic(place.kafka.brokers, `${place.topic}.dlq`, 1);
  await service.until(() => fixtureLoads(place).has(later[0] as string), 90_000, 'what came later');
  assert.equal(await service.stop(), 0);
  await watch.close();
  const { records } = announcements;
  const { letters } = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  assert.equal(letters, 1);
});

const BIG = 10 * 1024 * 1024;
const asDeep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

test('row 26: no poison stops the partition, and what can be read of it is loaded', async (t) => {
  if (skipOnMock(t, 'takes no message of 10 MB')) return;
  const place = await createPlace(t, { 'max.message.bytes': String(2 * BIG) });
  const good = writeScript(place, 'good', 'exit 0');
  const file = JSON.stringify(good);
  const announcements = new Announcements(place);
  const poison: readonly (readonly [string, string | Uint8Array])[] = [
    ['JSON of 100,000 levels', asDeep(100_000)],
    ['a file name of 5,000 levels', `{"filename": ${'['.repeat(5_000)}${file}${']'.repeat(5_000)}}`],
    ['an empty value', ''],
    ['blanks', ' \n\t'],
    ['__proto__ with a file name', `{"__proto__": {"filename": ${file}}}`],
    ['constructor as a tenant', `{"filename": ${file}, "tenant": {"constructor": 1}}`],
    ['the last of two file names is none', `{"filename": ${file}, "filename": 7}`],
    ['an unpaired surrogate as a tenant', `{"filename": ${file}, "tenant": "\\ud800"}`],
    ['10 MB that no compression makes smaller', randomBytes(BIG)],
  ];
  const digestible: readonly (readonly [string | null, string])[] = [
    [null, `{"filename": ${file}}`],
    ['__proto__ beside a file name', `{"__proto__": {"tenant": "../x"}, "filename": ${file}}`],
    ['two tenants', `{"filename": ${file}, "tenant": "../x", "tenant": "acme"}`],
    ['a field of 1,000 levels', `{"filename": ${file}, "extra": ${asDeep(1_000)}}`],
    ['numbers beyond every bound', `{"filename": ${file}, "size": 1e999, "n": 123456789012345678901234567890}`],
  ];
  const bad = await announcements.messages(
    poison.map(([key, value]) => ({ key, value })),
    0,
  );
  const loadable = await announcements.messages(
    digestible.map(([key, value]) => ({ key, value })),
    0,
  );
  const watch = new RunWatch(t, place, async () => fixtureLoads(place), bad);
  const service = await startService(t, place);
  await service.until(() => fixtureLoads(place).size >= loadable.length, 60_000, 'what can be loaded is');
  await service.seen('letter.sent', bad.length, 30_000);
  assert.equal(await service.stop(), 0);
  await watch.close();
  const loads = fixtureLoads(place);
  assert.deepEqual([...loads.keys()].sort(), [...loadable].sort());
  const { letters } = await closeBooks({ place, records: announcements.records, loads, mayRepeat: false });
  assert.equal(letters, poison.length);
  const found = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  const big = found.find(({ key }) => key?.toString().startsWith('10 MB'));
  assert.equal(big?.headers['atd.value-bytes'], String(BIG), 'of what is too large an excerpt is kept');
  assert.equal(readLedger(place).filter(({ what }) => what === 'start').length, loadable.length);
});
