import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_METADATA_CHARACTERS } from '../../../lib/core/offsets/commit-metadata.js';
import { Commits } from '../../../lib/core/state/commits.js';
import { newPartitionState, type PartitionState } from '../../../lib/core/state/partition-state.js';
import { partition } from '../../support/engine.js';

/** A distance that takes three bytes. */
const FAR = 20_000;

/** A partition of which everything up to `offset` is complete. */
function completed(number: number, offset: number): PartitionState {
  const owned = newPartitionState(partition(number));
  owned.tracker.begin(offset);
  owned.tracker.complete(offset);
  return owned;
}

/** A partition whose first offset is incomplete, and of the others every second of `2 * count`; they are far from each other. */
function riddled(count: number): PartitionState {
  const owned = newPartitionState(partition(0));
  for (let index = 0; index <= 2 * count; index += 1) owned.tracker.begin(index * FAR);
  for (let index = 2; index <= 2 * count; index += 2) owned.tracker.complete(index * FAR);
  return owned;
}

describe('Commits', () => {
  it('have nothing to send before anything completed', () => {
    const commits = new Commits(100);
    assert.equal(commits.nextAt(), null);
    assert.equal(commits.next(0, true, false), null);
  });

  it('send the first at once and the next an interval later, or earlier when it is urgent', () => {
    const commits = new Commits(100);
    const owned = completed(0, 5);
    commits.touch(owned);
    assert.deepEqual(commits.next(1_000, false, false), [{ ...partition(0), offset: 6, metadata: '' }]);
    owned.tracker.confirm(6);
    commits.succeeded();
    owned.tracker.begin(6);
    owned.tracker.complete(6);
    commits.touch(owned);
    assert.equal(commits.nextAt(), 1_100);
    assert.equal(commits.next(1_099, false, false), null);
    assert.deepEqual(commits.next(1_050, true, false), [{ ...partition(0), offset: 7, metadata: '' }]);
  });

  it('are never two at a time, however urgent', () => {
    const commits = new Commits(100);
    commits.touch(completed(0, 5));
    commits.next(0, false, false);
    commits.touch(completed(1, 5));
    assert.equal(commits.inFlight, true);
    assert.equal(commits.nextAt(), null);
    assert.equal(commits.next(10_000, true, false), null);
  });

  it('fail from a failure to the next success', () => {
    const commits = new Commits(100);
    const owned = completed(0, 5);
    commits.touch(owned);
    const states = [commits.isFailing];
    for (const answer of ['failed', 'succeeded', 'failed'] as const) {
      commits.touch(owned);
      commits.next(10_000, true, false);
      if (answer === 'failed') commits.failed(0, 'refused', [owned]);
      else commits.succeeded();
      states.push(commits.isFailing);
    }
    assert.deepEqual(states, [false, true, false, true]);
  });

  it('say when the metadata comes near to what a broker accepts, and send none that it would refuse', () => {
    const send = (count: number) => {
      const commits = new Commits(100);
      const owned = riddled(count);
      commits.touch(owned);
      const [offset] = commits.next(0, true, false) ?? [];
      return { length: offset?.metadata.length ?? 0, nearlyFull: owned.metadataNearlyFull };
    };
    // Each completed offset takes four bytes, and all else together four.
    const countOf = (characters: number) => (characters * 0.75 - 4) / 4;
    const limit = countOf(MAX_METADATA_CHARACTERS * 0.75);
    assert.deepEqual(send(limit), { length: 3_072, nearlyFull: false });
    assert.deepEqual(send(limit + 1), { length: 3_080, nearlyFull: true });
    const most = countOf(MAX_METADATA_CHARACTERS);
    assert.deepEqual(send(most), { length: 4_096, nearlyFull: true });
    assert.deepEqual(send(most + 1), { length: 0, nearlyFull: true });
  });

  it('leave out what is lost and what the broker has confirmed', () => {
    const commits = new Commits(100);
    const lost = completed(0, 5);
    lost.lost = true;
    const confirmed = completed(1, 5);
    confirmed.tracker.confirm(6);
    commits.touch(lost);
    commits.touch(confirmed);
    assert.equal(commits.next(0, false, false), null);
    assert.equal(commits.inFlight, false);
    assert.equal(commits.nextAt(), null);
  });

  it('wait a second after a failure, or the interval if that is longer, and then name every partition again', () => {
    for (const [interval, wait] of [
      [100, 1_000],
      [5_000, 5_000],
    ] as const) {
      const commits = new Commits(interval);
      const owned = completed(0, 5);
      commits.touch(owned);
      commits.next(0, false, false);
      commits.failed(50, 'no', [owned, completed(1, 8)]);
      assert.equal(commits.nextAt(), 50 + wait);
      assert.deepEqual(commits.next(50 + wait, false, false), [
        { ...partition(0), offset: 6, metadata: '' },
        { ...partition(1), offset: 9, metadata: '' },
      ]);
    }
  });
});
