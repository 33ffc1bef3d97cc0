import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OffsetTracker } from '../../../lib/core/offsets/offset-tracker.js';
import { seededRandom } from '../../support/random.js';

function tracking(...offsets: number[]): OffsetTracker {
  const tracker = new OffsetTracker();
  for (const offset of offsets) assert.equal(tracker.begin(offset), 'new');
  return tracker;
}

function completeAll(tracker: OffsetTracker, ...offsets: number[]): OffsetTracker {
  for (const offset of offsets) tracker.complete(offset);
  return tracker;
}

/** The position, if the broker has not confirmed it yet. */
function committable(tracker: OffsetTracker): number | null {
  return tracker.isBehind ? tracker.position : null;
}

describe('OffsetTracker: the offset to commit', () => {
  const CASES: readonly (readonly [what: string, begun: number[], completed: number[], position: number | null])[] = [
    ['is none before anything is delivered', [], [], null],
    ['is none before anything is complete', [5, 6], [], null],
    ['is one past the highest when all is complete', [5, 6], [5, 6], 7],
    ['is the lowest incomplete one', [5, 6, 7], [5, 7], 6],
    ['is none while the first is incomplete', [5, 6, 7], [6, 7], null],
    ['passes everything at once when the first completes last', [5, 6, 7], [7, 6, 5], 8],
    ['crosses a gap to the next delivered offset', [5, 9], [5], 9],
    ['does not wait for offsets in a gap', [5, 9], [9, 5], 10],
    ['ignores what was never begun', [5], [4, 6], null],
    ['ignores a second completion', [5, 6], [5, 5], 6],
    ['begins anywhere', [1_000_000], [1_000_000], 1_000_001],
  ];
  for (const [what, begun, completed, position] of CASES) {
    it(what, () => assert.equal(committable(completeAll(tracking(...begun), ...completed)), position));
  }

  it('is none again once the broker has confirmed it', () => {
    const tracker = completeAll(tracking(5, 6), 5);
    tracker.confirm(6);
    assert.equal(committable(tracker), null);
    tracker.complete(6);
    assert.equal(committable(tracker), 7);
  });

  it('is what an unknown commit cannot change: the acknowledgement of one that this tracker never made', () => {
    const tracker = completeAll(tracking(5, 6, 7), 5);
    tracker.confirm(50);
    assert.equal(committable(tracker), 6);
  });
});

describe('OffsetTracker: deliveries', () => {
  it('are recognised while they are in flight, done, or passed', () => {
    const tracker = completeAll(tracking(5, 6, 7, 8), 5, 7);
    assert.deepEqual(
      [5, 6, 7, 8].map((offset) => tracker.begin(offset)),
      ['done', 'in-flight', 'done', 'in-flight'],
    );
  });

  it('are recognised when everything was completed', () => {
    const tracker = completeAll(tracking(5, 6), 5, 6);
    assert.equal(tracker.begin(6), 'done');
    assert.equal(tracker.begin(7), 'new');
  });

  it('from the confirmed commit on are normal after a join, and behind it a reset', () => {
    const tracker = completeAll(tracking(5, 6, 7), 5);
    tracker.confirm(6);
    tracker.rejoined();
    assert.equal(tracker.begin(6), 'in-flight');
    tracker.rejoined();
    assert.equal(tracker.begin(5), 'reset');
  });

  it('behind the first one of all are a reset even before there was a commit', () => {
    const tracker = tracking(5, 6);
    tracker.rejoined();
    assert.equal(tracker.begin(4), 'reset');
  });

  it('behind a commit that is confirmed while they ascend are not a reset', () => {
    const tracker = completeAll(tracking(5, 6, 7, 8), 5, 6, 7);
    tracker.rejoined();
    assert.equal(tracker.begin(5), 'done');
    tracker.confirm(8);
    assert.equal(tracker.begin(6), 'done');
    assert.equal(tracker.begin(5), 'reset');
  });

  it('from a commit of an earlier ownership on are normal, wherever that has moved the group', () => {
    const ahead = tracking(5);
    ahead.confirm(50);
    assert.equal(ahead.begin(6), 'new');
    ahead.rejoined();
    assert.equal(ahead.begin(50), 'new');
    const behind = tracking(5);
    behind.confirm(3);
    behind.rejoined();
    assert.notEqual(behind.begin(3), 'reset');
  });

  it('behind what was committed when a partition came are a reset, whatever was acknowledged before', () => {
    const tracker = new OffsetTracker();
    tracker.confirm(50);
    tracker.restore(60, []);
    assert.equal(tracker.begin(55), 'reset');
    assert.equal(tracker.begin(60), 'new');
  });

  it('are never a reset for a tracker that knows nothing', () => {
    const tracker = new OffsetTracker();
    tracker.confirm(50);
    tracker.rejoined();
    assert.equal(tracker.begin(3), 'new');
  });
});

describe('OffsetTracker: counts', () => {
  it('tell the span, what is incomplete in it, and what is complete ahead', () => {
    const { span, incomplete, completedAhead } = completeAll(tracking(5, 6, 9, 10), 5, 9);
    assert.deepEqual({ span, incomplete, completedAhead }, { span: 3, incomplete: 2, completedAhead: 1 });
  });

  it('are the same as a simple bookkeeping keeps, in a random order of a hundred thousand offsets', () => {
    const random = seededRandom(42);
    const tracker = new OffsetTracker();
    const open = new Set<number>();
    let next = 0;
    for (let step = 0; step < 100_000; step += 1) {
      if (random.chance(0.5)) {
        next += 1 + (random.chance(0.1) ? random.below(10) : 0);
        tracker.begin(next);
        open.add(next);
      } else if (open.size > 0) {
        // Mostly the oldest ones: the window moves on.
        const [oldest] = open;
        const done = random.chance(0.9) ? (oldest as number) : random.pick([...open].slice(0, 50));
        tracker.complete(done);
        open.delete(done);
      }
      assert.equal(tracker.incomplete, open.size);
    }
    const [lowest] = open;
    assert.equal(committable(tracker), lowest ?? next + 1);
  });
});

describe('OffsetTracker: a window that moves on', () => {
  it('is the same over more offsets than are kept', () => {
    const tracker = new OffsetTracker();
    const stateOf = () => {
      const { position, span, unconfirmed, completedAhead, incomplete } = tracker;
      return { position, ranges: tracker.completedRanges(), span, unconfirmed, completedAhead, incomplete };
    };
    for (let offset = 0; offset < 10_000; offset += 1) {
      assert.equal(tracker.begin(offset), 'new');
      tracker.complete(offset - 10);
      if (offset % 100 !== 99) continue;
      tracker.complete(offset);
      tracker.confirm(offset - 10);
      const counts = { span: 10, unconfirmed: 1, completedAhead: 1, incomplete: 9 };
      assert.deepEqual(stateOf(), { position: offset - 9, ranges: [[offset, offset + 1]], ...counts });
    }
    for (let offset = 9_990; offset < 10_000; offset += 1) tracker.complete(offset);
    tracker.confirm(10_000);
    const counts = { span: 0, unconfirmed: 0, completedAhead: 0, incomplete: 0 };
    assert.deepEqual(stateOf(), { position: 10_000, ranges: [], ...counts });
    assert.equal(tracker.begin(10_000), 'new');
  });
});

describe('OffsetTracker: a former life', () => {
  it('is taken over: what it completed ahead is known, what lies between is still to be done', () => {
    const tracker = new OffsetTracker();
    assert.deepEqual(tracker.restore(10, [[12, 14]]), []);
    assert.equal(tracker.position, 10);
    assert.deepEqual(
      [10, 11, 12, 13, 14].map((offset) => tracker.begin(offset)),
      ['new', 'new', 'done', 'done', 'new'],
    );
    completeAll(tracker, 10, 11);
    assert.equal(committable(tracker), 14);
  });

  it('never lets the position pass what was not delivered yet', () => {
    const tracker = new OffsetTracker();
    tracker.restore(10, [[12, 14]]);
    tracker.begin(10);
    tracker.complete(10);
    assert.equal(tracker.position, 11, 'the offset 11 is still to come');
    assert.deepEqual(tracker.completedRanges(), [[12, 14]]);
  });

  it('of another member passes what we had open, and nothing beyond it', () => {
    const tracker = completeAll(tracking(5, 6, 7, 8), 6);
    tracker.rejoined();
    assert.deepEqual(tracker.restore(8, []), [5, 7]);
    assert.equal(tracker.incomplete, 1);
    assert.equal(tracker.begin(8), 'in-flight');
  });

  it('tells its own ranges, across gaps of the numbering', () => {
    const tracker = completeAll(tracking(5, 6, 9, 10, 12), 6, 9, 12);
    assert.deepEqual(tracker.completedRanges(), [
      [6, 10],
      [12, 13],
    ]);
  });
});

describe('OffsetTracker: the time of the lowest incomplete record', () => {
  it('goes on with what is complete, whatever the order', () => {
    const tracker = new OffsetTracker();
    for (const offset of [5, 6, 9]) tracker.begin(offset, offset * 100);
    const oldest = [tracker.oldestAt];
    for (const offset of [6, 5, 9]) oldest.push(completeAll(tracker, offset).oldestAt);
    assert.deepEqual(oldest, [500, 500, 900, null]);
  });

  it('is none for a record without one, and stays with its record when the window is trimmed', () => {
    const tracker = new OffsetTracker();
    for (let offset = 0; offset <= 10_000; offset += 1) tracker.begin(offset, offset === 10_000 ? -1 : offset);
    for (let offset = 0; offset < 9_000; offset += 1) tracker.complete(offset);
    tracker.confirm(9_000);
    assert.equal(tracker.oldestAt, 9_000);
    for (let offset = 9_000; offset < 10_000; offset += 1) tracker.complete(offset);
    assert.equal(tracker.oldestAt, null);
    assert.equal(tracker.incomplete, 1);
  });

  it('passes what a previous run has completed', () => {
    const tracker = new OffsetTracker();
    tracker.restore(5, [[6, 8]]);
    for (const offset of [5, 6, 7, 8]) tracker.begin(offset, offset);
    assert.equal(tracker.oldestAt, 5);
    assert.equal(completeAll(tracker, 5).oldestAt, 8);
  });
});
