/** What keeps a member from its group is named by the probe, the log and the status, and waited for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServiceProcess, spawnService, writeScript } from '../support/service-process.js';
import { Announcements } from './announcements.js';
import { AnswerErrors, both, FIND_COORDINATOR, JOIN_GROUP } from './answer-errors.js';
import { fixtureLoads } from './ledger.js';
import { startOwnKafka } from './scene.js';

const INCONSISTENT_GROUP_PROTOCOL = 23;
const GROUP_AUTHORIZATION_FAILED = 30;

async function namesCause(service: ServiceProcess, cause: RegExp): Promise<void> {
  await service.until(
    async () => {
      const ready = await service.ask('/readyz');
      const { kafka } = (await (await service.ask('/api/status')).json()) as { kafka: { obstacle: string | null } };
      return ready.status === 503 && cause.test(await ready.text()) && cause.test(kafka.obstacle ?? '');
    },
    60_000,
    `readiness and the status name ${cause}`,
  );
  assert.ok(service.events('kafka.waiting').some(({ reason }) => cause.test(String(reason))));
}

test('a service that may not use its group, or finds other clients in it, says so and waits', async (t) => {
  const [coordinator, joins] = [new AnswerErrors(FIND_COORDINATOR), new AnswerErrors(JOIN_GROUP)];
  const own = await startOwnKafka(t, () => both(coordinator.filter(), joins.filter()));
  if (own === null) return;
  const { place } = own;
  const announcements = new Announcements(place);
  await announcements.files([writeScript(place, 'load', 'true')]);
  const many = 1_000;
  coordinator.answerWith(Array(many).fill(GROUP_AUTHORIZATION_FAILED));
  const service = spawnService(t, place);
  await service.seen('service.started', 1, 60_000);
  await namesCause(service, /may not read with the group/);
  coordinator.answerWith([]);
  joins.answerWith(Array(many).fill(INCONSISTENT_GROUP_PROTOCOL));
  await namesCause(service, /share no way to assign partitions/);
  joins.answerWith([GROUP_AUTHORIZATION_FAILED]);
  await service.until(() => fixtureLoads(place).size === 1, 60_000, 'the file is loaded');
  await service.until(async () => (await service.ask('/readyz')).status === 200, 60_000, 'it is ready');
  assert.equal(service.events('kafka.failed').length, 0);
  assert.equal(await service.stop(), 0);
});

for (const setAside of ['off', 'topic']) {
  test(`a topic that is missing and brokers that do not answer are named, too, with tenants.set_aside: ${setAside}`, async (t) => {
    const own = await startOwnKafka(t);
    if (own === null) return;
    const { place, broker } = own;
    const settings = { kafka: { topic: `${place.topic}-missing` }, tenants: { set_aside: setAside } };
    const service = spawnService(t, place, settings);
    await service.seen('service.started', 1, 60_000);
    await namesCause(service, /does not exist yet/);
    await broker.kill();
    await namesCause(service, /Kafka cannot be reached/);
    assert.equal(await service.stop(), 0);
  });
}
