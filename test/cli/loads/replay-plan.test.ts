import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announcementOf, judgeReplay, onceEach } from '../../../lib/cli/loads/replay-plan.js';
import { replayedFiles, replayOf } from '../../../lib/core/rules/replays.js';
import type { Load } from '../../../lib/ledger/load.js';
import { loadIdOf } from '../../../lib/ledger/load-id.js';
import { LOAD } from '../../support/ledger.js';

const WHERE = { topic: 'files', ends: new Map([[0, 10]]) };
const UNDONE: Load = { ...LOAD, status: 'undone' };
const NEXT = { undone: UNDONE, generation: 1, state: null };

function why(...[asked, where = WHERE]: [Parameters<typeof judgeReplay>[0], typeof WHERE?]): string {
  const verdict = judgeReplay(asked, where);
  return verdict.kind === 'replay' ? 'replay' : `${verdict.kind}: ${verdict.why}`;
}

test('a load that was undone is announced so that the service loads it under its own token and the next generation', () => {
  const token = 'files/0/5/3@1700000000000';
  const load: Load = { ...LOAD, token, lane: 'backfill', bytes: null, path: '/in/ö.csv' };
  const verdict = judgeReplay({ load, next: { ...NEXT, generation: 2 }, rowsLeft: 0 }, WHERE);
  assert.ok(verdict.kind === 'replay');
  assert.equal(verdict.nextId, loadIdOf(token, 2));
  const { partition, value, headers } = announcementOf(verdict);
  assert.deepEqual([partition, JSON.parse(value)], [0, { filename: '/in/ö.csv', format: 'csv', tenant: 'acme' }]);
  const record = { topic: 'files', partition, offset: 9, timestamp: 1, key: null, value: Buffer.from(value), headers };
  const replay = replayOf(record);
  assert.ok(replay !== null);
  assert.deepEqual(replayedFiles(replay, 1), [{ token, generation: 2 }]);
  assert.equal(headers['lane'], 'backfill');
});

test('what would add nothing, or something twice, is not announced', () => {
  const none = { undone: null, generation: 0, state: LOAD };
  const state = (status: Load['status']) => ({ ...NEXT, state: { ...LOAD, status } });
  assert.match(why({ load: LOAD, next: none, rowsLeft: 0 }), /^refused: its rows are in the table/);
  assert.match(
    why({ load: { ...LOAD, status: 'given-up' }, next: none, rowsLeft: 0 }),
    /^refused: it is a dead letter/,
  );
  assert.match(why({ load: { ...LOAD, status: 'failed' }, next: none, rowsLeft: 0 }), /^refused: it is not over/);
  assert.match(
    why({ load: UNDONE, next: NEXT, rowsLeft: 1_000 }),
    /^refused: 1,000 rows of it are still in its table: repeat/,
  );
  assert.match(
    why({ load: UNDONE, next: state('loaded'), rowsLeft: 0 }),
    /^nothing: it was announced again as \S+, which is loaded/,
  );
  assert.match(
    why({ load: UNDONE, next: state('given-up'), rowsLeft: 0 }),
    /^refused: .*given up as \S+: dead-letters replay/,
  );
  assert.match(
    why({ load: UNDONE, next: NEXT, rowsLeft: 0 }, { ...WHERE, topic: 'other' }),
    /^refused: its message stood in files, not in other/,
  );
  assert.match(
    why({ load: UNDONE, next: NEXT, rowsLeft: 0 }, { ...WHERE, ends: new Map() }),
    /^refused: files has no partition 0 any more/,
  );
  assert.match(
    why({ load: { ...UNDONE, token: 'odd' }, next: NEXT, rowsLeft: 0 }),
    /^refused: its message stood in no topic/,
  );
  assert.match(
    why({ load: UNDONE, next: { ...NEXT, generation: 1_000_001 }, rowsLeft: 0 }),
    /^refused: it was undone 1000000 times/,
  );
});

test('a message that the service would not believe is not sent: its topic was made anew', () => {
  const ending = (end: number) => ({ topic: 'files', ends: new Map([[0, end]]) });
  const load: Load = { ...UNDONE, token: 'files/0/5/0@1700000000000' };
  const asked = { load, next: NEXT, rowsLeft: 0 };
  assert.match(why(asked, ending(5)), /^refused: files was made anew and has no message at its place 5 yet.*emit$/);
  assert.equal(why(asked, ending(6)), 'replay');
});

test('a file of which several loads are chosen is announced once', () => {
  const verdict = (generation: number) =>
    judgeReplay({ load: { ...UNDONE, generation }, next: { ...NEXT, generation: 2 }, rowsLeft: 0 }, WHERE);
  const other = judgeReplay({ load: { ...UNDONE, token: 'files/0/1/0@5' }, next: NEXT, rowsLeft: 0 }, WHERE);
  const kinds = onceEach([verdict(0), verdict(1), other]).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['replay', 'nothing', 'replay']);
});
