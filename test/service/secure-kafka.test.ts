/** A Kafka that asks who it is talked to by: who gets in, who does not and what that one is told, with certificates made here. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type AclOperationTypes as Operation, type AclResourceTypes as Resource } from 'kafkajs';
import { hasTopic } from '../../lib/kafka/admin.js';
import { createKafkaClient, type KafkaClientOptions } from '../../lib/kafka/client.js';
import { userObstacle } from '../../lib/kafka/group/refusals.js';
import { whyNoCertificates } from '../sandbox/certificates.js';
import { withAdmin } from '../sandbox/kafka-admin.js';
import { type Listener, type SecureKafka, USERS } from '../sandbox/kafka-secure.js';
import { createTopic, groupOffsets, produce, readAll } from '../sandbox/topics.js';
import { SecuredPlaces } from '../support/secured-places.js';
import {
  launch,
  type Place,
  readLedger,
  type ServiceProcess,
  type Settings,
  spawnService,
  writeScript,
} from '../support/service-process.js';

const DEADLINE_MS = 60_000;
/** Some seconds above the ten before their end at which the client shows itself again. */
const BELIEVED_MS = 13_000;

const skip = process.env['SANDBOX_KAFKA_KIND'] === 'mock' ? 'there is no Apache Kafka here' : whyNoCertificates;

type Mechanism = 'plain' | 'scram-sha-256' | 'scram-sha-512';

describe('a Kafka that asks who it is talked to by', { skip }, () => {
  let kafka: SecureKafka;
  let places: SecuredPlaces;

  before(async () => {
    places = await SecuredPlaces.start(BELIEVED_MS);
    kafka = places.kafka;
  });
  after(() => places?.stop());

  const createPlace = (t: TestContext): Promise<Place> => places.make(t, 1);

  function start(t: TestContext, place: Place, listener: Listener, ways: Settings): ServiceProcess {
    const ssl = { enabled: true, ca_file: kafka.authority.file };
    const settings = { bootstrap_servers: [kafka.address(listener)], ssl, ...ways };
    return spawnService(t, place, { kafka: settings, thread_pool_size: 1 });
  }

  function secretFile(place: Place, password: string): string {
    const file = join(place.directory, 'password');
    writeFileSync(file, `${password}\n`);
    return file;
  }

  async function announce(place: Place, ...values: string[]): Promise<void> {
    await produce(
      place.kafka.brokers,
      place.topic,
      values.map((value) => ({ value, partition: 0 })),
    );
  }

  const loaded = (place: Place) => readLedger(place).filter(({ what, value }) => what === 'end' && value === 0).length;

  /** One that can be loaded, and one that becomes a letter. */
  async function announceBoth(place: Place): Promise<void> {
    const filename = writeScript(place, 'load', 'exit 0');
    await announce(place, JSON.stringify({ filename }), 'no JSON');
  }

  async function finishBoth(place: Place, service: ServiceProcess): Promise<void> {
    const isDone = async () => {
      // The coordinator of a broker that has just started may still load.
      const offsets = await groupOffsets(place.kafka.brokers, place.group, place.topic).catch(() => []);
      return offsets[0]?.committed === 2;
    };
    await service.until(isDone, DEADLINE_MS, 'the file is loaded, and the letter acknowledged');
    assert.equal(loaded(place), 1);
    assert.equal(await service.stop(), 0);
    assert.equal((await readAll(place.kafka.brokers, `${place.topic}.dlq`)).length, 1);
  }

  async function readyz(service: ServiceProcess): Promise<{ readonly status: number; readonly text: string }> {
    const answer = await service.ask('/readyz');
    return { status: answer.status, text: await answer.text() };
  }

  async function isNotReady(service: ServiceProcess, why: RegExp): Promise<void> {
    await service.seen('service.started', 1, DEADLINE_MS);
    let last = '';
    const isNamed = async () => {
      const { status, text } = await readyz(service);
      last = text;
      return status === 503 && why.test(text);
    };
    await service.until(isNamed, DEADLINE_MS, `readyz names ${why}`).catch((error: Error) => {
      throw new Error(`readyz says ${last}\n${error.message}`);
    });
  }

  describe('lets in, reads and takes letters from', () => {
    it('who has a certificate', async (t) => {
      const place = await createPlace(t);
      const { cert, key } = kafka.client;
      const ssl = { enabled: true, ca_file: kafka.authority.file, cert_file: cert, key_file: key };
      await announceBoth(place);
      await finishBoth(place, start(t, place, 'MTLS', { ssl }));
    });

    for (const [mechanism, username] of [
      ['plain', 'plain'],
      ['scram-sha-256', 'scram'],
      ['scram-sha-512', 'scram'],
    ] as const) {
      it(`who has a password, by ${mechanism}`, async (t) => {
        const place = await createPlace(t);
        const sasl = { mechanism, username, password_file: secretFile(place, USERS[username]) };
        await announceBoth(place);
        const service = start(t, place, 'SASL', { sasl });
        await finishBoth(place, service);
        assert.ok(!JSON.stringify(service.log).includes(USERS[username]), 'the password is in the log');
      });
    }

    it('who shows the password again before it is believed no more', async (t) => {
      const place = await createPlace(t);
      const sasl = { mechanism: 'scram-sha-256', username: 'fleeting', password: USERS.fleeting };
      const service = start(t, place, 'SASL', { sasl });
      await service.seen('partitions.assigned', 1, DEADLINE_MS);
      // That long by the broker's clock, which ends connections that are older.
      await delay(BELIEVED_MS + 2_000);
      await announceBoth(place);
      await finishBoth(place, service);
      const ends = service.events('kafka.client').filter(({ text }) => /closed|Closed/.test(String(text)));
      t.diagnostic(`${ends.length} connections were ended by the broker`);
      assert.deepEqual(service.events('kafka.failed'), []);
    });
  });

  describe('does not let in', () => {
    const NO_SSL = { enabled: false, ca: null, cert: null, key: null };
    const tls = (more: object = {}) => ({ ...NO_SSL, enabled: true, ca: kafka.authority.file, ...more });
    const user = (mechanism: Mechanism, username: string, password: string) => ({
      mechanism,
      login: () => ({ username, password, passwordFile: null }),
    });

    /** What a client is told; fails where it gets in. */
    async function whyNot(listener: Listener, ways: Pick<KafkaClientOptions, 'ssl' | 'sasl'>): Promise<string> {
      const client = createKafkaClient({
        ...{ brokers: [kafka.address(listener)], clientId: 'client', retries: 0, ...ways },
        ...{
          mayRestart: () => false,
          onOutOfRange: () => undefined,
          onCrashing: () => undefined,
          onLog: () => undefined,
        },
      });
      return hasTopic(client, 'any').then(
        () => assert.fail('it got in'),
        (error: unknown) => userObstacle(error) ?? (error as Error).message,
      );
    }

    type Case = readonly [what: string, Listener, () => Pick<KafkaClientOptions, 'ssl' | 'sasl'>, RegExp];
    const foreign = () => kafka.stranger.issue('foreign');
    const CASES: readonly Case[] = [
      [
        'who names no authority',
        'TLS',
        () => ({ ssl: tls({ ca: null }), sasl: null }),
        /^Connection error: the certificate of 127\.0\.0\.1:\d+ is not trusted \(\w+\): name .* kafka\.ssl\.ca_file, which is not set$/,
      ],
      [
        'who names another authority',
        'TLS',
        () => ({ ssl: tls({ ca: kafka.stranger.file }), sasl: null }),
        /is not trusted \(\w+\): name the file of its authority by kafka\.ssl\.ca_file, which is \/.*stranger\.pem$/,
      ],
      [
        'who expects a certificate that holds',
        'EXPIRED',
        () => ({ ssl: tls(), sasl: null }),
        /the certificate of 127\.0\.0\.1:\d+ does not hold now \(CERT_HAS_EXPIRED\): renew it on the broker/,
      ],
      [
        'who expects a certificate for the address',
        'OTHERNAME',
        () => ({ ssl: tls(), sasl: null }),
        /was made for another name \(.*127\.0\.0\.1 is not in the cert's list.*\): give kafka\.bootstrap_servers/,
      ],
      [
        'who has no certificate',
        'MTLS',
        () => ({ ssl: tls(), sasl: null }),
        /does not let this client in without a certificate .*: set kafka\.ssl\.cert_file and kafka\.ssl\.key_file$/,
      ],
      [
        'who has the certificate of another authority',
        'MTLS',
        () => ({ ssl: tls(foreign()), sasl: null }),
        /does not let this client in .*: have \/.*foreign\.pem \(kafka\.ssl\.cert_file\) signed by an authority/,
      ],
      [
        'who does not speak TLS',
        'TLS',
        () => ({ ssl: NO_SSL, sasl: null }),
        /127\.0\.0\.1:\d+ closed the connection before it answered: .*, or expects TLS \(kafka\.ssl\.enabled\) or a user/,
      ],
      [
        'who speaks TLS where it is not spoken',
        'PLAINTEXT',
        () => ({ ssl: tls(), sasl: null }),
        /127\.0\.0\.1:\d+ ended the connection instead of speaking TLS: .*\(kafka\.ssl\.enabled is true\)$/,
      ],
      [
        'who names no user',
        'SASL',
        () => ({ ssl: tls(), sasl: null }),
        /closed the connection before it answered: .*, or expects a user \(kafka\.sasl\.mechanism\)/,
      ],
      [
        'who names a user where none is asked for',
        'TLS',
        () => ({ ssl: tls(), sasl: user('plain', 'plain', USERS.plain) }),
        /^the broker asks for no user on this port: use its port for SASL, or leave out kafka\.sasl\.mechanism$/,
      ],
      [
        'who has a wrong password, by plain',
        'SASL',
        () => ({ ssl: tls(), sasl: user('plain', 'plain', 'wrong') }),
        /^the broker does not take the user: SASL PLAIN .*Invalid username or password; check kafka\.sasl\.mechanism/,
      ],
      [
        'who has a wrong password, by scram',
        'SASL',
        () => ({ ssl: tls(), sasl: user('scram-sha-256', 'scram', 'wrong') }),
        /^the broker does not take the user: SASL SCRAM SHA256 .*invalid credentials.*; check kafka\.sasl\.mechanism/,
      ],
      [
        'who is not known',
        'SASL',
        () => ({ ssl: tls(), sasl: user('scram-sha-512', 'nobody', 'wrong') }),
        /^the broker does not take the user: SASL SCRAM SHA512 .*; check .*kafka\.sasl\.username and the password/,
      ],
    ];
    for (const [what, listener, ways, why] of CASES) {
      it(what, async () => {
        const said = await whyNot(listener, ways());
        assert.match(said, why);
        assert.ok(!said.includes('wrong'), said);
      });
    }

    it('a service, which says why in the log and by readyz, and waits', async (t) => {
      const place = await createPlace(t);
      const service = start(t, place, 'TLS', { ssl: { enabled: true, ca_file: kafka.stranger.file } });
      await isNotReady(service, /not joined its group yet: Kafka cannot be reached: .*kafka\.ssl\.ca_file, which is/);
      const [waiting] = await service.seen('kafka.waiting', 1, DEADLINE_MS);
      assert.match(String(waiting?.['reason']), /kafka\.ssl\.ca_file, which is .*stranger\.pem$/);
      assert.equal(await service.stop(), 0);
    });

    it('`emit`, which names the user and the setting', async (t) => {
      const place = await createPlace(t);
      const ways = {
        KAFKA_SSL_ENABLED: 'true',
        KAFKA_SSL_CA_FILE: kafka.authority.file,
        KAFKA_SASL_MECHANISM: 'plain',
      };
      const env = { ...ways, KAFKA_BOOTSTRAP_SERVERS: kafka.address('SASL'), KAFKA_SASL_USERNAME: 'plain' };
      const variables = Object.fromEntries(Object.entries(env).map(([name, value]) => [`ATD_${name}`, value]));
      const emit = launch(['emit', writeScript(place, 'file', '')], { ...variables, ATD_KAFKA_SASL_PASSWORD: 'wrong' });
      assert.equal(await emit.exited, 1);
      assert.match(emit.stderr, /cannot use Kafka at 127\.0\.0\.1:\d+: the broker does not take the user: .*; check/);
    });
  });

  it('A password that was changed stops nothing for good: the file is read anew, and no restart is needed.', async (t) => {
    const place = await createPlace(t);
    const file = secretFile(place, USERS.fleeting);
    const filename = writeScript(place, 'load', 'exit 0');
    const sasl = { mechanism: 'scram-sha-256', username: 'fleeting', password_file: file };
    const service = start(t, place, 'SASL', { sasl });
    await announce(place, JSON.stringify({ filename }));
    await service.until(() => loaded(place) === 1, DEADLINE_MS, 'the first file is loaded');
    await kafka.changePassword('fleeting', 'another-secret');
    // It has to show the old one again sooner or later.
    await isNotReady(service, /the broker does not take the user: .*kafka\.sasl\.password_file is read anew each time/);
    await announce(place, JSON.stringify({ filename }));
    writeFileSync(file, 'another-secret\n');
    await service.until(() => loaded(place) === 2, DEADLINE_MS, 'the second file is loaded');
    await service.until(async () => (await readyz(service)).status === 200, DEADLINE_MS, 'it is ready again');
    assert.deepEqual(service.events('kafka.failed'), []);
    assert.equal(await service.stop(), 0);
    assert.ok(!JSON.stringify(service.log).includes('another-secret'), 'the password is in the log');
  });

  it('Rights that are missing are named one after the other, and waited for.', async (t) => {
    const place = await createPlace(t);
    const letters = `${place.topic}.dlq`;
    await createTopic(place.kafka.brokers, letters, 1);
    await announceBoth(place);
    const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
    const { TOPIC, GROUP } = AclResourceTypes;
    const permit = (resourceType: Resource, resourceName: string, operation: Operation) =>
      withAdmin(place.kafka.brokers, (admin) => {
        const who = { principal: 'User:poor', host: '*', permissionType: AclPermissionTypes.ALLOW };
        const what = { resourceType, resourceName, resourcePatternType: ResourcePatternTypes.LITERAL, operation };
        return admin.createAcls({ acl: [{ ...who, ...what }] });
      });
    const service = start(t, place, 'SASL', {
      sasl: { mechanism: 'plain', username: 'poor', password: USERS.poor },
      session_timeout_ms: 6_000,
    });
    await isNotReady(
      service,
      /topic topic-\d+ does not exist yet, or this user may not see it: .*permit DESCRIBE and READ/,
    );
    await permit(TOPIC, place.topic, AclOperationTypes.DESCRIBE);
    await isNotReady(service, /this user may not read with the group topic-\d+-group \(kafka\.group_id\): permit READ/);
    await permit(GROUP, place.group, AclOperationTypes.READ);
    await isNotReady(service, /this user may not read the topic \(kafka\.topic\): permit READ on it/);
    await permit(TOPIC, place.topic, AclOperationTypes.READ);
    await isNotReady(
      service,
      /a dead letter is refused: topic topic-\d+\.dlq did not take the dead letter: .*permit WRITE and DESCRIBE on it/,
    );
    await permit(TOPIC, letters, AclOperationTypes.WRITE);
    await finishBoth(place, service);
    assert.deepEqual(service.events('kafka.failed'), []);
  });
});
