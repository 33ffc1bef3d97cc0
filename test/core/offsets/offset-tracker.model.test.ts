/** The tracker against books that are kept the plain way, over seeded sequences of calls. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Range } from '../../../lib/core/offsets/commit-metadata.js';
import { type Begun, OffsetTracker } from '../../../lib/core/offsets/offset-tracker.js';
import { seededRandom } from '../../support/random.js';

/** The same books kept the plain way: nothing is trimmed, and everything is looked for from the beginning. */
class PlainBooks {
  readonly #done = new Map<number, boolean>();
  #position: number | null = null;
  #confirmed: number | null = null;
  #acknowledged = 0;
  #floor: number | null = null;
  #last: number | null = null;
  #delivered = -1;
  /** Everything below it is complete, or somebody else's. */
  #passed = 0;

  restore(committed: number, completed: readonly Range[]): number[] {
    const isFresh = this.#position === null && this.#done.size === 0;
    const finishedElsewhere = this.#open.filter((offset) => offset < committed);
    for (const offset of this.#known) if (offset < committed) this.#done.set(offset, true);
    this.#passed = Math.max(this.#passed, committed);
    this.#position = Math.max(this.#position ?? committed, committed);
    this.#confirmed = committed;
    this.#acknowledged = Math.max(this.#acknowledged, committed);
    this.#floor = isFresh ? committed : Math.min(this.#floor ?? committed, committed);
    for (const [from, to] of completed) {
      for (let offset = from; offset < to; offset += 1) {
        if (offset >= this.#position && !this.#done.has(offset)) this.#done.set(offset, true);
      }
    }
    this.#advance();
    return finishedElsewhere;
  }

  begin(offset: number): Begun {
    const isFresh = this.#position === null && this.#done.size === 0;
    const floor = this.#last === null ? this.#floor : (this.#confirmed ?? this.#floor);
    const ascends = this.#last !== null && offset > this.#last;
    if (!isFresh && !ascends && floor !== null && offset < floor) return 'reset';
    this.#last = offset;
    this.#floor = Math.min(this.#floor ?? offset, offset);
    if (this.#position !== null && offset < this.#position) return 'done';
    this.#delivered = Math.max(this.#delivered, offset);
    const isDone = this.#done.get(offset);
    if (isDone === undefined) this.#done.set(offset, false);
    else this.#advance();
    return isDone === undefined ? 'new' : isDone ? 'done' : 'in-flight';
  }

  rejoined(): void {
    this.#last = null;
    this.#floor = this.#confirmed ?? this.#floor;
  }

  complete(offset: number): void {
    if (this.#done.get(offset) !== false) return;
    this.#done.set(offset, true);
    this.#advance();
  }

  confirm(offset: number): void {
    if (this.#position !== null && offset <= this.#position) {
      this.#confirmed = offset;
      this.#acknowledged = Math.max(this.#acknowledged, offset);
    }
    this.#floor = Math.min(this.#floor ?? offset, offset);
  }

  get state() {
    const open = this.#open;
    const window = this.#known.filter((offset) => offset >= this.#passed);
    return {
      position: this.#position ?? window[0] ?? null,
      isBehind: this.#position !== null && this.#position !== this.#confirmed,
      ranges: this.#ranges(window),
      span: window.filter((offset) => offset <= this.#delivered).length,
      unconfirmed: this.#known.filter((offset) => offset >= this.#acknowledged && offset < this.#passed).length,
      completedAhead: window.length - open.length,
      incomplete: open.length,
    };
  }

  get #known(): number[] {
    return [...this.#done.keys()].sort((a, b) => a - b);
  }

  get #open(): number[] {
    return this.#known.filter((offset) => this.#done.get(offset) === false);
  }

  #advance(): void {
    const window = this.#known.filter((offset) => offset >= this.#passed);
    const end = window.findIndex((offset) => this.#done.get(offset) === false || offset > this.#delivered);
    const passed = end === -1 ? window : window.slice(0, end);
    const last = passed.at(-1);
    if (last === undefined) return;
    const next = window[passed.length];
    this.#passed = last + 1;
    this.#position = next !== undefined && this.#done.get(next) === false ? next : last + 1;
  }

  #ranges(window: readonly number[]): Range[] {
    const ranges: (readonly [number, number])[] = [];
    for (const [index, offset] of window.entries()) {
      if (this.#done.get(offset) !== true) continue;
      const before = window[index - 1];
      const last = ranges.at(-1);
      const isNext = last !== undefined && before === last[1] - 1;
      if (isNext && (offset <= this.#delivered || offset === last[1])) ranges.splice(-1, 1, [last[0], offset + 1]);
      else ranges.push([offset, offset + 1]);
    }
    return ranges;
  }
}

function stateOf(tracker: OffsetTracker): PlainBooks['state'] {
  const { position, isBehind, span, unconfirmed, completedAhead, incomplete } = tracker;
  return { position, isBehind, ranges: tracker.completedRanges(), span, unconfirmed, completedAhead, incomplete };
}

describe('OffsetTracker: whatever comes', () => {
  /** Each step is one call, of both; the offsets lie around what is known, so that every kind of answer comes. */
  function play(seed: number, steps: number): Set<string> {
    const random = seededRandom(seed);
    let tracker = new OffsetTracker();
    let books = new PlainBooks();
    let next = random.below(5);
    const seen = new Set<string>();
    const around = (): number => Math.max(0, next - random.below(12));
    const following = (): number => {
      next += 1 + (random.chance(0.2) ? random.below(4) : 0);
      return next;
    };
    const calls: readonly (readonly [weight: number, call: () => void])[] = [
      [
        8,
        () => {
          const offset = random.chance(0.8) ? following() : around();
          const begun = tracker.begin(offset);
          assert.equal(begun, books.begin(offset));
          seen.add(begun);
          // What a reset makes of no use is thrown away, as the engine does.
          if (begun === 'reset') {
            tracker = new OffsetTracker();
            books = new PlainBooks();
          }
        },
      ],
      [
        8,
        () => {
          const offset = around();
          tracker.complete(offset);
          books.complete(offset);
        },
      ],
      [
        2,
        () => {
          const offset = random.chance(0.5) ? (tracker.position ?? around()) : around();
          tracker.confirm(offset);
          books.confirm(offset);
        },
      ],
      [
        1,
        () => {
          tracker.rejoined();
          books.rejoined();
        },
      ],
      [
        1,
        () => {
          const committed = random.chance(0.7) ? Math.max(tracker.position ?? 0, around()) : around();
          const from = committed + random.below(4);
          const to = from + random.below(5);
          const ranges: Range[] = random.chance(0.5)
            ? []
            : [
                [from, to],
                [to + 1 + random.below(3), to + 5],
              ];
          assert.deepEqual(tracker.restore(committed, ranges), books.restore(committed, ranges));
          next = Math.max(next, committed - 1);
          seen.add('restored');
        },
      ],
    ];
    const bag = calls.flatMap(([weight, call]) => Array.from({ length: weight }, () => call));
    for (let step = 0; step < steps; step += 1) {
      random.pick(bag)();
      assert.deepEqual(stateOf(tracker), books.state, `seed ${seed}, step ${step}`);
    }
    return seen;
  }

  it('it says what books say that are kept the plain way', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 150; seed += 1) for (const kind of play(seed, 60)) seen.add(kind);
    assert.deepEqual([...seen].sort(), ['done', 'in-flight', 'new', 'reset', 'restored']);
  });
});
