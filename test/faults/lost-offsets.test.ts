/** The commits of a group are gone: the topic is not loaded once more before somebody has said so. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { createTopic, groupOffsets } from '../sandbox/topics.js';
import { waitUntil } from '../support/processes.js';
import {
  createPlace,
  PARTITIONS,
  type Place,
  type ServiceProcess,
  startService,
  writeScript,
} from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { closeBooks, fixtureLoads } from './ledger.js';
import { SESSION_MS } from './scene.js';
import { skipOnMock } from './seed.js';

const DEADLINE_MS = 60_000;
const FILES = 12;

async function deleteGroup({ kafka, group }: Place): Promise<void> {
  await withAdmin(kafka.brokers, async (admin) => {
    const isEmpty = async () => (await admin.describeGroups([group])).groups[0]?.state === 'Empty';
    await waitUntil(isEmpty, DEADLINE_MS, 'the group has no members');
    await admin.deleteGroups([group]);
  });
}

/** It loads nothing, and says why wherever it is asked. */
async function assertStopped(service: ServiceProcess, evidence: RegExp): Promise<void> {
  const reasons = () => service.events('kafka.waiting').map(({ reason }) => String(reason));
  await service.until(() => reasons().some((reason) => evidence.test(reason)), DEADLINE_MS, 'it says why');
  const isNotReady = async () => {
    const ready = await service.ask('/readyz');
    return ready.status === 503 && evidence.test(await ready.text());
  };
  await service.until(isNotReady, DEADLINE_MS, 'readiness says why');
  const status = (await (await service.ask('/api/status')).json()) as { kafka: { obstacle: string } };
  assert.match(status.kafka.obstacle, /kafka-consumer-groups\.sh .* --reset-offsets/);
  assert.equal((await service.ask('/livez')).status, 200, 'a restart would not help');
}

function loadsOf(place: Place): number {
  return [...fixtureLoads(place).values()].reduce((sum, count) => sum + count, 0);
}

/** Announces the files and a message that becomes a dead letter, has a service take all of it, and stops that. */
async function loadOnce(t: TestContext, place: Place, script: string): Promise<Announcements> {
  const announcements = new Announcements(place);
  await announcements.files(Array(FILES).fill(script));
  await announcements.messages([{ value: 'no message of ours' }]);
  const first = await startService(t, place);
  await first.seen('letter.sent', 1, DEADLINE_MS);
  await first.seen('job.loaded', FILES, DEADLINE_MS);
  assert.equal(await first.stop(), 0);
  return announcements;
}

test('row 53: a group that was deleted between two runs loads nothing again before it is told to', async (t) => {
  if (skipOnMock(t, 'deletes no groups')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'exit 0');
  const announcements = await loadOnce(t, place, script);
  await deleteGroup(place);

  const stopped = await startService(t, place);
  await assertStopped(stopped, /it has sent a dead letter of the message at 0\/3/);
  assert.equal(await stopped.stop(), 0);
  assert.deepEqual(stopped.events('job.started'), []);

  const latest = await startService(t, place, { kafka: { on_lost_offsets: 'latest' } });
  await latest.seen('partitions.restored', 1, DEADLINE_MS);
  await announcements.files([script]);
  await latest.seen('job.loaded', 1, DEADLINE_MS);
  assert.equal(await latest.stop(), 0);
  assert.equal(loadsOf(place), FILES + 1);
  await closeBooks({ place, records: announcements.records, loads: fixtureLoads(place), mayRepeat: false });

  await deleteGroup(place);
  const earliest = await startService(t, place, { kafka: { on_lost_offsets: 'earliest' } });
  await earliest.seen('job.loaded', FILES + 1, DEADLINE_MS);
  await earliest.seen('letter.sent', 1, DEADLINE_MS);
  assert.equal(await earliest.stop(), 0);
  assert.equal(loadsOf(place), 2 * (FILES + 1));
});

test('row 53: a group that was deleted while its member was away loads nothing again before it is told to', async (t) => {
  if (skipOnMock(t, 'deletes no groups')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'exit 0');
  const announcements = new Announcements(place);
  await announcements.files(Array(FILES).fill(script));
  const settings = { kafka: { session_timeout_ms: SESSION_MS } };
  const service = await startService(t, place, settings);
  await service.seen('job.loaded', FILES, DEADLINE_MS);
  const offsets = () => groupOffsets(place.kafka.brokers, place.group, place.topic);
  const isCommitted = async () => (await offsets()).every(({ committed, end }) => committed === end);
  await service.until(isCommitted, DEADLINE_MS, 'all is committed');
  const before = await offsets();
  service.signal('SIGSTOP');
  await deleteGroup(place);
  service.signal('SIGCONT');
  await assertStopped(service, /this process has seen partition 0 committed to 3/);
  await announcements.files([script]);
  assert.equal(await service.stop(), 0);
  assert.equal(loadsOf(place), FILES);

  // What the command does.
  const partitions = before.map(({ partition, end }) => ({ partition, offset: String(end) }));
  await withAdmin(place.kafka.brokers, (admin) =>
    admin.setOffsets({ groupId: place.group, topic: place.topic, partitions }),
  );
  const next = await startService(t, place, settings);
  await next.seen('job.loaded', 1, DEADLINE_MS);
  assert.equal(await next.stop(), 0);
  await closeBooks({ place, records: announcements.records, loads: fixtureLoads(place), mayRepeat: false });
});

test('row 53: a new group on a topic with the dead letters of another one starts as it is configured', async (t) => {
  if (skipOnMock(t, 'deletes no groups')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'exit 0');
  const announcements = new Announcements(place);
  await announcements.files(Array(FILES).fill(script));
  await announcements.messages([{ value: 'no message of ours' }]);
  for (const group of [place.group, `${place.group}-2`]) {
    const service = await startService(t, place, { kafka: { group_id: group } });
    await service.seen('job.loaded', FILES, DEADLINE_MS);
    await service.seen('letter.sent', 1, DEADLINE_MS);
    assert.equal(await service.stop(), 0);
  }
});

test('rows 53 and 74: a topic that was made anew is loaded from its start, whatever its group has read before', async (t) => {
  if (skipOnMock(t, 'deletes no topics')) return;
  const place = await createPlace(t);
  const script = writeScript(place, 'load', 'exit 0');
  await loadOnce(t, place, script);
  await withAdmin(place.kafka.brokers, async (admin) => {
    await admin.deleteTopics({ topics: [place.topic] });
    const isGone = async () => !(await admin.listTopics()).includes(place.topic);
    await waitUntil(isGone, DEADLINE_MS, 'the topic is gone');
  });
  await createTopic(place.kafka.brokers, place.topic, PARTITIONS);
  // As many as before and more: offsets alone do not tell the two topics apart.
  const files = FILES + PARTITIONS;
  await new Announcements(place).files(Array(files).fill(script));
  const second = await startService(t, place);
  await second.seen('job.loaded', files, DEADLINE_MS);
  assert.equal(await second.stop(), 0);
  assert.deepEqual(second.events('kafka.waiting'), []);
  assert.equal(loadsOf(place), FILES + files);
});
