/** What the consumer does where the commits of its group are gone; it looks for new ones every ten seconds. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { GroupMember, type MemberOptions, position, startBroker, TOPIC } from '../support/group-member.js';
import type { ScriptedBroker } from '../support/scripted-broker.js';

describe('the consumer: commits that are gone', () => {
  /** A member that has seen its partition committed, and then the group deleted while it has to join anew. */
  async function deprived(
    t: TestContext,
    options: MemberOptions,
  ): Promise<{ broker: ScriptedBroker; member: GroupMember }> {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a', 'b', 'c']);
    const member = await GroupMember.join(t, broker, options);
    await member.reports('record', 3);
    await member.adapter.commit([position(0, 3)]);
    broker.committed.clear();
    broker.rebalance([0]);
    return { broker, member };
  }

  it('stop the member, which says why and what to do, until somebody commits for the group', async (t) => {
    const { broker, member } = await deprived(t, {});
    await member.reports('waiting: the commits of the group group for the topic files are gone');
    const [said = ''] = member.found('waiting');
    assert.match(said, /this process has seen partition 0 committed to 3/);
    assert.ok(
      said.includes(`kafka-consumer-groups.sh --bootstrap-server ${broker.address} --group group --topic files `),
    );
    assert.match(member.adapter.health().obstacle ?? '', /kafka\.on_lost_offsets/);
    assert.deepEqual([member.found('restored 2'), broker.committed.size], [[], 0]);
    broker.committed.set(0, { partition: 0, offset: 2, metadata: '' });
    await member.reports('restored 2: 0@2');
    assert.equal(member.adapter.health().obstacle, null);
    assert.equal(member.found('waiting').length, 1);
  });

  for (const [onLostOffsets, offset] of [
    ['earliest', 0],
    ['latest', 3],
  ] as const) {
    it(`are made anew where the member is told to go on from the ${onLostOffsets} offset`, async (t) => {
      const { broker, member } = await deprived(t, { onLostOffsets });
      await member.reports(`restored 2: 0@${offset}`);
      assert.equal(broker.committed.get(0)?.offset, offset);
      assert.deepEqual(member.found('waiting'), []);
    });
  }

  it('are those of another topic where it was made anew, and begins at 0 again', async (t) => {
    const broker = await startBroker(t, 1);
    broker.topics.append(TOPIC, 0, ['a', 'b', 'c']);
    const member = await GroupMember.join(t, broker);
    await member.adapter.commit([position(0, 9)]);
    broker.committed.clear();
    broker.rebalance([0]);
    await member.reports('restored 2: 0@none');
    assert.deepEqual(member.found('waiting'), []);
  });
});
