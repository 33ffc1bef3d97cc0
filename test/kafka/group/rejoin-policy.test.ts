import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMetadataTooLarge } from '../../../lib/kafka/group/refusals.js';
import { RejoinPolicy } from '../../../lib/kafka/group/rejoin-policy.js';

/** As kafkajs throws it, by itself or wrapped. */
function refusal(type: string, isWrapped = false): Error {
  const error = Object.assign(new Error(type), { type });
  return isWrapped ? Object.assign(new Error('wrapped'), { cause: error }) : error;
}

describe('the policy of joining again', () => {
  it('joins at once when the coordinator is another broker or does not know the member', () => {
    for (const type of ['NOT_COORDINATOR_FOR_GROUP', 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION']) {
      assert.equal(new RejoinPolicy(60_000).refused(refusal(type), 0), true, type);
      assert.equal(new RejoinPolicy(60_000).refused(refusal(type, true), 0), true, `${type}, wrapped`);
    }
    const gone = Object.assign(new Error('Broker 1 not found'), { name: 'KafkaJSBrokerNotFound' });
    assert.equal(new RejoinPolicy(60_000).refused(gone, 0), true);
  });

  it('joins after the third refusal in a row that may go by itself', () => {
    const policy = new RejoinPolicy(60_000);
    const timeout = refusal('REQUEST_TIMED_OUT');
    assert.deepEqual(
      [0, 1, 2].map((now) => policy.refused(timeout, now)),
      [false, false, true],
    );
  });

  it('counts anew after an acknowledgement', () => {
    const policy = new RejoinPolicy(60_000);
    const timeout = refusal('REQUEST_TIMED_OUT');
    policy.refused(timeout, 0);
    policy.refused(timeout, 0);
    policy.acknowledged();
    assert.equal(policy.refused(timeout, 0), false);
  });

  it('waits twice as long before each further join, until a commit is acknowledged', () => {
    const policy = new RejoinPolicy(5_000);
    const over = refusal('UNKNOWN_MEMBER_ID');
    const joins: number[] = [];
    for (let now = 0; now <= 16_000; now += 1_000) if (policy.refused(over, now)) joins.push(now);
    assert.deepEqual(joins, [0, 2_000, 6_000, 11_000, 16_000]);
    policy.acknowledged();
    assert.equal(policy.refused(over, 21_000), true);
    assert.equal(policy.refused(over, 23_000), true);
  });

  it('never joins for a refusal that no join changes', () => {
    const policy = new RejoinPolicy(60_000);
    for (const type of ['OFFSET_METADATA_TOO_LARGE', 'INVALID_COMMIT_OFFSET_SIZE', 'GROUP_AUTHORIZATION_FAILED']) {
      for (let count = 0; count < 10; count += 1) assert.equal(policy.refused(refusal(type), 0), false, type);
    }
  });
});

describe('a refusal of metadata for its length', () => {
  it('is recognised, wrapped or not, and nothing else is', () => {
    assert.equal(isMetadataTooLarge(refusal('OFFSET_METADATA_TOO_LARGE')), true);
    assert.equal(isMetadataTooLarge(refusal('OFFSET_METADATA_TOO_LARGE', true)), true);
    assert.equal(isMetadataTooLarge(refusal('INVALID_COMMIT_OFFSET_SIZE')), true);
    for (const other of [refusal('REQUEST_TIMED_OUT'), new Error('x'), undefined, null, 'text']) {
      assert.equal(isMetadataTooLarge(other), false);
    }
  });
});
