/** A member that leaves its group and joins it again, over the real client and a scripted broker. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createConsumer } from '../../lib/kafka/consumer.js';
import { createMember, type MemberAdapter } from '../../lib/kafka/member.js';
import { hastyKafka, startBroker, TOPIC } from '../support/group-member.js';
import { waitUntil } from '../support/processes.js';
import type { ScriptedBroker } from '../support/scripted-broker.js';

const DEADLINE_MS = 60_000;

interface Told {
  readonly member: MemberAdapter;
  readonly epochs: number[];
  readonly failures: Error[];
}

/** Stopped at the end of the test. */
function createOne(t: TestContext, broker: ScriptedBroker): Told {
  const [epochs, failures]: [number[], Error[]] = [[], []];
  const kafka = hastyKafka(broker);
  const ignored = () => undefined;
  const events = {
    ...{ restored: ignored, record: ignored, rebalancing: ignored, restarting: ignored, waiting: ignored },
    assigned: (epoch: number) => void epochs.push(epoch),
    failed: (error: Error) => void failures.push(error),
  };
  const member = createMember(
    (ofConsumer) =>
      createConsumer(
        {
          ...{ kafka, asking: kafka, brokers: [broker.address], topic: TOPIC, groupId: 'group' },
          ...{ letterTopic: `${TOPIC}.dlq`, fromBeginning: true, onLostOffsets: 'stop' as const },
          ...{ sessionTimeoutMs: 500, maxWaitMs: 20 },
        },
        ofConsumer,
      ),
    events,
  );
  t.after(() => member.stop());
  return { member, epochs, failures };
}

async function joined({ epochs }: Told, times: number): Promise<void> {
  await waitUntil(() => epochs.length >= times, DEADLINE_MS, `it has joined ${times} times`);
}

describe('a member that leaves its group', () => {
  it('joins again with epochs that go on, and is left alone by the consumer that it had before', async (t) => {
    const broker = await startBroker(t, 1);
    const told = createOne(t, broker);
    await told.member.start();
    await joined(told, 1);
    await told.member.leave();
    // More than one where the client takes so long that it is done for it.
    assert.ok(broker.seen('LeaveGroup').length >= 1);
    await told.member.join();
    await joined(told, 2);
    assert.deepEqual([told.epochs, told.failures], [[1, 2], []]);
  });

  it('stays out where it is told to leave while it waits to join again, and comes where it is told so last', async (t) => {
    const broker = await startBroker(t, 1);
    const told = createOne(t, broker);
    await told.member.start();
    await joined(told, 1);
    const joins = broker.seen('JoinGroup').length;
    await Promise.all([told.member.leave(), told.member.join(), told.member.leave()]);
    assert.equal(broker.seen('JoinGroup').length, joins);
    await Promise.all([told.member.join(), told.member.leave(), told.member.join()]);
    await joined(told, 2);
  });

  it('is out where it leaves before there are brokers, and nothing is said of its start', async (t) => {
    const broker = await startBroker(t, 1);
    await broker.close();
    const told = createOne(t, broker);
    const started = told.member.start();
    await Promise.all([told.member.leave(), started]);
    await broker.open();
    assert.deepEqual([told.epochs, told.failures, broker.seen('JoinGroup').length], [[], [], 0]);
    assert.deepEqual(told.member.health(), { silentMs: null, dueMs: 0, obstacle: null });
  });
});
