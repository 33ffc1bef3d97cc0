import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Claim, Handling, MARK_HEADER, type Mark, markOf } from '../../lib/letters/marks.js';

function claim(id: string, letters: readonly number[], changes: Partial<Claim> = {}): Claim {
  return { act: 'claim', id, by: 'me', at: 1, run: id, again: false, letters, ends: {}, host: 'h', pid: 1, ...changes };
}

function replayed(id: string, letters: readonly number[], again = false): Mark {
  return { act: 'replayed', id, by: 'me', at: 2, run: id, again, letters };
}

function after(...marks: readonly Mark[]): Handling {
  const handling = new Handling();
  for (const mark of marks) handling.apply(mark);
  return handling;
}

const ONCE = { again: false, run: 'new' };

describe('marks of dead letters', () => {
  it('give each letter to the claim that came first', () => {
    const handling = after(claim('a', [1, 2]), claim('b', [2, 3]));
    assert.deepEqual([handling.wonBy('a'), handling.wonBy('b')], [[1, 2], [3]]);
    assert.deepEqual(
      [1, 2, 3, 4].map((letter) => handling.isFree(letter, ONCE)),
      [false, false, false, true],
    );
  });

  it('free what a claim did not send', () => {
    const handling = after(claim('a', [1, 2]), replayed('a', [1]));
    assert.deepEqual(handling.openClaims(), []);
    assert.deepEqual([handling.handled(1)?.act, handling.handled(2)], ['replayed', null]);
    assert.deepEqual(after(claim('a', [1, 2]), replayed('a', [1]), claim('b', [1, 2])).wonBy('b'), [2]);
  });

  it('count an end once, whoever has written it', () => {
    const handling = after(claim('a', [1, 2], { again: true }), replayed('a', [1], true), replayed('a', [1, 2], true));
    assert.deepEqual([handling.agains(1), handling.agains(2)], [1, 1]);
  });

  it('let what was handled be replayed again where that is asked for, and once by one run', () => {
    const handling = after(claim('a', [1]), replayed('a', [1]));
    assert.equal(handling.isFree(1, ONCE), false);
    assert.equal(handling.isFree(1, { again: true, run: 'b' }), true);
    assert.equal(handling.isFree(1, { again: true, run: 'a' }), false);
    assert.deepEqual(after(replayed('a', [1]), claim('b', [1], { again: true })).wonBy('b'), [1]);
  });

  it('discard nothing that is being replayed', () => {
    const discarded: Mark = { act: 'discarded', id: 'x', by: 'me', at: 3, letters: [1, 2] };
    const handling = after(claim('a', [1]), discarded);
    assert.deepEqual([handling.handled(1), handling.handled(2)?.act], [null, 'discarded']);
  });

  it('are read from their messages, and nothing else is', () => {
    const message = (value: string | null, header = 'claim') => ({
      headers: { [MARK_HEADER]: header },
      value: value === null ? null : Buffer.from(value),
    });
    assert.deepEqual(markOf(message(JSON.stringify(claim('a', [1])))), claim('a', [1]));
    for (const value of [null, '', '{', 'null', '[]', '{"act":"claim"}', '{"act":"other","letters":[1]}']) {
      assert.equal(markOf(message(value)), null, String(value));
    }
    assert.equal(markOf({ headers: {}, value: Buffer.from(JSON.stringify(claim('a', [1]))) }), null);
  });
});
