/** Transcripts of dead letters that the topic refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play } from '../support/engine.js';

describe('the engine: refused letters', () => {
  it('are sent again after waits that double, and end the wait of what comes after when they are acknowledged', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5, 'no json');
    assert.deepEqual(play.refuse(1), ['pause 0']);
    assert.equal(play.wakesIn, 1_000);
    assert.deepEqual(play.wait(1_000), ['letter 1 invalid-message of 5']);
    assert.deepEqual(play.refuse(1), []);
    assert.deepEqual(play.wait(1_999), []);
    assert.deepEqual(play.wait(1), ['letter 1 invalid-message of 5']);
    assert.deepEqual(play.acknowledge(1), ['resume 0', 'commit 0:6']);
  });

  it('before a drain are not sent again in it: whoever reads the message next sends one', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.deliver(6, 'no json');
    play.refuse(1);
    play.drain(600_000);
    assert.equal(play.wakesIn, 600_000, 'there is no letter to wake up for');
    assert.deepEqual(play.wait(60_000), []);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('in a drain are not sent again either', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.deliver(6, 'no json');
    play.drain(600_000);
    assert.deepEqual(play.refuse(1), []);
    assert.deepEqual(play.wait(60_000), []);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('say how often nobody knew whose fault it was, each for itself', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5, 'no json');
    play.deliver(6, 'no json either');
    const refuse = (letterId: number, isUnclear: boolean) =>
      play.tell({ type: 'dead-letter-failed', letterId, error: 'refused', isUnclear });
    refuse(1, true);
    refuse(2, false);
    assert.deepEqual(play.wait(1_000), ['letter 1 invalid-message of 5, unclear 1', 'letter 2 invalid-message of 6']);
    refuse(1, false);
    refuse(2, true);
    assert.deepEqual(play.wait(2_000), [
      'letter 1 invalid-message of 5, unclear 1',
      'letter 2 invalid-message of 6, unclear 1',
    ]);
    refuse(1, true);
    assert.deepEqual(play.wait(4_000), ['letter 1 invalid-message of 5, unclear 2']);
  });
});
