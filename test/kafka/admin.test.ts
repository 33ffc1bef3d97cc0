/** Questions to the cluster: the real client, against a broker that does what it is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ask, createMissingTopic, hasTopic, readCommitted } from '../../lib/kafka/admin.js';
import { hastyKafka, partition, startBroker, TOPIC } from '../support/group-member.js';
import { CODES } from '../support/kafka-requests.js';
import { waitUntil } from '../support/processes.js';

describe('hasTopic', () => {
  it('tells the topics that there are from others, and has none made by asking', async (t) => {
    const broker = await startBroker(t, 1, { createsTopics: true });
    const kafka = hastyKafka(broker);
    assert.deepEqual([await hasTopic(kafka, TOPIC), await hasTopic(kafka, 'file')], [true, false]);
    assert.deepEqual(broker.topics.names, [TOPIC]);
  });
});

describe('createMissingTopic', () => {
  it('waits for brokers that have not heard of the topic yet', async (t) => {
    const broker = await startBroker(t, 2, { lateness: 3 });
    await createMissingTopic(hastyKafka(broker), { topic: 'made', like: TOPIC });
    assert.equal(broker.topics.partitions('made')?.length, 2);
    const asked = broker.seen('Metadata').filter(({ topics }) => topics?.includes('made'));
    assert.ok(asked.length > 3, 'it was asked until a broker knew it');
  });

  it('waits for leaders longer than the client does', async (t) => {
    const broker = await startBroker(t, 2, { lateness: 20, lateCode: CODES.LEADER_NOT_AVAILABLE });
    await createMissingTopic(hastyKafka(broker), { topic: 'made', like: TOPIC });
    assert.ok(broker.seen('Metadata').filter(({ topics }) => topics?.includes('made')).length > 20);
  });

  it('leaves a topic alone that is there', async (t) => {
    const broker = await startBroker(t, 2);
    await createMissingTopic(hastyKafka(broker), { topic: TOPIC, like: TOPIC, partitions: 1 });
    assert.deepEqual(broker.seen('CreateTopics'), []);
  });
});

describe('readCommitted', () => {
  it('has a position for every partition of the topic', async (t) => {
    const broker = await startBroker(t, 3);
    broker.committed.set(0, { partition: 0, offset: 0, metadata: '' });
    broker.committed.set(2, { partition: 2, offset: 9, metadata: 'AQI=' });
    assert.deepEqual(await readCommitted(hastyKafka(broker), 'group', TOPIC), [
      { ...partition(0), offset: 0, metadata: '' },
      { ...partition(1), offset: null, metadata: '' },
      { ...partition(2), offset: 9, metadata: 'AQI=' },
    ]);
  });

  it('fails where it is not answered, instead of taking nothing for committed', async (t) => {
    const broker = await startBroker(t, 1);
    broker.refuse('OffsetFetch', [CODES.GROUP_AUTHORIZATION_FAILED]);
    await assert.rejects(readCommitted(hastyKafka(broker), 'group', TOPIC));
  });
});

describe('a question', () => {
  it('leaves no connection open, whether it is answered or not', async (t) => {
    const broker = await startBroker(t, 1);
    const kafka = hastyKafka(broker);
    assert.equal(await ask(kafka, 1, async () => 'answer'), 'answer');
    await waitUntil(() => broker.connections === 0, 5_000, 'the connection of an answered question to be closed');
    const failure = new Error('no answer');
    await assert.rejects(
      ask(kafka, 1, () => Promise.reject(failure)),
      failure,
    );
    await waitUntil(() => broker.connections === 0, 5_000, 'the connection of a failed question to be closed');
  });

  it('fails where there is no broker', async (t) => {
    const broker = await startBroker(t, 1);
    await broker.close();
    await assert.rejects(hasTopic(hastyKafka(broker), TOPIC), { name: /^KafkaJS/ });
  });
});
