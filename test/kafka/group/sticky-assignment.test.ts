import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Assignment, assignPartitions, type Claim } from '../../../lib/kafka/group/sticky-assignment.js';

const TOPICS = ['files', 'other', '__proto__'];

function claim(memberId: string, owned: readonly number[], since = 1, topic = 'files'): Claim {
  return { memberId, topics: [topic], owned: new Map([[topic, owned]]), since };
}

function share(assignment: Assignment, memberId: string, topic = 'files'): readonly number[] {
  return assignment.get(memberId)?.get(topic) ?? [];
}

function shares(members: readonly Claim[], partitions: readonly number[]): Record<string, readonly number[]> {
  const assignment = assignPartitions(members, new Map([['files', partitions]]));
  return Object.fromEntries(members.map(({ memberId }) => [memberId, share(assignment, memberId)]));
}

/** Few members and partitions, so that all ways to share out can be tried. */
const claims: fc.Arbitrary<Claim[]> = fc.uniqueArray(
  fc.record({
    memberId: fc.constantFrom('a', 'b', 'c', 'd'),
    topics: fc.uniqueArray(fc.constantFrom(...TOPICS, 'unknown'), { minLength: 1 }),
    owned: fc
      .array(
        fc.tuple(fc.constantFrom(...TOPICS, 'unknown'), fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 6 })),
      )
      .map((entries) => new Map(entries)),
    since: fc.integer({ min: 0, max: 3 }),
  }),
  { selector: ({ memberId }) => memberId, minLength: 1, maxLength: 4 },
);
const topics: fc.Arbitrary<Map<string, number[]>> = fc
  .tuple(...TOPICS.map(() => fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { maxLength: 5 })))
  .map((lists) => new Map(lists.map((list, index) => [TOPICS[index] as string, list])));

/** The most partitions that may stay where they are, found by trying every balanced way to share them out. */
function mostKept(
  partitions: readonly number[],
  owners: ReadonlyMap<number, string>,
  readers: readonly string[],
): number {
  const size = Math.floor(partitions.length / readers.length);
  const isBalanced = (counts: readonly number[]) => counts.every((count) => count === size || count === size + 1);
  const tryFrom = (index: number, counts: readonly number[]): number => {
    const partition = partitions[index];
    if (partition === undefined) return isBalanced(counts) ? 0 : Number.NEGATIVE_INFINITY;
    const kept = readers.map((reader, at) => {
      const next = counts.map((count, other) => count + Number(other === at));
      return Number(owners.get(partition) === reader) + tryFrom(index + 1, next);
    });
    return Math.max(...kept);
  };
  return tryFrom(0, Array(readers.length).fill(0));
}

/** By the latest claim; of two alike the one of the first member by name. */
function ownersOf(topic: string, members: readonly Claim[]): Map<number, string> {
  const owners = new Map<number, string>();
  const ranked = [...members].sort((a, b) => a.since - b.since || (a.memberId < b.memberId ? 1 : -1));
  for (const { memberId, owned } of ranked) for (const each of owned.get(topic) ?? []) owners.set(each, memberId);
  return owners;
}

describe('sharing out partitions', () => {
  it('gives each to one member that reads its topic, the same number to all within one, and moves the fewest', () => {
    fc.assert(
      fc.property(claims, topics, (members, partitions) => {
        const assignment = assignPartitions(members, partitions);
        assert.deepEqual([...assignment.keys()].sort(), members.map(({ memberId }) => memberId).sort());
        for (const [topic, numbers] of partitions) {
          const readers = members.filter((member) => member.topics.includes(topic));
          const given = members.flatMap(({ memberId }) => share(assignment, memberId, topic));
          for (const member of members.filter((each) => !readers.includes(each))) {
            assert.deepEqual(share(assignment, member.memberId, topic), []);
          }
          if (readers.length === 0) continue;
          assert.deepEqual([...given].sort(), [...numbers].sort());
          const sizes = readers.map(({ memberId }) => share(assignment, memberId, topic).length);
          assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, sizes.join(' '));
          const owners = ownersOf(topic, readers);
          const names = readers.map(({ memberId }) => memberId);
          const kept = names.flatMap((name) =>
            share(assignment, name, topic).filter((each) => owners.get(each) === name),
          );
          assert.equal(kept.length, mostKept(numbers, owners, names));
        }
      }),
    );
  });

  it('does not depend on the order of members and partitions, and once done changes nothing', () => {
    fc.assert(
      fc.property(claims, topics, fc.infiniteStream(fc.nat()), (members, partitions, dice) => {
        const shuffled = <T>(list: readonly T[]): T[] => {
          const keyed = list.map((each) => [dice.next().value as number, each] as const);
          return keyed.sort(([a], [b]) => a - b).map(([, each]) => each);
        };
        const once = assignPartitions(members, partitions);
        const others = new Map(shuffled([...partitions]).map(([topic, list]) => [topic, shuffled(list)]));
        const plain = (assignment: Assignment) => [...assignment].map(([id, each]) => [id, [...each]]);
        assert.deepEqual(plain(assignPartitions(shuffled(members), others)), plain(once));
        const settled = members.map((member) => ({ ...member, owned: once.get(member.memberId) as Claim['owned'] }));
        assert.deepEqual(plain(assignPartitions(settled, partitions)), plain(once));
      }),
    );
  });

  it('takes from each member what a new one is to have, and leaves the rest', () => {
    assert.deepEqual(shares([claim('b', [0, 1, 2]), claim('c', [3, 4, 5]), claim('a', [])], [0, 1, 2, 3, 4, 5]), {
      a: [2, 5],
      b: [0, 1],
      c: [3, 4],
    });
  });

  it('gives what a member leaves behind to the others, and leaves the rest', () => {
    assert.deepEqual(shares([claim('a', [4, 5]), claim('b', [2, 3])], [0, 1, 2, 3, 4, 5]), {
      a: [0, 4, 5],
      b: [1, 2, 3],
    });
  });

  it('leaves the larger share where it is', () => {
    assert.deepEqual(shares([claim('a', [0, 1]), claim('b', [2, 3, 4])], [0, 1, 2, 3, 4]), { a: [0, 1], b: [2, 3, 4] });
  });

  it('believes the later of two claims', () => {
    assert.deepEqual(shares([claim('a', [0, 1], 7), claim('b', [0, 1], 9)], [0, 1, 2, 3]), { a: [2, 3], b: [0, 1] });
  });

  it('evens several topics out among their readers', () => {
    const readers = ['a', 'b'].map((memberId) => ({ ...claim(memberId, []), topics: ['files', 'other'] }));
    const partitions = new Map([
      ['files', [0]],
      ['other', [0]],
    ]);
    const assignment = assignPartitions(readers, partitions);
    assert.deepEqual(
      ['a', 'b'].map((id) => share(assignment, id).length + share(assignment, id, 'other').length),
      [1, 1],
    );
  });
});
