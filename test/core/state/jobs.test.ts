import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../../../lib/core/events.js';
import { interruptedOnceMore } from '../../../lib/core/offsets/interruptions.js';
import { Jobs } from '../../../lib/core/state/jobs.js';
import { newPartitionState } from '../../../lib/core/state/partition-state.js';
import { newPendingRecord } from '../../../lib/core/state/pending-record.js';
import { JOB, outcome, partition, record, SETTINGS } from '../../support/engine.js';

function setUp() {
  const effects: Effect[] = [];
  const jobs = new Jobs(
    SETTINGS,
    () => 1,
    (effect) => effects.push(effect),
  );
  const owned = newPartitionState(partition(0));
  owned.tracker.begin(JOB.offset);
  return { jobs, effects, owned, pending: newPendingRecord(record(JOB.offset), owned) };
}

describe('Jobs', () => {
  it('suspect the files of a record after as many ends of the service as are allowed, unless one of them runs', () => {
    const { jobs, pending } = setUp();
    const { maxInterruptions } = SETTINGS.retry;
    const judge = (interrupted: number) => jobs.judge([JOB], { failed: 9, timedOut: 9, interrupted });
    assert.deepEqual([judge(maxInterruptions - 1), judge(maxInterruptions)], ['none', 'suspect']);
    assert.equal(judge(interruptedOnceMore(0, 77_000_000)), 'deadly');
    jobs.enqueue(JOB, pending, 0);
    jobs.next(0);
    assert.equal(judge(maxInterruptions), 'none');
  });

  it('give up a deadly file with all that it has cost, and say so', () => {
    const { jobs, effects, pending } = setUp();
    const { failure } = jobs.giveUp(
      JOB,
      pending,
      { failed: 1, timedOut: 2, interrupted: interruptedOnceMore(3, 77) },
      77,
    );
    const reason = 'the service ended 4 times while this was being loaded, the last time with nothing else running';
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

  it('has those of a held table wait for that at once, whether or not there is a slot', () => {
    const { jobs, owned, pending } = setUp();
    owned.tracker.begin(JOB.offset + 1);
    jobs.enqueue(JOB, pending, 0);
    jobs.next(0);
    jobs.finish(JOB.id, outcome('table-refused'), 0);
    const later = newPendingRecord(record(JOB.offset + 1), owned);
    jobs.enqueue({ ...JOB, id: 'later', offset: JOB.offset + 1 }, later, 0);
    const held = [...jobs.tables.items()].map(({ job }) => job.id);
    assert.deepEqual([held, jobs.scheduler.ready], [[JOB.id, 'later'], 0]);
  });

  it('try another job of a held table when the one that was to be tried is taken out', () => {
    const { jobs, owned, pending } = setUp();
    owned.tracker.begin(JOB.offset + 1);
    jobs.enqueue(JOB, pending, 0);
    jobs.next(0);
    jobs.finish(JOB.id, outcome('table-refused'), 0);
    jobs.enqueue({ ...JOB, id: 'later', offset: JOB.offset + 1 }, newPendingRecord(record(JOB.offset + 1), owned), 0);
    jobs.scheduler.pause(new Set([JOB.tenant]));
    const due = jobs.tables.nextAt() ?? 0;
    assert.equal(jobs.next(due), null);
    assert.deepEqual(
      jobs.takeOut(new Set([pending])).map(({ job }) => job.id),
      [JOB.id],
    );
    jobs.scheduler.pause(new Set());
    assert.equal(jobs.next(due)?.job.id, 'later');
  });
});
