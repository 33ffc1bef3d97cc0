/** What the consumer does in a rebalance, also in one whose assignment does not arrive. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { GroupMember, type MemberOptions, partition, position, startBroker, TOPIC } from '../support/group-member.js';
import { CODES } from '../support/kafka-requests.js';
import type { ScriptedBroker } from '../support/scripted-broker.js';

describe('the consumer: rebalances', () => {
  it('are announced, and end with a new assignment, in which all begins at the commit', async (t) => {
    const broker = await startBroker(t, 2);
    for (const number of [0, 1]) broker.topics.append(TOPIC, number, ['a', 'b']);
    const member = await GroupMember.join(t, broker);
    await member.reports('record', 4);
    await member.adapter.commit([position(0, 1)]);
    broker.rebalance([0]);
    await member.reports('restored 2');
    await member.reports('record 0@1', 2);
    const since = member.lines.slice(member.lines.indexOf('rebalancing'));
    assert.deepEqual(since.slice(0, 2), ['rebalancing', 'assigned 2: 0']);
    assert.deepEqual(
      since.filter((line) => line.startsWith('record')),
      ['record 0@1'],
    );
    broker.topics.append(TOPIC, 1, ['c']);
    broker.topics.append(TOPIC, 0, ['c']);
    await member.reports('record 0@2');
    assert.deepEqual(member.found('record 1@2'), [], 'a lost partition is not read');
  });

  it('leave every partition paused that is paused when the assignment is reported', async (t) => {
    const broker = await startBroker(t, 2);
    const member: GroupMember = GroupMember.create(t, broker, {
      on: {
        assigned(epoch, partitions) {
          if (epoch === 1) return member.adapter.pause([partition(0)]);
          member.adapter.resume([partition(0)]);
          member.adapter.pause(partitions.filter((each) => each.partition === 1));
        },
      },
    });
    for (const number of [0, 1]) broker.topics.append(TOPIC, number, ['a']);
    await member.adapter.start();
    await member.reports('record 1@0');
    assert.deepEqual(member.found('record 0'), []);
    broker.rebalance([0, 1]);
    await member.reports('record 0@0');
    const fetches = broker.seen('Fetch').length;
    await broker.until('Fetch', fetches + 2);
    assert.deepEqual(member.found('record 1'), ['record 1@0']);
    assert.ok(
      broker
        .seen('Fetch')
        .slice(fetches)
        .every(({ partitions }) => partitions.every((each) => each.partition === 0)),
    );
  });
});

describe('the consumer: rebalances whose assignment does not arrive', () => {
  interface Joined {
    readonly broker: ScriptedBroker;
    readonly member: GroupMember;
  }

  /** In its group with one of two partitions, of which it is to get both. */
  async function joined(t: TestContext, options: MemberOptions = {}): Promise<Joined> {
    const broker = await startBroker(t, 2);
    for (const number of [0, 1]) broker.topics.append(TOPIC, number, ['a']);
    broker.assignment = [0];
    const member = await GroupMember.join(t, broker, options);
    await member.reports('record 0@0');
    return { broker, member };
  }

  it('because it is refused are repeated, and all is read', async (t) => {
    const { broker, member } = await joined(t);
    broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS]);
    broker.rebalance([0, 1]);
    await member.reports('record 1@0');
    const since = member.lines
      .slice(member.lines.indexOf('rebalancing'))
      .filter((line) => !/^re(cord|stored)/.test(line));
    assert.deepEqual(since, ['rebalancing', 'rebalancing', 'assigned 2: 0 1']);
    assert.equal(broker.seen('LeaveGroup').length, 0, 'nothing moves to other members meanwhile');
  });

  it('because its connection is cut are repeated, and all is read', async (t) => {
    const { broker, member } = await joined(t);
    const release = broker.hold('SyncGroup');
    broker.rebalance([0, 1]);
    await broker.until('SyncGroup', 2);
    for (const { from } of broker.seen('SyncGroup')) from.socket.destroy();
    release();
    await member.reports('record 1@0');
    assert.deepEqual(member.found('assigned'), ['assigned 1: 0', 'assigned 2: 0 1']);
  });

  it('leave nothing by which an offset could be committed for the generation before', async (t) => {
    const { broker, member }: Joined = await joined(t, {
      on: { assigned: (epoch, partitions) => epoch > 1 && member.adapter.pause(partitions) },
    });
    broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS]);
    broker.rebalance([0, 1]);
    await member.reports('restored 2');
    await member.adapter.commit([position(0, 1)]);
    const generations = broker.seen('OffsetCommit').map(({ generation }) => generation);
    assert.deepEqual([generations.includes(2), generations.at(-1)], [false, 3]);
  });

  it('are not repeated by a consumer that is being ended', async (t) => {
    let stopped: Promise<void> = Promise.resolve();
    const { broker, member } = await joined(t, {
      on: {
        rebalancing() {
          if (member.found('rebalancing').length === 2) stopped = member.adapter.stop();
        },
      },
    });
    broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS]);
    broker.rebalance([0, 1]);
    await member.reports('rebalancing', 2);
    await stopped;
    await broker.allClosed();
    assert.deepEqual(member.found('assigned'), ['assigned 1: 0']);
    assert.equal(broker.seen('JoinGroup').length, 2);
  });

  it('are repeated to the end before the consumer can be ended', async (t) => {
    const { broker, member } = await joined(t);
    broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS]);
    broker.rebalance([0, 1]);
    await broker.until('SyncGroup', 2);
    const release = broker.hold('JoinGroup');
    await broker.until('JoinGroup', 3);
    const stopped = member.adapter.stop();
    release();
    await stopped;
    await broker.allClosed();
    assert.equal(broker.seen('LeaveGroup').length, 2, 'it has left the group that it joined again');
  });

  it('are no news of a consumer that is being ended', async (t) => {
    const { broker, member } = await joined(t);
    broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS]);
    const syncs = broker.hold('SyncGroup');
    broker.rebalance([0, 1]);
    await broker.until('SyncGroup', 2);
    const heartbeats = broker.hold('Heartbeat');
    const before = broker.seen('Heartbeat').length;
    syncs();
    await broker.until('Heartbeat', before + 1);
    const stopped = member.adapter.stop();
    heartbeats();
    await stopped;
    assert.deepEqual(member.found('restarting'), []);
  });

  it('that the user may not repeat are waited for', async (t) => {
    const { broker, member } = await joined(t, { mayRestart: () => false });
    broker.refuse('SyncGroup', [CODES.COORDINATOR_LOAD_IN_PROGRESS, CODES.GROUP_AUTHORIZATION_FAILED]);
    broker.rebalance([0, 1]);
    await member.reports('waiting: this user may not read with the group');
    await member.reports('assigned 2: 0 1');
    assert.deepEqual(member.found('failed'), []);
  });
});
