/** What must wait for longer than its partition's window: set aside in a topic of its own, and read back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Announcements } from '../faults/announcements.js';
import { closeBooks, fixtureLoads } from '../faults/ledger.js';
import { skipOnMock } from '../faults/seed.js';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { createTopic, groupOffsets, produce, readAll } from '../sandbox/topics.js';
import {
  createPlace,
  launch,
  PARTITIONS,
  type Place,
  type ServiceProcess,
  spawnService,
  startService,
  writeScript,
} from '../support/service-process.js';

const DEADLINE_MS = 240_000;
const TOKEN = 'a-token-of-this-test';
/** A window of 20, so that a hundred files are many. */
const SETTINGS = { tenants: { set_aside: 'topic' }, ingest: { max_uncommitted: 20 }, thread_pool_size: 2 };

function settingsOf(place: Place) {
  return { ...SETTINGS, http: { port: 0, token_file: writeScript(place, 'token', TOKEN) } };
}

async function order(service: ServiceProcess, what: string): Promise<void> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await service.ask(`/api/v1/tenants/acme/${what}`, { method: 'POST', headers, body: '{}' });
  assert.equal(answer.status, 200);
}

const loadsOf = (place: Place, records: readonly string[]) => {
  const loads = fixtureLoads(place);
  return records.filter((record) => loads.has(record)).length;
};

/** Everything that was set aside is committed, too. */
async function isReadBack({ kafka, group, topic }: Place): Promise<boolean> {
  const offsets = await groupOffsets(kafka.brokers, group, `${topic}.waiting`);
  return offsets.every(({ committed, end }) => (committed ?? 0) === end);
}

test('a paused tenant keeps no partition from being read, and is loaded when it may be, under the names of its messages', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'true');
  const service = await startService(t, place, settingsOf(place));
  await order(service, 'pause');
  const announcements = new Announcements(place);
  const paused = await announcements.files(Array(100).fill(script), { tenant: 'acme' }, 0);
  const others = await announcements.files(Array(30).fill(script), { tenant: 'globex' }, 0);
  await service.until(() => loadsOf(place, others) === 30, DEADLINE_MS, 'the others behind it are loaded');
  assert.equal(loadsOf(place, paused), 0);
  const copies = await readAll(place.kafka.brokers, `${place.topic}.waiting`);
  assert.ok(copies.length >= 80, `${copies.length} were set aside`);
  assert.ok(copies.every(({ partition, sentAt }) => partition === 0 && Date.now() - sentAt < DEADLINE_MS));
  const origins = copies.map(({ headers }) => headers['atd.origin']?.split('@')[0]);
  assert.deepEqual(origins, paused.slice(0, copies.length), 'the first first, each once');
  const metrics = await (await service.ask('/metrics')).text();
  assert.match(metrics, new RegExp(`^atd_set_aside_total ${copies.length}$`, 'm'));
  await order(service, 'resume');
  await service.until(() => loadsOf(place, paused) === 100, DEADLINE_MS, 'what waited is loaded');
  await service.until(() => isReadBack(place), DEADLINE_MS, 'what was set aside is committed');
  assert.equal(await service.stop(), 0);
  const { records } = announcements;
  await closeBooks({ place, records, loads: fixtureLoads(place), mayRepeat: false });
});

test('a dead letter of what was set aside is that of the message, and a header of others is not believed', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const place = await createPlace(t);
  const bad = writeScript(place, 'bad', 'exit 65');
  const service = await startService(t, place, settingsOf(place));
  await order(service, 'pause');
  const value = JSON.stringify({ filename: bad, tenant: 'acme' });
  const lie = { 'atd.origin': `${place.topic}/3/999@1`, mine: 'yes' };
  const messages = Array.from({ length: 40 }, () => ({ value, partition: 1, headers: lie }));
  await produce(place.kafka.brokers, place.topic, messages);
  await service.seen('aside.moved', 1, DEADLINE_MS);
  await order(service, 'resume');
  const letters = await service.seen('letter.sent', 10, DEADLINE_MS);
  for (const { record } of letters) assert.match(String(record), new RegExp(`^${place.topic}/1/\\d+$`));
  const sent = await readAll(place.kafka.brokers, `${place.topic}.dlq`);
  for (const { headers } of sent) {
    assert.equal(headers['__connect.errors.topic'], place.topic);
    assert.deepEqual([headers['mine'], headers['atd.origin']], ['yes', undefined]);
  }
  assert.equal(await service.stop(), 0);
});

test('a topic that would lose what waits stops the start with 78 and says how to mend it', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const place = await createPlace(t);
  const waiting = `${place.topic}.waiting`;
  await createTopic(place.kafka.brokers, waiting, PARTITIONS, {
    'cleanup.policy': 'compact',
    'retention.bytes': '9999',
  });
  const service = spawnService(t, place, SETTINGS);
  assert.equal(await service.exited, 78);
  const [failure] = service.events('kafka.failed');
  assert.match(
    String(failure?.['error']),
    /has cleanup\.policy=compact, retention\.ms=604800000, retention\.bytes=9999/,
  );
  assert.match(String(failure?.['error']), /--add-config cleanup\.policy=delete,retention\.ms=-1,retention\.bytes=-1/);
});

test('a topic with fewer partitions than the one that is read gets more', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const place = await createPlace(t);
  const waiting = `${place.topic}.waiting`;
  const config = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };
  await createTopic(place.kafka.brokers, waiting, 1, config);
  const service = await startService(t, place, SETTINGS);
  const metadata = await withAdmin(place.kafka.brokers, (admin) => admin.fetchTopicMetadata({ topics: [waiting] }));
  assert.equal(metadata.topics[0]?.partitions.length, PARTITIONS);
  assert.equal(await service.stop(), 0);
});

test('before it is switched off, drain --waiting loads what was set aside and nothing else, and ends', async (t) => {
  if (skipOnMock(t, 'has no settings of topics')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'true');
  const settings = settingsOf(place);
  const service = await startService(t, place, settings);
  await order(service, 'pause');
  const announcements = new Announcements(place);
  await announcements.files(Array(60).fill(script), { tenant: 'acme' }, 2);
  const offset = async () => (await groupOffsets(place.kafka.brokers, place.group, place.topic))[2]?.committed ?? 0;
  await service.until(async () => (await offset()) >= 40, DEADLINE_MS, 'it is set aside and committed');
  await order(service, 'resume');
  service.signal('SIGKILL');
  await service.exited;
  const before = await offset();
  const drained = spawnService(t, place, { ...settings, tenants: { set_aside: 'off' } }, {}, undefined, [
    'drain',
    '--waiting',
  ]);
  assert.equal(await drained.exited, 0);
  assert.ok(await isReadBack(place));
  assert.equal(await offset(), before, 'nothing else was read');
  const last = await startService(t, place, { ...settings, tenants: { set_aside: 'off' } });
  const { records } = announcements;
  await last.until(() => loadsOf(place, records) === 60, DEADLINE_MS, 'the rest is loaded');
  assert.equal(await last.stop(), 0);
});

test('drain without --waiting is refused', async () => {
  const { exited } = launch(['drain']);
  assert.equal(await exited, 64);
});
