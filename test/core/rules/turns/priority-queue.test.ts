import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PriorityQueue, type Queued } from '../../../../lib/core/rules/turns/priority-queue.js';
import { seededRandom } from '../../../support/random.js';

interface Item extends Queued {
  readonly name: number;
}

interface Entry {
  readonly item: Item;
  readonly at: number;
}

/** What it should do, by looking at everything: the earliest, and of those that are alike the one that came first. */
class Sorted {
  #entries: Entry[] = [];

  get first(): Entry | undefined {
    return this.#entries.reduce<Entry | undefined>((first, entry) => {
      return first === undefined || entry.at < first.at ? entry : first;
    }, undefined);
  }

  add(item: Item, at: number): void {
    this.#entries.push({ item, at });
  }

  remove(item: Item): void {
    this.#entries = this.#entries.filter((entry) => entry.item !== item);
  }
}

describe('PriorityQueue', () => {
  it('gives the earliest, of those alike the one that came or was moved first, whatever comes, goes and moves', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const random = seededRandom(seed);
      const queue = new PriorityQueue<Item>();
      const expected = new Sorted();
      const inside = new Set<Item>();
      for (let step = 0; step < 600; step += 1) {
        const dice = random.below(10);
        const { first } = queue;
        if (dice < 5 || first === null) {
          const item: Item = { name: step, at: random.below(20), place: -1 };
          queue.add(item);
          expected.add(item, item.at);
          inside.add(item);
        } else if (dice < 8) {
          const at = queue.firstAt + random.below(20);
          queue.firstMoved(at);
          expected.remove(first);
          expected.add(first, at);
        } else {
          const item = random.pick([...inside]);
          queue.remove(item);
          expected.remove(item);
          inside.delete(item);
          assert.equal(item.place, -1);
        }
        assert.equal(queue.first?.name, expected.first?.item.name, `seed ${seed}, step ${step}`);
        if (inside.size > 0) assert.equal(queue.firstAt, expected.first?.at, `seed ${seed}, step ${step}`);
        assert.deepEqual(new Set(queue), inside);
      }
    }
  });

  it('says of what is taken out when it was due', () => {
    const queue = new PriorityQueue<Item>();
    const item: Item = { name: 1, at: 5, place: -1 };
    queue.add(item);
    queue.firstMoved(7);
    queue.remove(item);
    assert.deepEqual(item, { name: 1, at: 7, place: -1 });
  });
});
