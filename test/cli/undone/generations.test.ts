import assert from 'node:assert/strict';
import { test } from 'node:test';
import { raise, statesById } from '../../../lib/cli/undone/generations.js';
import type { Load, LoadStatus } from '../../../lib/ledger/load.js';
import { loadIdOf } from '../../../lib/ledger/load-id.js';
import { LOAD } from '../../support/ledger.js';

function row(token: string, generation: number, status: LoadStatus, finishedAt = 1): Load {
  return { ...LOAD, token, generation, status, finishedAt, loadId: loadIdOf(token, generation) };
}

/** A ledger that answers as the table does, and counts how often it is asked. */
function ledger(...rows: readonly Load[]) {
  const asked: number[] = [];
  const rowsOf = (ids: readonly string[]): Promise<Load[]> => {
    asked.push(ids.length);
    return Promise.resolve(rows.filter(({ loadId }) => ids.includes(loadId)));
  };
  return { asked, rowsOf };
}

const summary = ({ generation, undone, state }: Awaited<ReturnType<typeof raise>>[number]) => [
  generation,
  undone?.generation ?? null,
  state?.status ?? null,
];

test('the next generation is the first behind those that were undone, of each file by itself', async () => {
  const { rowsOf, asked } = ledger(
    row('a', 0, 'loaded'),
    ...[row('b', 0, 'loaded'), row('b', 0, 'undone', 2)],
    ...[row('c', 0, 'undone'), row('c', 1, 'undone'), row('c', 2, 'given-up')],
    row('d', 1, 'undone'),
  );
  const wanted = ['a', 'b', 'c', 'd', 'e'].map((token) => ({ token, generation: 0 }));
  assert.deepEqual((await raise(wanted, rowsOf)).map(summary), [
    [0, null, 'loaded'],
    [1, 0, null],
    [2, 1, 'given-up'],
    [0, null, null],
    [0, null, null],
  ]);
  assert.deepEqual(asked, [5, 2, 1], 'only those are asked for again that were undone');
  assert.deepEqual((await raise([{ token: 'd', generation: 1 }], rowsOf)).map(summary), [[2, 1, null]]);
});

test('what was undone stays so, though a message that came once more is said to be loaded', async () => {
  const rows = [row('a', 0, 'loaded', 1), row('a', 0, 'undone', 2), row('a', 0, 'loaded', 3)];
  assert.deepEqual((await raise([{ token: 'a', generation: 0 }], ledger(...rows).rowsOf)).map(summary), [[1, 0, null]]);
  assert.deepEqual(
    [...statesById(rows).values()].map(({ status }) => status),
    ['loaded'],
  );
  assert.deepEqual(await raise([], ledger().rowsOf), []);
});
