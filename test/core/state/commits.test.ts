import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMetadata, EMPTY_METADATA, MAX_METADATA_CHARACTERS } from '../../../lib/core/offsets/commit-metadata.js';
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

  it('have everything that was to be in them when they are acknowledged, and before nothing of it', () => {
    const commits = new Commits(0);
    const owned = completed(0, 5);
    const first = commits.nextNumber;
    const known: boolean[][] = [];
    const note = () => known.push([commits.isAcknowledged(first), commits.isAcknowledged(first + 1)]);
    note();
    commits.touch(owned);
    note();
    commits.next(0, false, false);
    assert.equal(commits.nextNumber, first + 1);
    note();
    owned.tracker.confirm(6);
    commits.touch(owned);
    commits.succeeded();
    note();
    owned.tracker.begin(6);
    owned.tracker.complete(6);
    commits.next(0, false, false);
    note();
    commits.succeeded();
    note();
    const [nothing, touched, sent, more] = [
      [true, true],
      [false, false],
      [false, false],
      [true, false],
    ];
    assert.deepEqual(known, [nothing, touched, sent, more, more, [true, true]]);
  });

  it('tell since when none is acknowledged, and why, until one is or nothing of it is left', () => {
    const commits = new Commits(100);
    const owned = completed(0, 5);
    const told = () => [commits.unacknowledgedSince, commits.lastError, commits.isFailing];
    commits.touch(owned);
    assert.deepEqual(told(), [null, null, false]);
    const refuse = (at: number, reason: string) => {
      commits.next(at, true, false);
      commits.failed(at + 1, reason, [owned]);
    };
    refuse(10, 'one');
    refuse(2_000, 'other');
    assert.deepEqual(told(), [10, 'other', true]);
    commits.next(4_000, false, false);
    commits.succeeded();
    assert.deepEqual(told(), [null, null, false]);
    for (const end of ['lost before the next one', 'lost before the answer']) {
      const another = completed(1, 5);
      commits.touch(another);
      commits.next(5_000, true, false);
      another.lost = end === 'lost before the next one';
      commits.failed(5_001, 'no', another.lost ? [another] : []);
      if (another.lost) assert.deepEqual(told(), [5_000, 'no', true]);
      if (another.lost) assert.equal(commits.next(7_000, false, false), null);
      assert.deepEqual(told(), [null, null, false], end);
      assert.equal(commits.nextAt(), null);
    }
  });

  it('name a partition whose position or metadata the broker does not have, once', () => {
    const CASES: readonly (readonly [isBehind: boolean, isKnown: boolean, isNamed: boolean])[] = [
      [true, true, true],
      [false, false, true],
      [true, false, true],
      [false, true, false],
    ];
    for (const [isBehind, isKnown, isNamed] of CASES) {
      const commits = new Commits(0);
      const owned = completed(0, 5);
      if (!isBehind) owned.tracker.confirm(6);
      owned.committedMetadata = isKnown ? '' : 'another';
      commits.touch(owned);
      assert.equal(commits.next(0, false, false) !== null, isNamed, `${isBehind} ${isKnown}`);
      if (isNamed) commits.succeeded();
      assert.equal(commits.next(0, true, false), null);
    }
  });

  it('count what completed of their partitions since the one before', () => {
    const commits = new Commits(0);
    const owned = completed(0, 5);
    const counts: number[][] = [];
    for (const count of [3, 2]) {
      owned.completedUnsent = count;
      commits.touch(owned);
      commits.next(0, true, false);
      commits.succeeded();
      counts.push([owned.completedUnacknowledged, owned.completedUnsent]);
    }
    assert.deepEqual(counts, [
      [3, 0],
      [5, 0],
    ]);
  });

  const named = (...lengths: readonly number[]) =>
    lengths.map((length, number) => ({ ...partition(number), offset: 6, metadata: 'x'.repeat(length) }));

  it('that are refused for their length name the longest, if there is any, and may be sent at once', () => {
    const CASES: readonly (readonly [lengths: readonly number[], longest: number | null])[] = [
      [[], null],
      [[0, 0], null],
      [[0, 1], 1],
      [[8, 40, 20], 1],
      [[40, 40, 8], 0],
      [[8, 20, 40], 2],
    ];
    for (const [lengths, longest] of CASES) {
      const commits = new Commits(100);
      commits.touch(completed(0, 5));
      commits.next(0, false, false);
      commits.failed(50, 'too long', [completed(0, 5)]);
      assert.equal(commits.metadataRefused(60, named(...lengths))?.partition ?? null, longest);
      assert.equal(commits.nextAt(), longest === null ? 1_050 : 60);
    }
  });

  it('have at most half of the shortest metadata that was refused, and none below eight characters', () => {
    /** Of a clean end alone it has four characters, with so many attempts as these some more. */
    const sent = (attempts: number, refused: readonly number[]) => {
      const commits = new Commits(0);
      for (const length of refused) commits.metadataRefused(0, named(length));
      const owned = completed(0, 5);
      for (let offset = 6; offset < 6 + attempts; offset += 1) owned.attempts.started(offset);
      commits.touch(owned);
      return commits.next(0, true, true)?.[0]?.metadata.length;
    };
    assert.deepEqual([sent(0, []), sent(1, []), sent(2, [])], [4, 12, 16]);
    assert.deepEqual([sent(0, [16]), sent(0, [12])], [4, 0]);
    assert.deepEqual([sent(1, [24]), sent(1, [20]), sent(2, [32]), sent(2, [28])], [12, 0, 16, 0]);
    assert.deepEqual([sent(2, [32, 64]), sent(2, [64, 24])], [16, 0]);
  });

  it('to a broker that takes less have the attempts alone where these fit, and never stop the reading', () => {
    const send = (limit: number) => {
      const commits = new Commits(0);
      commits.metadataRefused(0, named(2 * limit));
      const owned = riddled(20);
      owned.committedMetadata = 'another';
      owned.attempts.started(0);
      commits.touch(owned);
      const { metadata = null } = commits.next(0, true, false)?.[0] ?? {};
      assert.equal(owned.metadataNearlyFull, false);
      return metadata === null ? null : decodeMetadata(0, metadata);
    };
    const attempts = new Map([[0, { failed: 0, timedOut: 0, interrupted: 1 }]]);
    assert.equal(send(1_000)?.completed.length, 20);
    assert.equal(send(116)?.completed.length, 20);
    assert.deepEqual(send(115), { completed: [], attempts, clean: false });
    assert.deepEqual(send(12), { completed: [], attempts, clean: false });
    assert.deepEqual(send(8), EMPTY_METADATA);
  });

  it('beyond what brokers take by default have neither', () => {
    const commits = new Commits(0);
    const owned = riddled(1_000);
    owned.committedMetadata = 'another';
    owned.attempts.started(0);
    commits.touch(owned);
    assert.equal(commits.next(0, true, false)?.[0]?.metadata, '');
  });
});
