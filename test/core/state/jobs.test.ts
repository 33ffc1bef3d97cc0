import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../../../lib/core/events.js';
import { Jobs } from '../../../lib/core/state/jobs.js';
import { newPartitionState } from '../../../lib/core/state/partition-state.js';
import { newPendingRecord } from '../../../lib/core/state/pending-record.js';
import { JOB, partition, record, SETTINGS } from '../../support/engine.js';

function setUp() {
  const effects: Effect[] = [];
  const jobs = new Jobs(
    SETTINGS,
    () => 1,
    (effect) => effects.push(effect),
  );
  const owned = newPartitionState(partition(0));
  owned.tracker.begin(JOB.offset);
  return { jobs, effects, owned, pending: newPendingRecord(record(JOB.offset), owned, 1) };
}

describe('Jobs', () => {
  it('hold the files of a record to be deadly after as many ends of the service as are allowed', () => {
    const { jobs } = setUp();
    const { maxInterruptions } = SETTINGS.retry;
    const isDeadly = (interrupted: number) => jobs.isDeadly({ failed: 9, timedOut: 9, interrupted });
    assert.deepEqual([isDeadly(maxInterruptions - 1), isDeadly(maxInterruptions)], [false, true]);
  });

  it('give up a deadly file with all that it has cost, and say so', () => {
    const { jobs, effects, pending } = setUp();
    const { failure } = jobs.giveUp(JOB, pending, { failed: 1, timedOut: 2, interrupted: 4 }, 77);
    const reason = 'the service ended 4 times while this was being loaded';
    assert.deepEqual(failure, {
      file: '/a',
      disposition: 'attempts-exhausted',
      reason,
      attempts: 7,
      outcome: null,
      firstFailedAt: 77,
    });
    assert.deepEqual(effects, [{ type: 'job-failed', job: JOB, disposition: 'attempts-exhausted', reason }]);
  });

  it('take back a start that is not to be, so that it is not taken for an end of the service', () => {
    const { jobs, owned, pending } = setUp();
    jobs.enqueue(JOB, pending, 0);
    const state = jobs.next(0);
    assert.ok(state !== null);
    owned.attempts.started(JOB.offset);
    assert.equal(owned.attempts.snapshot().get(JOB.offset)?.interrupted, 1);
    jobs.withdraw(state);
    assert.deepEqual([jobs.count, owned.attempts.snapshot().size], [0, 0]);
  });
});
