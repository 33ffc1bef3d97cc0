import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import kafkajs, { type Assigner, type Cluster } from 'kafkajs';
import { stickyAssigner } from '../../../lib/kafka/group/assigner.js';
import { Ownership } from '../../../lib/kafka/group/ownership.js';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

/** Of a member that has these partitions of `files`, in a cluster that knows four. */
function assignerOf(partitions: readonly number[]): Assigner {
  const ownership = new Ownership();
  ownership.assigned(1, { files: partitions });
  const known = [0, 1, 2, 3].map((partitionId) => ({ partitionId }));
  const cluster = { findTopicPartitionMetadata: (topic: string) => (topic === 'files' ? known : []) };
  return stickyAssigner(ownership)({ cluster: cluster as unknown as Cluster, groupId: 'group', logger: null as never });
}

async function assign(members: Readonly<Record<string, Buffer>>): Promise<Record<string, unknown>> {
  const list = Object.entries(members).map(([memberId, memberMetadata]) => ({ memberId, memberMetadata }));
  const assignments = await assignerOf([]).assign({ members: list, topics: ['files'] });
  return Object.fromEntries(
    assignments.map(({ memberId, memberAssignment }) => [
      memberId,
      MemberAssignment.decode(memberAssignment)?.assignment,
    ]),
  );
}

function joinOf(partitions: readonly number[], topics = ['files']): Buffer {
  return assignerOf(partitions).protocol({ topics }).metadata;
}

describe('the assigner', () => {
  it('leaves members what their joins say that they have', async () => {
    assert.deepEqual(await assign({ a: joinOf([3, 1]), b: joinOf([]) }), {
      a: { files: [1, 3] },
      b: { files: [0, 2] },
    });
  });

  it('gives what is free to a member that says nothing, or nothing that can be understood', async () => {
    const silent = MemberMetadata.encode({ version: 0, topics: ['files'], userData: Buffer.alloc(0) });
    const garbled = MemberMetadata.encode({ version: 3, topics: ['files'], userData: Buffer.from([1, 255, 0]) });
    assert.deepEqual(await assign({ a: joinOf([3, 1]), b: silent }), { a: { files: [1, 3] }, b: { files: [0, 2] } });
    assert.deepEqual(await assign({ a: joinOf([3, 1]), b: garbled }), { a: { files: [1, 3] }, b: { files: [0, 2] } });
  });

  it('gives nothing to a member of other topics, or whose join cannot be read', async () => {
    const all = { files: [0, 1, 2, 3] };
    assert.deepEqual(await assign({ a: joinOf([]), b: joinOf([], ['other']) }), { a: all, b: {} });
    assert.deepEqual(await assign({ a: joinOf([]), b: Buffer.from([0]) }), { a: all, b: {} });
  });
});
