import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Commits } from '../../../lib/core/state/commits.js';
import { type JobState, newJobState } from '../../../lib/core/state/job-state.js';
import { newPartitionState, type PartitionState } from '../../../lib/core/state/partition-state.js';
import { newPendingRecord } from '../../../lib/core/state/pending-record.js';
import { StartMarkers } from '../../../lib/core/state/start-markers.js';
import { JOB, partition, record } from '../../support/engine.js';

function setUp(hasCommit = true): { commits: Commits; markers: StartMarkers; owned: PartitionState } {
  const commits = new Commits(100);
  const markers = new StartMarkers(commits);
  const owned = newPartitionState(partition(0));
  markers.expectCrash(owned, hasCommit);
  return { commits, markers, owned };
}

function started(owned: PartitionState, offset: number): JobState {
  owned.tracker.begin(offset);
  return newJobState({ ...JOB, offset, id: `files/0/${offset}/0` }, newPendingRecord(record(offset), owned), 0);
}

describe('StartMarkers', () => {
  it('hold a start back until a commit that contains it is acknowledged', () => {
    const { commits, markers, owned } = setUp();
    const state = started(owned, 5);
    assert.equal(markers.mark(state), false);
    assert.equal(markers.hasWaiting, true);
    assert.deepEqual(markers.takeCommitted(), []);
    const [offset] = commits.next(0, true, false) ?? [];
    assert.ok(offset !== undefined && offset.metadata !== '', 'the commit has no marker');
    assert.deepEqual(markers.takeCommitted(), [], 'the commit is on its way');
    commits.succeeded();
    assert.deepEqual(markers.takeCommitted(), [state]);
    assert.deepEqual([markers.hasWaiting, markers.takeCommitted()], [false, []]);
  });

  it('are not contained in a commit that was on its way already', () => {
    const { commits, markers, owned } = setUp();
    const first = started(owned, 5);
    markers.mark(first);
    commits.next(0, true, false);
    const second = started(owned, 6);
    markers.mark(second);
    commits.succeeded();
    assert.deepEqual(markers.takeCommitted(), [first]);
    commits.next(200, true, false);
    commits.succeeded();
    assert.deepEqual(markers.takeCommitted(), [second]);
  });

  it('hold back nothing in a partition whose previous run ended in order', () => {
    const { commits, markers, owned } = setUp();
    owned.markersLeft = 0;
    assert.equal(markers.mark(started(owned, 5)), true);
    assert.deepEqual([markers.hasWaiting, commits.nextAt()], [false, null]);
  });

  it('last for one completion without a commit, and for many with one', () => {
    assert.equal(setUp(false).owned.markersLeft, 1);
    assert.equal(setUp(true).owned.markersLeft, 100);
  });

  it('give back the jobs that are not to run, and only these', () => {
    const { markers, owned } = setUp();
    const [kept, unwanted] = [started(owned, 5), started(owned, 6)];
    markers.mark(kept);
    markers.mark(unwanted);
    assert.deepEqual(
      markers.withdraw((state) => state === unwanted),
      [unwanted],
    );
    assert.deepEqual(
      markers.withdraw(() => true),
      [kept],
    );
    assert.equal(markers.hasWaiting, false);
  });
});
