/**
 * How a group that this service leads shares out its partitions. The client's own way gives them out by the order of the
 * members' names, so that one that comes or goes moves nearly all of them.
 */
import kafkajs, { type GroupMember, type PartitionAssigner } from 'kafkajs';
import { decodeOwnership, type Ownership } from './ownership.js';
import { assignPartitions, type Claim } from './sticky-assignment.js';

/** What all members offer is what the group takes: so the name changes with what the members' words mean. */
const NAME = 'atd-sticky-1';
const VERSION = 0;

/**
 * @param ownership of the member, which goes along with each join
 * @param besides topics that the member subscribes to without being given partitions of them
 */
export function stickyAssigner(ownership: Ownership, besides: readonly string[] = []): PartitionAssigner {
  const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
  return ({ cluster }) => ({
    name: NAME,
    version: VERSION,
    protocol: ({ topics }) => ({
      name: NAME,
      metadata: MemberMetadata.encode({
        version: VERSION,
        topics: [...topics, ...besides],
        userData: ownership.encode(),
      }),
    }),
    // Of topics that it does not read itself, the leader knows no partitions.
    assign: async ({ members, topics }) => {
      const partitions = new Map(
        topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
      );
      return [...assignPartitions(members.map(readClaim), partitions)].map(([memberId, shares]) => {
        const assignment = Object.fromEntries([...shares].map(([topic, share]) => [topic, [...share]]));
        return {
          memberId,
          memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
        };
      });
    },
  });
}

function readClaim({ memberId, memberMetadata }: GroupMember): Claim {
  try {
    const said = kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata);
    return { memberId, topics: said?.topics ?? [], ...decodeOwnership(said?.userData ?? null) };
  } catch {
    // Whoever it is, it reads nothing that is known here.
    return { memberId, topics: [], ...decodeOwnership(null) };
  }
}
