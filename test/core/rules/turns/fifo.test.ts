import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fifo, type Linked } from '../../../../lib/core/rules/turns/fifo.js';

interface Item extends Linked<Item> {
  readonly name: string;
}

function filled(names: string): Fifo<Item> {
  const fifo = new Fifo<Item>();
  for (const name of names) fifo.push({ name, behind: null });
  return fifo;
}

const namesOf = (items: Iterable<Item>): string => [...items].map(({ name }) => name).join('');

describe('Fifo', () => {
  it('gives what came first, also when it was empty meanwhile', () => {
    const fifo = filled('ab');
    assert.equal(fifo.shift()?.name, 'a');
    assert.equal(fifo.shift()?.name, 'b');
    assert.equal(fifo.shift(), undefined);
    fifo.push({ name: 'c', behind: null });
    assert.deepEqual([namesOf(fifo), fifo.length], ['c', 1]);
  });

  for (const unwanted of ['', 'a', 'b', 'd', 'ad', 'bc', 'abcd']) {
    it(`keeps the order of the rest without ${unwanted || 'nothing'}, and takes more`, () => {
      const fifo = filled('abcd');
      assert.equal(namesOf(fifo.keep(({ name }) => !unwanted.includes(name))), unwanted);
      fifo.push({ name: 'e', behind: null });
      const left = [...'abcde'].filter((name) => !unwanted.includes(name)).join('');
      assert.deepEqual([namesOf(fifo), fifo.length], [left, left.length]);
    });
  }

  it('takes what stood in a queue that was given up', () => {
    const [items, fifo] = [[...filled('abc')], new Fifo<Item>()];
    for (const item of items.reverse()) fifo.push(item);
    assert.deepEqual([namesOf(fifo), fifo.length], ['cba', 3]);
    assert.equal(fifo.shift()?.behind, null);
  });
});
