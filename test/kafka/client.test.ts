/** The client as it is made of the settings: what it does with them, and what it reports, against a scripted broker. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createKafkaClient, type KafkaClientOptions } from '../../lib/kafka/client.js';
import { GroupMember, startBroker, TOPIC } from '../support/group-member.js';
import { CODES } from '../support/kafka-requests.js';
import { waitUntil } from '../support/processes.js';
import type { ScriptedBroker } from '../support/scripted-broker.js';

const DEADLINE_MS = 20_000;

interface Told {
  readonly level: string;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

class Reports {
  readonly log: Told[] = [];
  outOfRange = 0;
  mayRestart = true;
  asked = 0;

  options(broker: ScriptedBroker, changes: Partial<KafkaClientOptions> = {}): KafkaClientOptions {
    return {
      brokers: [broker.address],
      clientId: 'client',
      ssl: { enabled: false, ca: null, cert: null, key: null },
      sasl: null,
      mayRestart: () => {
        this.asked += 1;
        return this.mayRestart;
      },
      onOutOfRange: () => {
        this.outOfRange += 1;
      },
      onCrashing: () => undefined,
      onLog: (level, message, details) => this.log.push({ level, message, details }),
      ...changes,
    };
  }
}

async function listTopics(options: KafkaClientOptions): Promise<string[]> {
  const admin = createKafkaClient(options).admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

describe('the Kafka client', () => {
  it('reports an offset that the broker does not have, and goes on with what there is', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a', 'b']);
    broker.topics.append(TOPIC, 0, ['c']);
    broker.topics.expire(TOPIC, 0, 2);
    broker.committed.set(0, { partition: 0, offset: 1, metadata: '' });
    const reports = new Reports();
    const member = await GroupMember.join(t, broker, { kafka: createKafkaClient(reports.options(broker)) });
    await member.reports('record');
    assert.deepEqual([member.found('record'), reports.outOfRange], [['record 0@2'], 1]);
  });

  it('has its log passed on: trouble as a warning, the rest for those who look closely, without stack and time', async (t) => {
    const broker = await startBroker(t, 1);
    const reports = new Reports();
    const member = await GroupMember.join(t, broker, { kafka: createKafkaClient(reports.options(broker)) });
    broker.rebalance([0]);
    await member.reports('assigned 2');
    broker.refuse('Fetch', [CODES.TOPIC_AUTHORIZATION_FAILED]);
    await member.reports('waiting: this user may not read the topic (kafka.topic): permit READ on it');
    await member.reports('assigned 3');
    assert.deepEqual(member.found('failed'), []);
    const rebalance = reports.log.find(({ message }) => message === 'The group is rebalancing, re-joining');
    assert.deepEqual([rebalance?.level, rebalance?.details['groupId']], ['warn', 'group']);
    const joined = reports.log.find(({ message }) => message === 'Consumer has joined the group');
    assert.deepEqual([joined?.level, joined?.details['groupId']], ['debug', 'group']);
    const crash = reports.log.find(({ message }) => message.startsWith('Crash: '));
    assert.deepEqual([crash?.level, crash?.details['groupId']], ['warn', 'group']);
    for (const { details } of reports.log) {
      assert.deepEqual(
        Object.keys(details).filter((name) => ['stack', 'timestamp', 'logger'].includes(name)),
        [],
      );
    }
    assert.equal(reports.outOfRange, 0);
  });

  it('passes on what is no text: an error that the client logs as it is', () => {
    const told: Told[] = [];
    const kafka = createKafkaClient({
      ...{ brokers: ['127.0.0.1:1'], clientId: 'client', sasl: null, mayRestart: () => false },
      ssl: { enabled: false, ca: null, cert: null, key: null },
      onOutOfRange: () => undefined,
      onCrashing: () => undefined,
      onLog: (level, message, details) => told.push({ level, message, details }),
    });
    const logger = kafka.logger() as unknown as { error(message: unknown, details?: object): void };
    for (const message of [new Error('it is refused'), null, { message: 'an object' }, 7]) logger.error(message);
    assert.deepEqual(
      told.map(({ message }) => message),
      ['it is refused', 'null', 'an object', '7'],
    );
  });

  it('asks whether a consumer that crashed may start again', async (t) => {
    for (const mayRestart of [true, false]) {
      const broker = await startBroker(t, 1);
      const reports = new Reports();
      reports.mayRestart = mayRestart;
      const kafka = createKafkaClient(reports.options(broker));
      // The client holds that for passing, but does not try again by itself.
      broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS]);
      const member = GroupMember.create(t, broker, { kafka });
      await member.adapter.start();
      await member.reports(mayRestart ? 'assigned 1' : 'failed');
      assert.deepEqual([reports.asked, member.found('restarting').length], [1, mayRestart ? 1 : 0]);
    }
  });

  it('shows the broker user and password', async (t) => {
    const broker = await startBroker(t, 1);
    const login = () => ({ username: 'me', password: 'geheim', passwordFile: null });
    const sasl = { mechanism: 'plain', login };
    assert.deepEqual(await listTopics(new Reports().options(broker, { sasl })), [TOPIC]);
    assert.deepEqual(
      broker.seen('SaslHandshake').map(({ mechanism }) => mechanism),
      ['PLAIN'],
    );
    assert.deepEqual(
      broker.seen('SaslAuthenticate').map(({ bytes }) => bytes),
      ['\0me\0geheim'],
    );
  });

  it('shows the broker at each login the user and the password of now, whether or not they stand in a file', async (t) => {
    const broker = await startBroker(t, 1);
    const directory = mkdtempSync(join(tmpdir(), 'atd-login-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const [one, two] = [join(directory, 'one'), join(directory, 'two')];
    writeFileSync(one, 'in the file\n');
    writeFileSync(two, 'in another file\n');
    let login = { username: 'me', password: 'first', passwordFile: null as string | null };
    const sasl = { mechanism: 'plain', login: () => login };
    const kafka = createKafkaClient(new Reports().options(broker, { sasl }));
    const logins = [
      login,
      { ...login, username: 'you', password: 'second' },
      { ...login, passwordFile: one },
      { ...login, passwordFile: two },
      { ...login, password: 'last' },
    ];
    for (const next of logins) {
      login = next;
      const admin = kafka.admin();
      await admin.connect();
      await admin.disconnect();
    }
    assert.deepEqual(
      broker.seen('SaslAuthenticate').map(({ bytes }) => bytes),
      ['\0me\0first', '\0you\0second', '\0me\0in the file', '\0me\0in another file', '\0me\0last'],
    );
  });
});

const skip = spawnSync('openssl', ['version']).status !== 0 && 'there is no openssl to make certificates with';

describe('the Kafka client over TLS', { skip }, () => {
  let directory: string;

  /** A certificate that is its own authority, for the address 127.0.0.1 alone. */
  function certificate(name: string): { readonly key: string; readonly cert: string } {
    const [key, cert] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
    const options = [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
    ];
    execFileSync('openssl', options, { stdio: 'ignore' });
    return { key, cert };
  }

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'atd-kafka-tls-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('trusts the authority that it is given and no other, and shows its own certificate', async (t) => {
    const [server, client, stranger] = [certificate('server'), certificate('client'), certificate('stranger')];
    const demanding = { ca: readFileSync(client.cert), requestCert: true };
    const shown = (of: { key: string; cert: string }) => ({ key: readFileSync(of.key), cert: readFileSync(of.cert) });
    const broker = await startBroker(t, 1, { tls: { ...demanding, ...shown(stranger) } });
    const reports = new Reports();
    const ssl = { enabled: true, ca: server.cert, cert: client.cert, key: client.key };
    const topics = listTopics(reports.options(broker, { ssl }));
    const isRefused = () =>
      reports.log.some(({ message }) =>
        /^Connection error: .*not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\): .*kafka\.ssl\.ca_file/.test(message),
      );
    await waitUntil(isRefused, DEADLINE_MS, 'the refusal of a broker that is not trusted');
    assert.deepEqual(broker.requests, []);
    // The client goes on trying, and the broker is mended meanwhile.
    await broker.close();
    broker.tls = { ...demanding, ...shown(server) };
    await broker.open();
    assert.deepEqual(await topics, [TOPIC]);
  });

  it('reads its files again: an authority that was exchanged is trusted without a new client', async (t) => {
    const [server, stranger] = [certificate('exchanged'), certificate('before')];
    const shown = { key: readFileSync(server.key), cert: readFileSync(server.cert) };
    const broker = await startBroker(t, 1, { tls: shown });
    const ca = join(directory, 'ca.pem');
    copyFileSync(stranger.cert, ca);
    const reports = new Reports();
    const topics = listTopics(reports.options(broker, { ssl: { enabled: true, ca, cert: null, key: null } }));
    const isRefused = () => reports.log.some(({ message }) => /not trusted/.test(message));
    await waitUntil(isRefused, DEADLINE_MS, 'the refusal of a broker that is not trusted');
    copyFileSync(server.cert, ca);
    assert.deepEqual(await topics, [TOPIC]);
  });
});
