import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firstOf, LaneFifo, LaneOrder, TURNS_IN_A_ROW } from '../../../../lib/core/rules/turns/lanes.js';
import { type FairnessRules, Scheduler } from '../../../../lib/core/rules/turns/scheduler.js';
import { LANES, type Lane } from '../../../../lib/types.js';
import { type Random, seededRandom } from '../../../support/random.js';

interface Item {
  readonly tenant: string | null;
  readonly lane: Lane;
  readonly bytes: number;
  readonly name: string;
  behind: Item | null;
}

const RULES: FairnessRules = { weights: new Map(), maxRunning: Number.POSITIVE_INFINITY, share: 5 };
const LETTERS: Readonly<Record<string, Lane>> = { l: 'live', n: 'normal', b: 'backfill' };

/** `la1` is a live job of tenant a. */
function item(name: string): Item {
  return { name, lane: LETTERS[name[0] as string] as Lane, tenant: name[1] as string, bytes: 10, behind: null };
}

function scheduled(names: string, rules: Partial<FairnessRules> = {}): Scheduler<Item> {
  const scheduler = new Scheduler<Item>({ ...RULES, ...rules });
  for (const name of names.split(' ')) scheduler.push(item(name));
  return scheduler;
}

function flood(scheduler: Scheduler<Item>, kind: string, jobs: number): void {
  for (let n = 0; n < jobs; n += 1) scheduler.push(item(`${kind}${n}`));
}

/** Takes so many, each of which ends at once. */
function take(scheduler: Scheduler<Item>, jobs: number): string[] {
  return Array.from({ length: jobs }, () => {
    const next = scheduler.next(0) as Item;
    scheduler.done(next);
    return next.name;
  });
}

/** Which lanes have the turns, as the first letters of their names; `waiting` says in which lanes something waits. */
function turns(waiting: string, times: number): string {
  const order = new LaneOrder();
  const heads = LANES.map((lane) => ({ first: waiting.includes(lane[0] as string) ? lane : null }));
  return Array.from({ length: times }, () => LANES[order.next(heads) ?? -1]?.[0] ?? '-').join('');
}

describe('LaneOrder', () => {
  const CASES: readonly (readonly [waiting: string, turns: string])[] = [
    ['', '----'],
    ['l', 'llllllllllllllll'],
    ['b', 'bbbbbbbbbbbbbbbb'],
    ['lb', 'lllllllblllllllb'],
    ['ln', 'lllllllnlllllllnl'],
    ['nb', 'nnnnnnnbnnnnnnnb'],
    // Of the turns that are not for the live ones, again one of eight is for the backfill.
    ['lnb', `${'llllllln'.repeat(7)}lllllllblllllllnlllllll`],
  ];
  for (const [waiting, expected] of CASES) {
    it(`where ${waiting || 'nothing'} waits gives ${expected}`, () => {
      assert.equal(turns(waiting, expected.length), expected);
    });
  }

  it('counts anew when a lane was empty: a file that comes alone is overtaken by none', () => {
    const order = new LaneOrder();
    const both = LANES.map((first) => ({ first }));
    const backfill = LANES.map((lane) => ({ first: lane === 'backfill' ? lane : null }));
    for (let n = 0; n < TURNS_IN_A_ROW; n += 1) assert.equal(order.next(both), 0);
    assert.equal(order.next(backfill), 2);
    assert.equal(order.next(both), 0);
  });
});

describe('what waits beside the turns', () => {
  it('is taken by lanes, and within one as it came', () => {
    const fifo = new LaneFifo<Item>();
    for (const name of 'ba1 na1 la1 bb1 nb1 la2'.split(' ')) fifo.push(item(name));
    assert.equal(fifo.length, 6);
    assert.deepEqual(
      fifo.keep(({ tenant }) => tenant !== 'b').map(({ name }) => name),
      ['nb1', 'bb1'],
    );
    assert.deepEqual(
      [...fifo].map(({ name }) => name),
      ['la1', 'la2', 'na1', 'ba1'],
    );
    assert.deepEqual(
      Array.from({ length: 5 }, () => fifo.shift()?.name),
      ['la1', 'la2', 'na1', 'ba1', undefined],
    );
  });

  it('has the first of the highest lane go first', () => {
    assert.equal(firstOf('ba1 na1 nb1 bb2'.split(' ').map(item))?.name, 'na1');
    assert.equal(firstOf([]), null);
  });
});

describe('Scheduler: lanes', () => {
  it('starts a live file next, whosever it is, behind a backfill of 10,000', () => {
    for (const live of ['la1', 'lb1']) {
      const scheduler = scheduled('ba0');
      flood(scheduler, 'ba', 10_000);
      take(scheduler, 20);
      scheduler.push(item(live));
      assert.equal(take(scheduler, 1)[0], live);
    }
  });

  it('starts a live file of a tenant that has its fill of slots when the first of them is free', () => {
    const scheduler = scheduled('ba1 ba2 ba3 ba4', { maxRunning: 2 });
    const running = [scheduler.next(0), scheduler.next(0)];
    scheduler.push(item('la1'));
    assert.equal(scheduler.next(0), null);
    scheduler.done(running[0] as Item);
    assert.equal(scheduler.next(0)?.name, 'la1');
  });

  it('gives one turn of eight to what waits in a lower lane', () => {
    const scheduler = scheduled('ba0');
    for (const kind of ['la', 'lb', 'nc', 'bd']) flood(scheduler, kind, 800);
    const taken = take(scheduler, 640);
    const count = (kind: string) => taken.filter((name) => name.startsWith(kind)).length;
    assert.deepEqual(['la', 'lb', 'nc', 'b'].map(count), [280, 280, 70, 10]);
  });

  it('shares each lane among its tenants alone', () => {
    const scheduler = scheduled('ba0');
    flood(scheduler, 'ba', 100);
    take(scheduler, 100);
    flood(scheduler, 'la', 100);
    flood(scheduler, 'lb', 100);
    const taken = take(scheduler, 20);
    assert.equal(
      taken.filter((name) => name.startsWith('la')).length,
      10,
      'nothing of the backfill is held against it',
    );
  });

  it('puts an attempt that is repeated back into its lane', () => {
    const scheduler = scheduled('na1 na2');
    scheduler.delay(item('la1'), 5);
    assert.equal(scheduler.next(4)?.name, 'na1');
    assert.equal(scheduler.next(5)?.name, 'la1');
  });

  it('counts the backfill of all tenants together as one share of what is ready', () => {
    const scheduler = scheduled('nz1');
    for (const tenant of 'abcdefgh') flood(scheduler, `b${tenant}`, 10);
    assert.deepEqual([scheduler.ready, scheduler.jobs], [1 + RULES.share, 81]);
    scheduler.pause(new Set([...'abcdefg']));
    assert.equal(scheduler.ready, 1 + RULES.share);
    scheduler.drop(({ tenant, name }) => tenant === 'h' && name !== 'bh0');
    assert.equal(scheduler.ready, 2);
    scheduler.pause(new Set());
    assert.equal(scheduler.ready, 1 + RULES.share);
  });

  it('tells what each lane has', () => {
    const scheduler = scheduled('la1 la2 nb1 bb1', { maxRunning: 1 });
    scheduler.next(0);
    scheduler.delay(item('nc1'), 9);
    const loads = [
      { lane: 'live', waiting: 1, due: 0 },
      { lane: 'normal', waiting: 2, due: 1 },
      { lane: 'backfill', waiting: 1, due: 1 },
    ];
    assert.deepEqual(scheduler.lanes(), loads);
  });
});

/** What has been taken in a row from each lane while a lower one was due; the rule, written down a second time. */
class Rule {
  readonly #inRow = new Map<Lane, number>();

  check(due: ReadonlyMap<Lane, number>, taken: Lane): void {
    for (const [rank, lane] of LANES.entries()) {
      const isDue = (due.get(lane) ?? 0) > 0;
      const isLowerDue = LANES.slice(rank + 1).some((lower) => (due.get(lower) ?? 0) > 0);
      const inRow = this.#inRow.get(lane) ?? 0;
      if (taken === lane) {
        assert.ok(!isLowerDue || inRow < TURNS_IN_A_ROW, `${lane} has had ${inRow} turns in a row`);
        this.#inRow.set(lane, isLowerDue ? inRow + 1 : 0);
        return;
      }
      assert.ok(!isDue || inRow === TURNS_IN_A_ROW, `${taken} goes before ${lane}, which has had ${inRow} turns`);
      this.#inRow.set(lane, 0);
    }
  }
}

function randomItem(random: Random, n: number): Item {
  return {
    name: `${n}`,
    tenant: random.pick([...'abc', null]),
    lane: random.pick(LANES),
    bytes: random.below(100),
    behind: null,
  };
}

describe('Scheduler: lanes, whatever happens', () => {
  it('takes by the rule, loses nothing, counts right, and keeps the order of one tenant in one lane', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const random = seededRandom(seed);
      const scheduler = new Scheduler<Item>({ ...RULES, maxRunning: 1 + random.below(3) });
      const rule = new Rule();
      let waiting: Item[] = [];
      let running: Item[] = [];
      for (let n = 0; n < 400; n += 1) {
        const dice = random.below(20);
        if (dice < 8) {
          const pushed = randomItem(random, n);
          scheduler.push(pushed);
          waiting.push(pushed);
        } else if (dice < 14) {
          const due = new Map(scheduler.lanes().map((load) => [load.lane, load.due]));
          const taken = scheduler.next(n);
          assert.equal(
            taken === null,
            [...due.values()].every((jobs) => jobs === 0),
          );
          if (taken === null) continue;
          rule.check(due, taken.lane);
          const isAlike = ({ tenant, lane }: Item) => tenant === taken.tenant && lane === taken.lane;
          assert.equal(waiting.find(isAlike), taken, 'first in, first out');
          waiting = waiting.filter((other) => other !== taken);
          running.push(taken);
        } else if (dice < 18 && running.length > 0) {
          const ended = random.pick(running);
          running = running.filter((other) => other !== ended);
          scheduler.done(ended);
        } else if (dice === 18) scheduler.pause(new Set([...'abc', null].filter(() => random.chance(0.3))));
        else if (random.chance(0.1)) {
          const unwanted = random.pick([...'abc']);
          const dropped = scheduler.drop(({ tenant }) => tenant === unwanted);
          assert.deepEqual(new Set(dropped), new Set(waiting.filter(({ tenant }) => tenant === unwanted)));
          waiting = waiting.filter(({ tenant }) => tenant !== unwanted);
        }
        assert.deepEqual(new Set(scheduler.items()), new Set(waiting));
        for (const { lane, waiting: count } of scheduler.lanes()) {
          assert.equal(count, waiting.filter((other) => other.lane === lane).length);
        }
        const counted = (isMeant: (other: Item) => boolean) =>
          waiting.filter((other) => !scheduler.isPaused(other.tenant) && isMeant(other)).length;
        let ready = Math.min(
          RULES.share,
          counted(({ lane }) => lane === 'backfill'),
        );
        for (const tenant of [...'abc', null]) {
          ready += Math.min(
            RULES.share,
            counted((other) => other.tenant === tenant && other.lane !== 'backfill'),
          );
        }
        assert.equal(scheduler.ready, ready);
      }
    }
  });
});
