import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMPARED, parseBenchArguments } from './arguments.js';
import { ROWS as ALL_ROWS } from './rows/index.js';

const ROWS = ['launch', 'load', 'warm'];

function parse(...args: string[]) {
  return parseBenchArguments(args, ROWS);
}

describe('the arguments of the benchmark', () => {
  it('ask for every row when there are none', () => {
    const options = { quick: false, only: ROWS, asCli: null, json: 'bench.json', help: false };
    assert.deepEqual(parse(), { ...options, against: null, atMost: null });
  });

  it('name rows, which are measured in the order of the table', () => {
    assert.deepEqual(parse('--only', 'warm, launch').only, ['launch', 'warm']);
  });

  it('name a loader and a file', () => {
    const { asCli, json, quick } = parse('--quick', '--as-cli', '/opt/as-cli', '--json', '/tmp/figures');
    assert.deepEqual({ asCli, json, quick }, { asCli: '/opt/as-cli', json: '/tmp/figures', quick: true });
  });

  it('are refused when they name no row, with those that there are', () => {
    assert.throws(() => parse('--only', 'lunch'), /no row lunch; the rows are launch, load, warm/);
  });

  it('name a commit, of which only some rows are compared unless others are named', () => {
    const { against, atMost, only } = parse('--against', 'HEAD~3', '--at-most', '1.05');
    assert.deepEqual({ against, atMost, only }, { against: 'HEAD~3', atMost: 1.05, only: ['launch'] });
    assert.deepEqual(parse('--against', 'main', '--only', 'warm').only, ['warm']);
    assert.deepEqual(
      ALL_ROWS.map(({ name }) => name).filter((name) => COMPARED.includes(name)),
      COMPARED,
    );
  });

  for (const [args, why] of [
    [['--at-most', '1.5'], /it goes with --against/],
    [['--against', 'main', '--at-most', 'little'], /'little' is no number above 0/],
    [['--against', 'main', '--at-most', '0'], /'0' is no number above 0/],
    [['--against', 'main', '--as-cli', 'as-cli'], /each tree loads with its own loader/],
  ] as const) {
    it(`are refused: ${args.join(' ')}`, () => assert.throws(() => parse(...args), why));
  }

  it('are refused when they are not known', () => assert.throws(() => parse('--slow'), /--slow/));
});
