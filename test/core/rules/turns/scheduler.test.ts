import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FairnessRules, Scheduler } from '../../../../lib/core/rules/turns/scheduler.js';
import type { Lane } from '../../../../lib/types.js';
import { seededRandom } from '../../../support/random.js';

interface Item {
  readonly tenant: string | null;
  readonly lane: Lane;
  readonly bytes: number;
  readonly name: string;
  behind: Item | null;
}

/** `a1` is work of tenant a; `-1` of none. */
function item(name: string): Item {
  return { name, tenant: name[0] === '-' ? null : (name[0] as string), lane: 'normal', bytes: 10, behind: null };
}

const RULES: FairnessRules = { weights: new Map(), maxRunning: Number.POSITIVE_INFINITY, share: 1_000 };

function scheduled(...names: string[]): Scheduler<Item> {
  const scheduler = new Scheduler<Item>(RULES);
  for (const name of names) scheduler.push(item(name));
  return scheduler;
}

function takeAll(scheduler: Scheduler<Item>, now = 0): string {
  const taken: string[] = [];
  for (let next = scheduler.next(now); next !== null; next = scheduler.next(now)) taken.push(next.name);
  return taken.join(' ');
}

describe('Scheduler', () => {
  const TURNS: readonly (readonly [what: string, pushed: string, taken: string])[] = [
    ['keeps the order of one tenant', 'a1 a2 a3', 'a1 a2 a3'],
    ['takes tenants in turn', 'a1 a2 a3 b1 b2 c1', 'a1 b1 c1 a2 b2 a3'],
    ['counts records without a tenant as one more', 'a1 a2 -1 -2', 'a1 -1 a2 -2'],
    ['has nothing to give when nothing was pushed', '', ''],
  ];
  for (const [what, pushed, taken] of TURNS) {
    it(what, () => assert.equal(takeAll(scheduled(...pushed.split(' ').filter(Boolean))), taken));
  }

  it('lets a newcomer come where the others are, however many jobs these have', () => {
    const scheduler = scheduled(...Array.from({ length: 100 }, (_, i) => `a${i}`), 'b1');
    scheduler.next(0);
    scheduler.push(item('c1'));
    assert.deepEqual(
      [1, 2, 3].map(() => scheduler.next(0)?.name),
      ['b1', 'c1', 'a1'],
    );
  });

  it('keeps delayed work back until it is due, and takes the earliest first', () => {
    const scheduler = scheduled('a1');
    scheduler.delay(item('a3'), 300);
    scheduler.delay(item('a2'), 200);
    scheduler.delay(item('a4'), 300);
    assert.equal(scheduler.nextDueAt(), 200);
    assert.equal(takeAll(scheduler, 199), 'a1');
    assert.equal(takeAll(scheduler, 200), 'a2');
    assert.equal(scheduler.nextDueAt(), 300);
    assert.equal(takeAll(scheduler, 1_000), 'a3 a4');
    assert.equal(scheduler.nextDueAt(), null);
  });

  it('takes any number of delayed jobs in the order in which they are due', () => {
    const random = seededRandom(1);
    for (let round = 0; round < 20; round += 1) {
      const scheduler = new Scheduler<Item>(RULES);
      const dues = Array.from({ length: 30 }, () => random.below(20));
      for (const [index, due] of dues.entries()) scheduler.delay(item(`a${index}`), due);
      const inOrder = [...dues.keys()].sort((a, b) => (dues[a] as number) - (dues[b] as number) || a - b);
      assert.equal(takeAll(scheduler, 20), inOrder.map((index) => `a${index}`).join(' '));
    }
  });

  it('counts what waits, delayed or not, in jobs and bytes', () => {
    const scheduler = scheduled('a1', 'b1');
    scheduler.delay(item('a2'), 100);
    const counts = () => [scheduler.jobs, scheduler.delayed, scheduler.bytes];
    assert.deepEqual(counts(), [3, 1, 30]);
    scheduler.next(0);
    assert.deepEqual(counts(), [2, 1, 20]);
    takeAll(scheduler, 100);
    assert.deepEqual(counts(), [0, 0, 0]);
  });

  it('drops what is unwanted, delayed or not, and keeps the rest in order', () => {
    const scheduler = scheduled('a1', 'b1', 'a2', 'c1');
    scheduler.delay(item('b2'), 100);
    scheduler.delay(item('a3'), 100);
    const dropped = scheduler.drop(({ tenant }) => tenant !== 'a');
    assert.deepEqual(dropped.map(({ name }) => name).sort(), ['b1', 'b2', 'c1']);
    assert.deepEqual([scheduler.jobs, scheduler.delayed, scheduler.bytes], [3, 1, 30]);
    assert.equal(takeAll(scheduler, 100), 'a1 a2 a3');
  });

  it('loses nothing over many pushes and takes', () => {
    const scheduler = new Scheduler<Item>(RULES);
    let taken = 0;
    for (let n = 0; n < 10_000; n += 1) {
      scheduler.push(item(`a${n}`));
      if (n % 3 > 0 && scheduler.next(0)?.name === `a${taken}`) taken += 1;
    }
    assert.equal(scheduler.jobs, 10_000 - taken);
    assert.equal(takeAll(scheduler).split(' ').at(-1), 'a9999');
  });
});

describe('Scheduler: shares', () => {
  const MIB = 1024 * 1024;
  interface Given {
    readonly weights?: Readonly<Record<string, number>>;
    readonly maxRunning?: number;
    readonly share?: number;
  }

  function fair({ weights = {}, maxRunning = 1_000, share = 1_000 }: Given): Scheduler<Item> {
    return new Scheduler<Item>({ weights: new Map(Object.entries(weights)), maxRunning, share });
  }

  function flood(scheduler: Scheduler<Item>, tenant: string, jobs: number, bytes = MIB): void {
    for (let n = 0; n < jobs; n += 1)
      scheduler.push({ tenant, lane: 'normal', bytes, name: `${tenant}${n}`, behind: null });
  }

  /** Takes so many, each of which ends at once; how many each tenant had. */
  function take(scheduler: Scheduler<Item>, jobs: number): Record<string, number> {
    const taken: Record<string, number> = {};
    for (let n = 0; n < jobs; n += 1) {
      const next = scheduler.next(0);
      if (next === null) break;
      taken[String(next.tenant)] = (taken[String(next.tenant)] ?? 0) + 1;
      scheduler.done(next);
    }
    return taken;
  }

  it('gives ten tenants under an equal flood the same, within a job', () => {
    const scheduler = fair({});
    const tenants = [...'abcdefghij'];
    for (const tenant of tenants) flood(scheduler, tenant, 500);
    for (const count of Object.values(take(scheduler, 1_000))) assert.equal(count, 100);
  });

  it('gives a tenant of weight 3 three times as much', () => {
    const scheduler = fair({ weights: { a: 3 } });
    for (const tenant of ['a', 'b', 'c']) flood(scheduler, tenant, 1_000);
    const { a = 0, b = 0, c = 0 } = take(scheduler, 1_000);
    assert.ok(Math.abs(a / b - 3) < 0.1 && Math.abs(a / c - 3) < 0.1, `${a} ${b} ${c}`);
  });

  it('counts bytes, and the start of each file', () => {
    const scheduler = fair({});
    flood(scheduler, 'a', 1_000, 9 * MIB);
    flood(scheduler, 'b', 1_000, 0);
    const { a = 0, b = 0 } = take(scheduler, 440);
    assert.ok(Math.abs(b / a - 10) < 0.5, `${a} ${b}`);
  });

  it('gives one that is alone everything, and no claim to what it did not use', () => {
    const scheduler = fair({});
    flood(scheduler, 'a', 500);
    assert.deepEqual(take(scheduler, 200), { a: 200 });
    flood(scheduler, 'b', 500);
    assert.deepEqual(take(scheduler, 100), { a: 50, b: 50 });
  });

  it('knows what one was given that comes and goes', () => {
    const scheduler = fair({});
    flood(scheduler, 'a', 500);
    let given = 0;
    for (let round = 0; round < 100; round += 1) {
      flood(scheduler, 'b', 1, 9 * MIB);
      given += take(scheduler, 1)['b'] ?? 0;
    }
    assert.ok(given <= 18, `${given} of 100 turns for ten times the bytes`);
  });

  it('runs no more of a tenant than it may have at a time, and gives the slots to others', () => {
    const scheduler = fair({ maxRunning: 2 });
    flood(scheduler, 'a', 10);
    flood(scheduler, 'b', 1);
    const running = [1, 2, 3, 4].map(() => scheduler.next(0));
    assert.deepEqual(
      running.map((one) => one?.tenant ?? null),
      ['a', 'b', 'a', null],
    );
    scheduler.done(running[0] as Item);
    assert.equal(scheduler.next(0)?.tenant, 'a');
  });

  it('counts as ready only a share of what one tenant has', () => {
    const scheduler = fair({ share: 5 });
    flood(scheduler, 'a', 100);
    flood(scheduler, 'b', 3);
    scheduler.delay({ tenant: 'a', lane: 'normal', bytes: 1, name: 'a', behind: null }, 10);
    assert.deepEqual([scheduler.ready, scheduler.jobs], [8, 104]);
    take(scheduler, 103);
    assert.deepEqual([scheduler.ready, scheduler.jobs], [1, 1]);
    scheduler.drop(() => true);
    assert.equal(scheduler.ready, 0);
  });

  it('tells what each tenant has', () => {
    const scheduler = fair({ weights: { a: 2 } });
    flood(scheduler, 'a', 3);
    flood(scheduler, 'b', 1);
    scheduler.done(scheduler.next(0) as Item);
    scheduler.next(0);
    assert.deepEqual(scheduler.tenants(), [
      { tenant: 'a', weight: 2, waiting: 2, due: 2, running: 0, isPaused: false },
      { tenant: 'b', weight: 1, waiting: 0, due: 0, running: 1, isPaused: false },
    ]);
    assert.deepEqual(
      [...scheduler.items()].map(({ name }) => name),
      ['a1', 'a2'],
    );
  });

  it('gives a paused tenant no turn, nor a share of what is ready, and lets it come back where the others are', () => {
    const scheduler = fair({ share: 5 });
    flood(scheduler, 'a', 100);
    flood(scheduler, 'b', 100);
    scheduler.pause(new Set(['a']));
    assert.equal(scheduler.ready, 5);
    assert.deepEqual(take(scheduler, 40), { b: 40 });
    flood(scheduler, 'a', 1);
    scheduler.pause(new Set());
    assert.equal(scheduler.ready, 10);
    assert.deepEqual(take(scheduler, 40), { a: 20, b: 20 });
  });

  it('pauses a tenant that has not come yet, and the messages without one', () => {
    const scheduler = fair({});
    scheduler.pause(new Set(['a', null]));
    flood(scheduler, 'a', 2);
    scheduler.push(item('-1'));
    assert.equal(scheduler.next(0), null);
    scheduler.delay({ tenant: 'a', lane: 'normal', bytes: 1, name: 'a', behind: null }, 5);
    assert.equal(scheduler.next(9), null);
    scheduler.pause(new Set(['a']));
    assert.equal(scheduler.next(9)?.tenant, null);
  });
});
