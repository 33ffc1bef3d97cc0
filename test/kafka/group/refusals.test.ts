import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  groupObstacle,
  isLost,
  isMetadataTooLarge,
  isOverForMember,
  isUnchangeable,
} from '../../../lib/kafka/group/refusals.js';

/** By kafkajs's names, and as it wraps what it has given up. */
const refused = (type: string) => Object.assign(new Error('refused'), { type });
const wrapped = (type: string) => new Error('gave up', { cause: refused(type) });

/** Of what was asked for several topics, as where one is made. */
const collected = (type: string) => Object.assign(new Error('errors'), { errors: [refused('OTHER'), refused(type)] });

/** A refusal, and the setting or right that the text has to name. */
const OBSTACLES: Readonly<Record<string, RegExp>> = {
  GROUP_AUTHORIZATION_FAILED: /group loads \(kafka\.group_id\): permit READ/,
  INCONSISTENT_GROUP_PROTOCOL: /group loads \(kafka\.group_id\) is in use by members/,
  GROUP_MAX_SIZE_REACHED: /group loads \(kafka\.group_id\) has as many members .* \(group\.max\.size\)/,
  INVALID_SESSION_TIMEOUT: /kafka\.session_timeout_ms.* group\.max\.session\.timeout\.ms/,
};

describe('what a broker refuses', () => {
  for (const [type, text] of Object.entries(OBSTACLES)) {
    it(`keeps a user from the group, and is named with what to do: ${type}`, () => {
      for (const error of [refused(type), wrapped(type), collected(type)])
        assert.match(groupObstacle(error, 'loads') ?? '', text);
    });
  }

  it('keeps nobody from the group for longer than it lasts, where it passes by itself', () => {
    const passing = [
      'GROUP_LOAD_IN_PROGRESS',
      'REBALANCE_IN_PROGRESS',
      'NOT_COORDINATOR_FOR_GROUP',
      'UNKNOWN_MEMBER_ID',
    ];
    for (const type of passing) assert.equal(groupObstacle(refused(type), 'loads'), null, type);
    for (const odd of [null, undefined, 'text', new Error('plain'), {}])
      assert.equal(groupObstacle(odd, 'loads'), null);
  });

  it('tells that a topic may not be used or is not there, and what may be so for a moment', () => {
    for (const type of ['TOPIC_AUTHORIZATION_FAILED', 'UNKNOWN_TOPIC_OR_PARTITION'])
      for (const error of [refused(type), wrapped(type), collected(type)]) assert.equal(isLost(error), true, type);
    for (const type of ['LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION', 'OFFSET_OUT_OF_RANGE'])
      assert.equal(isLost(refused(type)), false, type);
  });

  it('tells what another join helps against, and what no repetition changes', () => {
    const judge = (type: string) =>
      [isOverForMember, isUnchangeable, isMetadataTooLarge].map((is) => is(wrapped(type)));
    assert.deepEqual(judge('NOT_COORDINATOR_FOR_GROUP'), [true, false, false]);
    assert.deepEqual(judge('ILLEGAL_GENERATION'), [true, false, false]);
    assert.deepEqual(judge('UNKNOWN_MEMBER_ID'), [true, false, false]);
    assert.deepEqual(judge('OFFSET_METADATA_TOO_LARGE'), [false, true, true]);
    assert.deepEqual(judge('INVALID_COMMIT_OFFSET_SIZE'), [false, true, true]);
    assert.deepEqual(judge('TOPIC_AUTHORIZATION_FAILED'), [false, true, false]);
    assert.deepEqual(judge('GROUP_LOAD_IN_PROGRESS'), [false, false, false]);
    assert.deepEqual(judge('NOT_ENOUGH_REPLICAS'), [false, false, false]);
  });
});
