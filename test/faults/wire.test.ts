/** What comes over the wire that our own producer would never write, through the whole service and back into Kafka. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { produceRaw, type RawRecord } from '../sandbox/raw-records.js';
import { type ConsumedMessage, createTopic, readAll } from '../sandbox/topics.js';
import { createPlace, type Place, type ServiceProcess, startService, writeScript } from '../support/service-process.js';
import { closeBooks, fixtureLoads, lettersByRecord } from './ledger.js';
import { skipOnMock } from './seed.js';

const MEGABYTE = 1024 * 1024;
const NOT_JSON = Buffer.from('not JSON');
/** Names that every object of JavaScript seems to have. */
const INHERITED = [
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__proto__',
  '__defineGetter__',
  'isPrototypeOf',
];

type Headers = RawRecord['headers'];

function raw(value: Uint8Array | string | null, changes: Partial<RawRecord> = {}): RawRecord {
  const bytes = value === null ? null : Buffer.from(value as string);
  return { key: null, value: bytes, headers: [], timestamp: BigInt(Date.now()), ...changes };
}

/** Each message a batch of its own, all of partition 0. */
async function announce(place: Place, records: readonly RawRecord[], first = 0): Promise<string[]> {
  for (const record of records) await produceRaw(place.kafka.brokers[0] as string, place.topic, 0, [record]);
  return records.map((_, index) => `${place.topic}/0/${first + index}`);
}

async function endsWith(
  place: Place,
  service: ServiceProcess,
  records: readonly string[],
  letters: number,
): Promise<void> {
  const ended = () => service.events('letter.sent').length + fixtureLoads(place).size >= records.length;
  await service.until(ended, 60_000, 'every message is loaded or its letter is on its way');
  // A topic that was made just now has no leader yet.
  const lettersNow = () => lettersByRecord(place).catch(() => new Map<string, number>());
  const done = async () => fixtureLoads(place).size + (await lettersNow()).size >= records.length;
  await service.until(done, 60_000, 'every message is loaded or a letter');
  await service.until(async () => (await service.ask('/readyz')).status === 200, 60_000, 'it is ready');
  assert.equal(await service.stop(), 0);
  assert.deepEqual(service.events('letter.refused'), []);
  const balance = await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
  assert.equal(balance.letters, letters);
}

async function letterOf(place: Place, record: string): Promise<ConsumedMessage> {
  const letters = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  const [, partition, offset] = record.split('/');
  const found = letters.find(
    ({ headers }) =>
      headers['__connect.errors.partition'] === partition && headers['__connect.errors.offset'] === offset,
  );
  assert.ok(found !== undefined, `a letter of ${record}`);
  return found;
}

test('row 37: headers without value, and those that are named like members of an object, cost nothing', async (t) => {
  if (skipOnMock(t, 'is not asked in its own protocol')) return;
  const place = await createPlace(t);
  const good = writeScript(place, 'good', 'exit 0');
  const value = JSON.stringify({ filename: good });
  const odd: readonly Headers[] = [
    [['traceparent', null]],
    [
      ['traceparent', null],
      ['traceparent', 'x'],
      ['traceparent', null],
    ],
    INHERITED.map((name) => [name, 'kept'] as const),
    INHERITED.flatMap((name) => [[name, null] as const, [name, 'kept'] as const]),
    [['atd.replay-count', null]],
    [['', null]],
    [[Buffer.from([0xff, 0xfe]), Buffer.from([0, 0xff])]],
  ];
  const records = await announce(place, [
    ...odd.map((headers) => raw(value, { headers })),
    ...odd.map((headers) => raw(NOT_JSON, { headers })),
    raw(value),
  ]);
  const service = await startService(t, place);
  await endsWith(place, service, records, odd.length);
  const named = await letterOf(place, records[odd.length + 2] as string);
  for (const name of INHERITED) assert.equal(named.headers[name], 'kept', `the header ${name} of the message is kept`);
  const empty = await letterOf(place, records[odd.length] as string);
  assert.equal(empty.headers['traceparent'], '');
  assert.equal((await letterOf(place, records[odd.length + 4] as string)).headers['atd.replay-count'], '0');
});

test('row 37: a message of very many headers is taken in one pass', async (t) => {
  if (skipOnMock(t, 'is not asked in its own protocol')) return;
  const place = await createPlace(t, { 'max.message.bytes': String(4 * MEGABYTE) });
  const good = JSON.stringify({ filename: writeScript(place, 'good', 'exit 0') });
  const alike = Array.from({ length: 300_000 }, () => ['a', null] as const);
  const different = Array.from({ length: 150_000 }, (_, index) => [index.toString(36), 'x'] as const);
  const records = await announce(place, [
    ...[alike, different].map((headers) => raw(good, { headers })),
    ...[alike, different].map((headers) => raw(NOT_JSON, { headers })),
    raw(good),
  ]);
  // With the session that is the default: what is not taken in one pass takes minutes.
  const service = await startService(t, place);
  await endsWith(place, service, records, 2);
  const { headers } = await letterOf(place, records[3] as string);
  assert.equal(
    headers['atd.headers-unread'],
    String(different.length - 1_000),
    'a note stands for those that are left out',
  );
  assert.equal(service.events('partitions.assigned').length, 1, 'the group has not missed the service');
});

test('row 38: what one letter cannot carry is left out, and nothing waits for it', async (t) => {
  if (skipOnMock(t, 'has no topic settings')) return;
  const place = await createPlace(t, {
    'max.message.bytes': String(8 * MEGABYTE),
    'message.timestamp.after.max.ms': String(Number.MAX_SAFE_INTEGER),
  });
  await createTopic(place.kafka.brokers, `${place.topic}.dlq`, 2, { 'max.message.bytes': '100000' });
  const good = writeScript(place, 'good', 'exit 0');
  const now = Date.now();
  const big = randomBytes(1.5 * MEGABYTE);
  const cases: Readonly<Record<string, RawRecord>> = {
    headers: raw(NOT_JSON, { headers: [['big', big]], key: Buffer.from('k') }),
    'a replay count that is none': raw(NOT_JSON, { headers: [['atd.replay-count', big.toString('latin1')]] }),
    key: raw(NOT_JSON, { key: randomBytes(MEGABYTE) }),
    value: raw(big, { key: Buffer.from('k') }),
    'value, key and headers': raw(big, { key: big, headers: [['big', big]] }),
    'a time in microseconds': raw(NOT_JSON, { timestamp: BigInt(now) * 1000n }),
    'a time beyond every calendar': raw(NOT_JSON, { timestamp: 9_000_000_000_000_000n }),
    'a time long ago': raw(NOT_JSON, { timestamp: 1n }),
    'no time': raw(NOT_JSON, { timestamp: -1n }),
  };
  const records = await announce(place, [...Object.values(cases), raw(JSON.stringify({ filename: good }))]);
  const service = await startService(t, place);
  await endsWith(place, service, records, records.length - 1);
  const letter = (name: string) => letterOf(place, records[Object.keys(cases).indexOf(name)] as string);

  const ofHeaders = await letter('headers');
  assert.deepEqual([ofHeaders.value, String(ofHeaders.key)], [NOT_JSON, 'k'], 'what there is room for is kept');
  assert.deepEqual([ofHeaders.headers['big'], ofHeaders.headers['atd.headers-left-out']], [undefined, '1']);
  const ofKey = await letter('key');
  assert.deepEqual([String(ofKey.key), ofKey.headers['atd.key-bytes']], [records[2], String(MEGABYTE)]);
  assert.deepEqual(ofKey.value, NOT_JSON);
  const ofValue = await letter('value');
  assert.deepEqual(ofValue.value, big.subarray(0, 64 * 1024));
  assert.equal(ofValue.headers['atd.value-bytes'], String(big.length));
  for (const [name, { timestamp }] of Object.entries(cases)) {
    const { headers, sentAt } = await letter(name);
    assert.equal(headers['atd.timestamp'], String(timestamp), `${name}: the time of the message is kept`);
    assert.ok(sentAt >= now, `${name}: the letter has its own time`);
  }
});

test('row 38: a compacted dead-letter topic gets a key from the coordinates', async (t) => {
  if (skipOnMock(t, 'has no topic settings')) return;
  const place = await createPlace(t);
  await createTopic(place.kafka.brokers, `${place.topic}.dlq`, 1, { 'cleanup.policy': 'compact' });
  const good = writeScript(place, 'good', 'exit 0');
  const records = await announce(place, [
    raw(NOT_JSON, { headers: [['origin', 'test']] }),
    raw(JSON.stringify({ filename: good })),
  ]);
  const service = await startService(t, place);
  await endsWith(place, service, records, 1);
  const letter = await letterOf(place, records[0] as string);
  assert.deepEqual([String(letter.key), letter.value, letter.headers['origin']], [records[0], NOT_JSON, 'test']);
});
