import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PACKAGE_ROOT } from '../support/package-root.js';
import { ACCEPTED } from './accepted.js';
import { appliedToSource, isAccepted, type Mutant, mutantsOf } from './mutants.js';
import { isReached } from './reach.js';
import { modulesBelow } from './targets.js';

const FILE = 'lib/core/rules/backpressure.ts';
const source = readFileSync(join(PACKAGE_ROOT, FILE), 'utf8');
const mutants = mutantsIn(FILE);

function mutantsIn(file: string): Mutant[] {
  const compiled = join(PACKAGE_ROOT, 'dist', file.replace('.ts', '.js'));
  return mutantsOf(file, readFileSync(compiled, 'utf8'), readFileSync(`${compiled}.map`, 'utf8'));
}

describe('mutants', () => {
  it('are found where people read the source', () => {
    assert.ok(mutants.length > 10, `${mutants.length} mutants`);
    for (const { line, column, original } of mutants) {
      const rest = source.split('\n')[line - 1]?.slice(column) ?? '';
      const word = original.split(/\s/)[0] as string;
      assert.ok(rest.startsWith(word), `${line}:${column}: ${rest} does not begin with ${word}`);
    }
  });

  it('change the source with its types in one place', () => {
    for (const mutant of mutants) {
      const changed = appliedToSource(source, mutant);
      assert.ok(changed !== null && changed !== source, mutant.to);
      assert.equal(changed.length - source.length, mutant.replacement.length - mutant.original.length);
    }
  });

  it('of which the source says something else are not looked for elsewhere', () => {
    const mutant = { ...(mutants[0] as Mutant), original: 'of another source' };
    assert.equal(appliedToSource(source, mutant), null);
  });

  it('are accepted by file and text, wherever the line is', () => {
    const [one, other] = mutants as [Mutant, Mutant];
    const accepted = [{ file: FILE, within: one.within, from: one.from, to: one.to, why: 'of a test' }];
    assert.equal(isAccepted(accepted, { ...one, line: 999 }), true);
    assert.equal(isAccepted(accepted, other), false);
    assert.equal(isAccepted(accepted, { ...one, file: 'lib/core/engine.ts' }), false);
    assert.equal(isAccepted(accepted, { ...one, within: 'elsewhere' }), false);
  });
});

describe('accepted survivors', () => {
  it('have a reason each, and stand once', () => {
    const keys = ACCEPTED.map(({ file, within, from, to }) => `${file} ${within}: ${from} -> ${to}`);
    assert.deepEqual(keys.toSorted(), [...new Set(keys)].toSorted());
    for (const { why } of ACCEPTED) assert.ok(why.length > 10, why);
  });

  it('are mutants of the code as it is', () => {
    const found = new Map([...new Set(ACCEPTED.map(({ file }) => file))].map((file) => [file, mutantsIn(file)]));
    const gone = ACCEPTED.filter((each) => !found.get(each.file)?.some((mutant) => isAccepted([each], mutant)));
    assert.deepEqual(gone, []);
  });
});

describe('isReached', () => {
  const range = (startOffset: number, endOffset: number, count: number) => ({ startOffset, endOffset, count });
  const reach = new Map([['a.js', [[range(0, 100, 1), range(20, 60, 1), range(30, 40, 0)]]]]);

  it('goes by the innermost range', () => {
    const reached = [10, 25, 30, 39, 40, 99, 100].map((offset) => isReached(reach, 'a.js', offset));
    assert.deepEqual(reached, [true, true, false, false, true, true, false]);
    assert.equal(isReached(reach, 'b.js', 10), false);
  });

  it('is content with one thread', () => {
    const threads = new Map([['a.js', [[range(0, 100, 1), range(0, 50, 0)], [range(0, 100, 1)]]]]);
    assert.equal(isReached(threads, 'a.js', 10), true);
  });
});

describe('modulesBelow', () => {
  it('takes a file or a folder, and nothing that is not there', () => {
    assert.deepEqual(modulesBelow(FILE), [FILE]);
    const rules = modulesBelow('lib/core/rules');
    assert.ok(rules.includes(FILE) && rules.every((file) => file.startsWith('lib/core/rules/')), rules.join(' '));
    assert.throws(() => modulesBelow('lib/cores'), /lib\/cores does not exist; name a file or a folder of lib/);
  });
});
