import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Assignment } from '../../../lib/core/state/assignment.js';
import { partition } from '../../support/engine.js';

const OTHER = { topic: 'others', partition: 0 };

describe('Assignment', () => {
  it('finds each partition by topic and number, whichever was asked for last', () => {
    const assignment = new Assignment();
    assignment.replace([partition(0), partition(1), OTHER]);
    for (const asked of [partition(0), OTHER, OTHER, partition(1), partition(0)]) {
      const { topic, partition: number } = assignment.get(asked) ?? {};
      assert.deepEqual({ topic, partition: number }, asked);
    }
    assert.equal(assignment.get(partition(2)), null);
    assert.equal(assignment.get(partition(2)), null);
  });

  it('keeps what it knows of a retained partition, and gives a lost one back as lost', () => {
    const assignment = new Assignment();
    assignment.replace([partition(0), partition(1)]);
    const [kept, lost] = [assignment.get(partition(0)), assignment.get(partition(1))];
    assert.deepEqual(assignment.replace([partition(0), OTHER]), [lost]);
    assert.equal(assignment.get(partition(0)), kept);
    assert.equal(assignment.get(partition(1)), null);
    assert.deepEqual([kept?.lost, lost?.lost], [false, true]);
  });

  it('is restored when all of its partitions are', () => {
    const assignment = new Assignment();
    assert.equal(assignment.isRestored, true);
    assignment.replace([partition(0), partition(1)]);
    for (const owned of assignment.values()) {
      assert.equal(assignment.isRestored, false);
      owned.restored = true;
    }
    assert.equal(assignment.isRestored, true);
    assignment.replace([partition(0), partition(1)]);
    assert.equal(assignment.isRestored, false);
  });

  it('has a renewed partition as if it had just been given, and read on as before', () => {
    const assignment = new Assignment();
    assignment.replace([partition(0), partition(1)]);
    const owned = assignment.get(partition(0));
    assert.ok(owned !== null);
    owned.paused = true;
    owned.tracker.begin(7);
    const fresh = assignment.renew(owned);
    assert.deepEqual([owned.lost, fresh.lost, fresh.restored, fresh.paused], [true, false, true, true]);
    assert.equal(fresh.tracker.incomplete, 0);
    assert.equal(assignment.get(partition(0)), fresh);
    assert.deepEqual([...assignment.values()], [fresh, assignment.get(partition(1))]);
  });

  it('names the partitions of which it is news whether they are read', () => {
    const assignment = new Assignment();
    assignment.replace([partition(0), partition(1)]);
    const isFirst = ({ partition: number }: { partition: number }) => number === 0;
    assert.deepEqual(assignment.setPaused(isFirst, 7), { pause: [partition(0)], resume: [partition(1)] });
    assert.equal(assignment.setPaused(isFirst, 7), null);
    assert.deepEqual(
      assignment.setPaused(() => false, 9),
      { pause: [], resume: [partition(0)] },
    );
  });

  it('knows since when a partition is not read', () => {
    const assignment = new Assignment();
    assignment.replace([partition(0)]);
    const since = (isPaused: boolean, now: number) => {
      assignment.setPaused(() => isPaused, now);
      return assignment.get(partition(0))?.pausedSince;
    };
    assert.deepEqual([since(true, 5), since(true, 6), since(false, 7), since(true, 8)], [5, 5, null, 8]);
  });
});
