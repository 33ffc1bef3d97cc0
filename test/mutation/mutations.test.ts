import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mutationsOf } from './mutations.js';

/** What is left of a source by each of its mutations. */
function mutated(source: string): string[] {
  return mutationsOf(source).map(
    ({ start, end, replacement }) => source.slice(0, start) + replacement + source.slice(end),
  );
}

const CHANGES: readonly (readonly [what: string, source: string, changes: readonly string[]])[] = [
  ['a boundary', 'x = a < b', ['x = a <= b', 'x = a >= b']],
  ['an equality', 'x = a === b', ['x = a !== b']],
  ['arithmetic', 'x = a * b', ['x = a / b']],
  ['a compound assignment', 'x += a', ['x -= a']],
  ['a step', 'x++', ['x--']],
  ['either side of a condition', 'x = a && b', ['x = a', 'x = b']],
  ['a default', 'x = a ?? b', ['x = a', 'x = b']],
  ['a negation', 'x = !a', ['x = a']],
  ['a branch', 'x = a ? b : c', ['x = true ? b : c', 'x = false ? b : c']],
  ['a truth', 'x = true', ['x = false']],
  ['a small number', 'x = 3', ['x = 4']],
  ['a large number', 'x = 1_000', ['x = 2 * 1_000']],
  ['a share', 'x = 0.75', ['x = 1']],
  ['an anchor', 'x = /^a$/u', ['x = /a$/u', 'x = /^a/u']],
  ['a list', 'x = [a]', ['x = []']],
  ['a bound', 'x = Math.min(a, b)', ['x = Math.max(a, b)']],
  ['a quantifier', 'x = a.some(b)', ['x = a.every(b)']],
  ['a refinement', 'x = a.filter(b)', ['x = a']],
  ['what a callback does', 'x = () => a()', ['x = () => undefined']],
];

describe('mutationsOf', () => {
  for (const [what, source, changes] of CHANGES) {
    it(`changes ${what}`, () => {
      // The assignment itself is a statement, which could be left out too.
      const found = mutated(`${source};`).filter((each) => each !== ';');
      assert.deepEqual(
        found,
        changes.map((each) => `${each};`),
      );
    });
  }

  it('leaves out a statement, a jump and what is thrown', () => {
    assert.deepEqual(mutated('a();'), [';']);
    assert.deepEqual(mutated('for (const a of b) continue;'), ['for (const a of b) ;']);
    assert.deepEqual(mutated('throw a;'), [';']);
    assert.deepEqual(mutated('function f() { return; }'), ['function f() { ; }']);
  });

  it('takes away what is returned, unless that is nothing', () => {
    assert.deepEqual(mutated('function f() { return a; }'), ['function f() { return undefined; }']);
    assert.deepEqual(mutated('function f() { return null; }'), []);
  });

  it('ends no loop never, and starts it not at all', () => {
    assert.deepEqual(mutated('while (a) {}'), ['while (false) {}']);
  });

  it('leaves texts, imports and names alone', () => {
    assert.deepEqual(mutated("import { a } from 'b'; const c = 'd' + a + a + `e`; export { c };"), []);
  });

  it('names the function, the method or the property around a change', () => {
    const source = 'const a = b < c; function f() { g(); } class D { e = 1; #h() { i(() => j()); } }';
    assert.deepEqual([...new Set(mutationsOf(source).map(({ within }) => within))], ['', 'f', 'e', '#h']);
  });

  it('leaves the source with no more than one change at a time, in the order of their places', () => {
    const places = mutationsOf('x = a < 1;\ny = b > 2;').map(({ start }) => start);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    );
  });
});
