import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBenchArguments } from './arguments.js';

const ROWS = ['launch', 'load', 'warm'];

function parse(...args: string[]) {
  return parseBenchArguments(args, ROWS);
}

describe('the arguments of the benchmark', () => {
  it('ask for every row when there are none', () => {
    const options = { quick: false, only: ROWS, asCli: null, json: 'bench.json', help: false };
    assert.deepEqual(parse(), options);
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

  it('are refused when they are not known', () => assert.throws(() => parse('--slow'), /--slow/));
});
