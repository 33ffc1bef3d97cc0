import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { kafkaClient, withAdmin } from './kafka-admin.js';
import { javaArguments, javaRelease, serverProperties } from './kafka-settings.js';
import { type KafkaSandbox, startKafka } from './sandbox.js';
import { createTopic, groupCommits, groupOffsets, produce, readAll } from './topics.js';

describe('the sandbox Kafka', { timeout: 600_000 }, () => {
  let kafka: KafkaSandbox;
  before(async () => {
    kafka = await startKafka();
  });
  after(() => kafka.stop());

  /** The mock cluster gives every topic four partitions. */
  const partitions = () => (kafka.kind === 'mock' ? 4 : 2);

  it('says what it is and where', () => {
    assert.match(kafka.description, /Kafka|mock cluster/);
    assert.ok(kafka.brokers.length > 0);
  });

  it('gives back the bytes, keys and headers of what was produced, null values too', async () => {
    const topic = `bytes-${randomUUID()}`;
    await createTopic(kafka.brokers, topic, partitions());
    await produce(kafka.brokers, topic, [
      { partition: 0, value: Buffer.from([0, 255, 10]), key: 'k', headers: { traceparent: '00-ab' } },
      { partition: 0, value: null },
      { partition: 1, value: '' },
    ]);
    const read = await readAll(kafka.brokers, topic);
    assert.ok(read.every(({ sentAt }) => sentAt > 0));
    const withoutTimes = read.map(({ sentAt: _sentAt, ...record }) => record);
    assert.deepEqual(withoutTimes, [
      {
        partition: 0,
        offset: 0,
        key: Buffer.from('k'),
        value: Buffer.from([0, 255, 10]),
        headers: { traceparent: '00-ab' },
      },
      { partition: 0, offset: 1, key: null, value: null, headers: {} },
      { partition: 1, offset: 0, key: null, value: Buffer.alloc(0), headers: {} },
    ]);
  });

  it('reads an empty topic as empty', async () => {
    const topic = `empty-${randomUUID()}`;
    await createTopic(kafka.brokers, topic, partitions());
    assert.deepEqual(await readAll(kafka.brokers, topic), []);
  });

  it('keeps a committed offset together with its metadata', async () => {
    const topic = `commit-${randomUUID()}`;
    const groupId = `group-${randomUUID()}`;
    await createTopic(kafka.brokers, topic, partitions());
    await produce(kafka.brokers, topic, [
      { partition: 1, value: 'a' },
      { partition: 1, value: 'b' },
    ]);
    const consumer = kafkaClient(kafka.brokers).consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const run = consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          if (message.offset !== '1') return;
          await consumer.commitOffsets([{ topic, partition, offset: '1', metadata: 'AQ==' }]);
          resolve();
        },
      });
      run.catch(reject);
    });
    await consumer.disconnect();
    const offsets = await groupOffsets(kafka.brokers, groupId, topic);
    assert.deepEqual(offsets.slice(0, 2), [
      { partition: 0, committed: null, metadata: '', end: 0 },
      { partition: 1, committed: 1, metadata: 'AQ==', end: 2 },
    ]);
  });

  it('tells every commit of a group in its order, one that took another back included', async (t) => {
    if (kafka.kind === 'mock') return t.skip('the mock cluster has no log of commits');
    const [topic, groupId] = [`topic-${randomUUID()}`, `group-${randomUUID()}`];
    await createTopic(kafka.brokers, topic, 2);
    await withAdmin(kafka.brokers, async (admin) => {
      for (const offset of ['6', '5']) {
        await admin.setOffsets({ groupId, topic, partitions: [{ partition: 1, offset }] });
      }
    });
    const commits = await groupCommits(kafka.brokers, groupId, topic);
    assert.deepEqual(
      commits.map(({ partition, committed }) => [partition, committed]),
      [
        [1, 6],
        [1, 5],
      ],
    );
  });

  it('makes a topic when it is first produced to', async () => {
    const topic = `auto-${randomUUID()}`;
    await produce(kafka.brokers, topic, [{ value: 'x' }]);
    assert.equal((await readAll(kafka.brokers, topic)).length, 1);
  });

  it('applies the configuration of a topic', async (t) => {
    if (kafka.kind === 'mock') return t.skip('the mock cluster has no settings of topics');
    const topic = `config-${randomUUID()}`;
    await createTopic(kafka.brokers, topic, 3, { 'max.message.bytes': '2000' });
    const tooLarge = produce(kafka.brokers, topic, [{ value: Buffer.alloc(4_000) }]);
    await assert.rejects(tooLarge, /larger than the max message size/);
  });
});

describe('the settings of the sandbox Kafka', () => {
  it('bind every listener to the loopback address', () => {
    const properties = serverProperties([{ broker: 1, controller: 2 }], 0, '/data');
    const addresses = [...properties.matchAll(/:\/\/([^:,\n]+):/g)].map((match) => match[1]);
    assert.deepEqual(new Set(addresses), new Set(['127.0.0.1']));
    assert.match(properties, /^log\.dirs=\/data$/m);
  });

  it('read the release of old and new Java runtimes', () => {
    assert.equal(javaRelease('openjdk version "17.0.15" 2025-04-15'), 17);
    assert.equal(javaRelease('java version "1.8.0_392"'), 8);
    assert.equal(javaRelease('nothing'), null);
  });

  it('put the main class behind the JVM options', () => {
    const args = javaArguments('/jars', '/tmp/t', 'kafka.Kafka', ['server.properties']);
    assert.deepEqual(args.slice(-4), ['-cp', '/jars/*', 'kafka.Kafka', 'server.properties']);
  });
});
