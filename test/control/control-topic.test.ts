/** The topic of orders, on a real Kafka: what one instance is told, every instance obeys, now or later. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type ControlAdapter, createControl } from '../../lib/control/control-topic.js';
import { pauseOrder, resumeOrder } from '../../lib/control/orders.js';
import type { TenantPause } from '../../lib/core/events.js';
import { kafkaClient, withAdmin } from '../sandbox/kafka-admin.js';
import { type KafkaSandbox, startKafka } from '../sandbox/sandbox.js';
import { createTopic, produce } from '../sandbox/topics.js';
import { waitUntil } from '../support/processes.js';

const DEADLINE_MS = 60_000;
const PAUSE: TenantPause = { tenant: 'acme', since: 5, until: null, by: 'maria', reason: 'a bad day' };

let kafka: KafkaSandbox;
before(async () => {
  kafka = await startKafka();
});
after(() => kafka.stop());

interface Instance {
  readonly control: ControlAdapter;
  /** What it was told, each time. */
  readonly told: (readonly TenantPause[])[];
}

function start(t: TestContext, topic: string): Instance {
  const told: (readonly TenantPause[])[] = [];
  const options = { kafka: kafkaClient(kafka.brokers), topic: `${topic}.control`, sourceTopic: topic, groupId: topic };
  const control = createControl(options, {
    controlled: (pauses) => told.push(pauses),
    unreadable: (reason) => assert.fail(reason),
  });
  t.after(() => control.close());
  control.start();
  return { control, told };
}

const obeys = ({ told }: Instance, pauses: readonly TenantPause[]) =>
  waitUntil(() => isDeepStrictEqual(told.at(-1), pauses), DEADLINE_MS, `it obeys ${JSON.stringify(pauses)}`);

describe('the topic of orders', () => {
  async function newTopic(t: TestContext): Promise<string | null> {
    if (kafka.kind === 'mock') {
      t.skip('the mock cluster creates no topic on request');
      return null;
    }
    const topic = `orders-${randomUUID()}`;
    await createTopic(kafka.brokers, topic, 2);
    return topic;
  }

  it('is made with the first order, which every instance obeys, and a later one too', async (t) => {
    const topic = await newTopic(t);
    if (topic === null) return;
    const [first, second] = [start(t, topic), start(t, topic)];
    await obeys(first, []);
    await obeys(second, []);
    await first.control.give(pauseOrder(PAUSE));
    assert.deepEqual(first.told.at(-1), [PAUSE], 'it obeys before it says that it does');
    await obeys(second, [PAUSE]);
    const third = start(t, topic);
    await obeys(third, [PAUSE]);
    assert.deepEqual(third.told, [[PAUSE]], 'never without it');
    await third.control.give(resumeOrder('acme'));
    for (const instance of [first, second, third]) await obeys(instance, []);
    const configs = await withAdmin(kafka.brokers, (admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: `${topic}.control`, configNames: ['cleanup.policy'] }],
      }),
    );
    assert.equal(configs.resources[0]?.configEntries[0]?.configValue, 'compact');
  });

  it('may hold what is no order, and have lost its beginning', async (t) => {
    const topic = await newTopic(t);
    if (topic === null) return;
    await createTopic(kafka.brokers, `${topic}.control`, 3);
    await produce(kafka.brokers, `${topic}.control`, [
      { key: 'pause/lost', value: '{"since":1}', partition: 0 },
      { key: null, value: 'x', partition: 0 },
      { key: 'pause/acme', value: 'no JSON', partition: 0 },
      { key: 'pause/initech', value: 'null', partition: 0 },
      { key: 'pause/globex', value: '{"since":1,"by":"maria","reason":"why"}', partition: 0 },
    ]);
    const partitions = [{ partition: 0, offset: '1' }];
    await withAdmin(kafka.brokers, async (admin) => {
      // The client knows the leader only of a topic that it was asked about.
      await admin.fetchTopicOffsets(`${topic}.control`);
      await admin.deleteTopicRecords({ topic: `${topic}.control`, partitions });
    });
    const instance = start(t, topic);
    await obeys(instance, [{ tenant: 'globex', since: 1, until: null, by: 'maria', reason: 'why' }]);
    assert.equal(instance.told.length, 1);
    // It has more partitions than it was to have: each order goes where it is read.
    for (const tenant of ['globex', 'a', 'b', 'c']) {
      await instance.control.give(tenant === 'globex' ? resumeOrder(tenant) : pauseOrder({ ...PAUSE, tenant }));
    }
    const pauses = ['a', 'b', 'c'].map((tenant) => ({ ...PAUSE, tenant }));
    assert.deepEqual(instance.told.at(-1), pauses);
  });
});
