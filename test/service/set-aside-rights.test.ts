/** The topic of what was set aside, taken away while the service runs: its rights, or itself. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import kafkajs, { type AclOperationTypes as Operation } from 'kafkajs';
import { Announcements } from '../faults/announcements.js';
import { fixtureLoads } from '../faults/ledger.js';
import { whyNoCertificates } from '../sandbox/certificates.js';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { type SecureKafka, USERS } from '../sandbox/kafka-secure.js';
import { groupOffsets } from '../sandbox/topics.js';
import { SecuredPlaces } from '../support/secured-places.js';
import { PARTITIONS, type Place, type ServiceProcess, spawnService, writeScript } from '../support/service-process.js';

const DEADLINE_MS = 240_000;
const TOKEN = 'a-token-of-this-test';
/** No client here comes by the mechanism that asks again. */
const BELIEVED_MS = 3_600_000;
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const skip = process.env['SANDBOX_KAFKA_KIND'] === 'mock' ? 'there is no Apache Kafka here' : whyNoCertificates;

describe('the topic of what was set aside', { skip }, () => {
  let kafka: SecureKafka;
  let places: SecuredPlaces;

  before(async () => {
    places = await SecuredPlaces.start(BELIEVED_MS);
    kafka = places.kafka;
  });
  after(() => places?.stop());

  /** Where the user may do all that it needs, by a right on all that begins with the topic's name. */
  async function createPlace(t: TestContext): Promise<Place> {
    const place = await places.make(t, PARTITIONS);
    await withAdmin(place.kafka.brokers, async (admin) => {
      const who = { principal: 'User:poor', host: '*', permissionType: AclPermissionTypes.ALLOW };
      const what = { operation: AclOperationTypes.ALL, resourcePatternType: ResourcePatternTypes.PREFIXED };
      const { TOPIC, GROUP } = AclResourceTypes;
      await admin.createAcls({
        acl: [TOPIC, GROUP].map((resourceType) => ({ ...who, ...what, resourceType, resourceName: place.topic })),
      });
    });
    return place;
  }

  function start(t: TestContext, place: Place): ServiceProcess {
    return spawnService(t, place, {
      kafka: {
        bootstrap_servers: [kafka.address('SASL')],
        ssl: { enabled: true, ca_file: kafka.authority.file },
        sasl: { mechanism: 'plain', username: 'poor', password: USERS.poor },
      },
      tenants: { set_aside: 'topic' },
      ingest: { max_uncommitted: 20 },
      thread_pool_size: 2,
      http: { port: 0, token_file: writeScript(place, 'token', TOKEN) },
    });
  }

  async function order(service: ServiceProcess, what: string): Promise<void> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await service.ask(`/api/v1/tenants/acme/${what}`, { method: 'POST', headers, body: '{}' });
    assert.equal(answer.status, 200, await answer.text());
  }

  function forbid(place: Place, operation: Operation): Promise<unknown> {
    const who = { principal: 'User:poor', host: '*', permissionType: AclPermissionTypes.DENY };
    const resourcePatternType = ResourcePatternTypes.LITERAL;
    const resource = { resourceType: AclResourceTypes.TOPIC, resourceName: `${place.topic}.waiting` };
    return withAdmin(place.kafka.brokers, (admin) =>
      admin.createAcls({ acl: [{ ...who, ...resource, resourcePatternType, operation }] }),
    );
  }

  function permitAgain({ kafka: { brokers }, topic }: Place): Promise<unknown> {
    const what = { resourceType: AclResourceTypes.TOPIC, resourceName: `${topic}.waiting` };
    const who = { permissionType: AclPermissionTypes.DENY, operation: AclOperationTypes.ANY };
    const resourcePatternType = ResourcePatternTypes.LITERAL;
    return withAdmin(brokers, (admin) => admin.deleteAcls({ filters: [{ ...what, ...who, resourcePatternType }] }));
  }

  const count = (place: Place, records: readonly string[]) => {
    const loads = fixtureLoads(place);
    return records.filter((record) => loads.has(record)).length;
  };

  /** What of the topic itself is committed, in all its partitions. */
  async function committed({ kafka: { brokers }, group, topic }: Place): Promise<number> {
    const offsets = await groupOffsets(brokers, group, topic);
    return offsets.reduce((sum, each) => sum + (each.committed ?? 0), 0);
  }

  const { WRITE, READ, ALL } = AclOperationTypes;
  const deleteTopic = ({ kafka: { brokers }, topic }: Place) =>
    withAdmin(brokers, (admin) => admin.deleteTopics({ topics: [`${topic}.waiting`] }));
  type Case = readonly [what: string, takeAway: (place: Place) => Promise<unknown>, isDeleted: boolean];
  const CASES: readonly Case[] = [
    ['may not be written any more', (place) => forbid(place, WRITE), false],
    ['may not be read any more', (place) => forbid(place, READ), false],
    ['may not even be seen any more', (place) => forbid(place, ALL), false],
    ['was deleted', deleteTopic, true],
  ];
  for (const [what, takeAway, isDeleted] of CASES) {
    it(`${what}: nothing more is set aside, with a warning, and all else goes on`, async (t) => {
      const place = await createPlace(t);
      const script = writeScript(place, 'load', 'true');
      const service = start(t, place);
      await service.seen('partitions.assigned', 1, DEADLINE_MS);
      await order(service, 'pause');
      const announcements = new Announcements(place);
      const announce = (files: number, tenant: string, partition: number) =>
        announcements.files(Array(files).fill(script), { tenant }, partition);
      await announce(40, 'acme', 0);
      await service.seen('aside.moved', 1, DEADLINE_MS);
      await takeAway(place);
      // More than the window takes, so that something is to be set aside from now on.
      await announce(60, 'acme', 1);
      const [off] = await service.seen('aside.off', 1, DEADLINE_MS);
      assert.equal(off?.level, 'warn');
      const others = await announce(30, 'globex', 2);
      await service.until(() => count(place, others) === 30, DEADLINE_MS, 'the files of others are loaded');
      // Whoever comes has all join anew, and learn anew what is committed.
      const second = start(t, place);
      await second.seen('partitions.assigned', 1, DEADLINE_MS);
      const more = await announce(30, 'globex', 3);
      await service.until(() => count(place, more) === 30, DEADLINE_MS, 'the files of others are loaded after a join');
      await order(service, 'resume');
      const all = announcements.records;
      // What was not set aside is loaded.
      const isCommitted = async () => (await committed(place)) === all.length;
      await service.until(isCommitted, DEADLINE_MS, 'all of the topic is committed');
      for (const each of [service, second]) {
        assert.deepEqual(each.events('kafka.failed'), []);
        assert.equal(await each.stop(), 0);
      }
      if (isDeleted) return;
      await permitAgain(place);
      const third = start(t, place);
      await third.seen('partitions.assigned', 1, DEADLINE_MS);
      await third.until(() => count(place, all) === all.length, DEADLINE_MS, 'what was set aside is loaded, too');
      assert.equal(await third.stop(), 0);
    });
  }
});
