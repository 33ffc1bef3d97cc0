import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMetadata, MAX_METADATA_CHARACTERS } from '../../../lib/core/offsets/commit-metadata.js';
import { Commits } from '../../../lib/core/state/commits.js';
import { newPartitionState, type PartitionState } from '../../../lib/core/state/partition-state.js';
import { partition } from '../../support/engine.js';

/** A partition of which everything up to `offset` is complete. */
function completed(number: number, offset: number): PartitionState {
  const owned = newPartitionState(partition(number));
  owned.tracker.begin(offset);
  owned.tracker.complete(offset);
  return owned;
}

/**
 * A partition whose first offset is incomplete and of those after it every second of `count`. So close together they are
 * kept as bits, eight to the byte.
 */
function riddled(count: number): PartitionState {
  const owned = newPartitionState(partition(0));
  for (let offset = 0; offset <= 2 * count; offset += 1) owned.tracker.begin(offset);
  for (let offset = 2; offset <= 2 * count; offset += 2) owned.tracker.complete(offset);
  return owned;
}

/** So many completed offsets that their metadata has exactly `length` characters. */
function countFor(length: number): number {
  // A character has six bits, and each of the completed offsets takes two.
  for (let count = 3 * length - 60; ; count += 1) {
    const map = { completed: riddled(count).tracker.completedRanges(), attempts: new Map(), clean: false };
    const is = encodeMetadata(0, map).length;
    if (is === length) return count;
    assert.ok(is < length, `no metadata has ${length} characters`);
  }
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
      if (answer === 'failed') commits.failed(0, [owned]);
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
    const limit = MAX_METADATA_CHARACTERS * 0.75;
    assert.deepEqual(send(countFor(limit)), { length: limit, nearlyFull: false });
    assert.deepEqual(send(countFor(limit + 4)), { length: limit + 4, nearlyFull: true });
    const most = countFor(MAX_METADATA_CHARACTERS);
    assert.deepEqual(send(most), { length: MAX_METADATA_CHARACTERS, nearlyFull: true });
    assert.equal(send(most + 20).length, 0);
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
      commits.failed(50, [owned, completed(1, 8)]);
      assert.equal(commits.nextAt(), 50 + wait);
      assert.deepEqual(commits.next(50 + wait, false, false), [
        { ...partition(0), offset: 6, metadata: '' },
        { ...partition(1), offset: 9, metadata: '' },
      ]);
    }
  });
});
