import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeLoss, findLoss, type Known } from '../../../lib/kafka/group/lost-offsets.js';

/** Three partitions of ten messages each, of a group without commits. */
const NEW: Known = {
  missing: [0, 1, 2],
  hasCommits: false,
  bounds: new Map([0, 1, 2].map((partition) => [partition, { low: 0, high: 10 }])),
  seen: new Map(),
  letters: [],
};

function lost(known: Partial<Known>): readonly number[] | null {
  return findLoss({ ...NEW, ...known })?.partitions ?? null;
}

describe('commits that are gone', () => {
  it('are not missed in a group that has never read', () => {
    assert.equal(lost({}), null);
    // Committed where it begins.
    assert.equal(lost({ seen: new Map([[0, 0]]) }), null);
  });

  it('are missed where this process has seen them, in all of a group that has none', () => {
    assert.deepEqual(lost({ seen: new Map([[1, 10]]) }), [0, 1, 2]);
  });

  it('are missed in the partitions where they were seen, in a group that has others', () => {
    assert.deepEqual(lost({ missing: [0, 1], hasCommits: true, seen: new Map([[1, 4]]) }), [1]);
  });

  it('are missed in all of a group that has none, and has sent a letter', () => {
    assert.deepEqual(lost({ letters: [{ partition: 2, offset: 9 }] }), [0, 1, 2]);
  });

  it('are not missed for a letter in a group that has others: a partition that was added has none', () => {
    assert.equal(lost({ missing: [2], hasCommits: true, letters: [{ partition: 2, offset: 9 }] }), null);
  });

  it('are not missed where the topic ends before what was seen or the message of the letter: it was made anew', () => {
    assert.equal(lost({ seen: new Map([[1, 11]]), letters: [{ partition: 0, offset: 10 }] }), null);
    assert.equal(lost({ seen: new Map([[7, 1]]), letters: [{ partition: 7, offset: 0 }] }), null);
    assert.equal(lost({ letters: [{ partition: Number.NaN, offset: Number.NaN }] }), null);
  });

  it('are described with what shows it, and with the command to go on', () => {
    const loss = { partitions: [0], evidence: 'it has sent a dead letter of the message at 2/9' };
    const text = describeLoss(loss, { brokers: ['a:9092', 'b:9092'], groupId: 'loads', topic: 'files' });
    assert.equal(
      text,
      'the commits of the group loads for the topic files are gone (deleted, or expired), though it has sent a dead letter of ' +
        'the message at 2/9. Nothing is loaded, for all messages that the topic still has would be loaded again. Stop all ' +
        'instances and set the offsets: kafka-consumer-groups.sh --bootstrap-server a:9092,b:9092 --group loads --topic files ' +
        '--reset-offsets --to-earliest --execute (or --to-latest, or --to-datetime with the time of the last load); or start ' +
        'once with kafka.on_lost_offsets: earliest (loads all of them again) or latest (loads only what is announced from then on)',
    );
  });
});
