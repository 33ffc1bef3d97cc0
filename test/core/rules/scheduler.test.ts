import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Scheduler } from '../../../lib/core/rules/scheduler.js';
import { seededRandom } from '../../support/random.js';

interface Item {
  readonly tenant: string | null;
  readonly bytes: number;
  readonly name: string;
}

/** `a1` is work of tenant a; `-1` of none. */
function item(name: string): Item {
  return { name, tenant: name[0] === '-' ? null : (name[0] as string), bytes: 10 };
}

function scheduled(...names: string[]): Scheduler<Item> {
  const scheduler = new Scheduler<Item>();
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

  it('lets a newcomer wait for one job of each other tenant, however many these have', () => {
    const scheduler = scheduled(...Array.from({ length: 100 }, (_, i) => `a${i}`), 'b1');
    scheduler.next(0);
    scheduler.push(item('c1'));
    assert.deepEqual(
      [1, 2, 3].map(() => scheduler.next(0)?.name),
      ['b1', 'a1', 'c1'],
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
      const scheduler = new Scheduler<Item>();
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
    const scheduler = new Scheduler<Item>();
    let taken = 0;
    for (let n = 0; n < 10_000; n += 1) {
      scheduler.push(item(`a${n}`));
      if (n % 3 > 0 && scheduler.next(0)?.name === `a${taken}`) taken += 1;
    }
    assert.equal(scheduler.jobs, 10_000 - taken);
    assert.equal(takeAll(scheduler).split(' ').at(-1), 'a9999');
  });
});
