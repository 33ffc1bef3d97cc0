/** Transcripts of files that may still be written to: they wait, uncharged and within a bound. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Action } from '../../lib/core/events.js';
import type { Outcome } from '../../lib/types.js';
import { outcome, Play, record, SETTINGS } from '../support/engine.js';

const MS = 1_000;

function unsettled(bytes: number): Outcome {
  return outcome('file-unsettled', { seen: { bytes, modifiedAt: 7, at: 8 } });
}

describe('a file that may still be written to', () => {
  it('waits as long as it is to rest, and is told from what was seen before', () => {
    const play = new Play({ settleMs: MS });
    play.assign(0);
    const [run] = play.engine
      .handle({ type: 'record', record: record(0) }, play.now)
      .filter((effect): effect is Extract<Action, { type: 'run' }> => effect.type === 'run');
    assert.deepEqual(run?.command.input.settling, { ms: MS, seen: null });
    assert.deepEqual(play.end(0, unsettled(5)), ['0/0/0 file-unsettled', '0/0/0 waits uncharged']);
    assert.equal(play.wakesIn, MS);
    play.now += MS;
    const [again] = play.engine
      .handle({ type: 'tick' }, play.now)
      .filter((effect): effect is Extract<Action, { type: 'run' }> => effect.type === 'run');
    assert.deepEqual(again?.command.input.settling, { ms: MS, seen: { bytes: 5, modifiedAt: 7, at: 8 } });
    assert.ok(play.end(0).includes('0/0/0 succeeded'));
  });

  it('is loaded as it is after ten waits, with no attempt spent', () => {
    const play = new Play({ settleMs: MS, retry: { ...SETTINGS.retry, maxAttempts: 1 } });
    play.assign(0);
    play.deliver(0);
    for (let wait = 0; wait < 10; wait += 1) {
      play.end(0, unsettled(wait));
      assert.equal(play.wakesIn, MS);
      play.now += MS;
      const effects = play.engine.handle({ type: 'tick' }, play.now);
      const run = effects.find((effect) => effect.type === 'run');
      assert.equal(run?.command.input.settling === null, wait === 9, `wait ${wait}`);
    }
    assert.ok(play.end(0).includes('0/0/0 succeeded'));
    assert.equal(play.letters.size, 0);
  });

  it('waits no longer for a rebalance that leaves its partition here', () => {
    const play = new Play({ settleMs: MS });
    play.assign(0);
    play.deliver(0);
    for (let wait = 0; wait < 10; wait += 1) {
      play.end(0, unsettled(wait));
      play.assign(0);
      assert.deepEqual(play.deliver(0), ['0 redelivered']);
      play.now += MS;
      const effects = play.engine.handle({ type: 'tick' }, play.now);
      const run = effects.find((effect) => effect.type === 'run');
      assert.equal(run?.command.input.settling === null, wait === 9, `wait ${wait}`);
    }
  });

  it('takes no slot meanwhile, and opens no breaker', () => {
    const play = new Play({ settleMs: MS, slots: 1, breaker: { ...SETTINGS.breaker, threshold: 1 } });
    play.assign(0);
    play.deliver(0);
    play.deliver(1);
    assert.ok(play.end(0, unsettled(1)).includes('run 0/1/0 attempt 1'));
    assert.equal(play.status.breaker.state, 'closed');
  });

  it('is not looked at for that where nothing is to be awaited', () => {
    const play = new Play();
    play.assign(0);
    const effects = play.engine.handle({ type: 'record', record: record(0) }, play.now);
    assert.equal(effects.find((effect) => effect.type === 'run')?.command.input.settling, null);
  });
});
