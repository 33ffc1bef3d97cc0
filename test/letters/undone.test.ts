import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadIdOf } from '../../lib/ledger/load-id.js';
import { type Letter, letterOf } from '../../lib/letters/letter.js';
import { planReplay, type Replayable } from '../../lib/letters/replay-plan.js';
import { undoneAmong } from '../../lib/letters/undone.js';
import { letterRecord } from '../support/letters.js';

const RULES = { topic: 'files', partitions: 4, maxReplays: 3, maxMessageBytes: 100_000 };

function planned(offset: number): Replayable {
  const value = { filename: ['/a', '/b', '/c'], tenant: 'acme' };
  const record = letterRecord({ topic: 'files', partition: 2, offset, value, files: ['/b', '/c'] });
  const found = planReplay(record, letterOf(record) as Letter, RULES);
  assert.ok(found.kind === 'replayable');
  return found;
}

test('a letter is held back where one of its files was undone, whatever the ledger says of it later', async () => {
  const letters = [planned(7), planned(8), planned(9)];
  const id = (offset: number, index: number, generation = 0) =>
    loadIdOf(`files/2/${offset}/${index}@1795842753456`, generation);
  const rows = [
    { loadId: id(8, 2), status: 'undone' },
    { loadId: id(8, 2), status: 'loaded' },
    { loadId: id(7, 1), status: 'given-up' },
    // Not a file of the letter, and another generation.
    { loadId: id(9, 0), status: 'undone' },
    { loadId: id(9, 1, 1), status: 'undone' },
  ] as const;
  const rowsOf = async (ids: readonly string[]) => rows.filter(({ loadId }) => ids.includes(loadId));
  assert.deepEqual([...(await undoneAmong(letters, rowsOf))], [letters[1]]);
});

test('the ledger is asked for many letters in pieces, and for none not at all', async () => {
  const asked: number[] = [];
  const rowsOf = async (ids: readonly string[]) => {
    asked.push(ids.length);
    return [];
  };
  await undoneAmong([], rowsOf);
  await undoneAmong(
    Array.from({ length: 300 }, (_, offset) => planned(offset)),
    rowsOf,
  );
  assert.deepEqual(asked, [500, 100]);
});
