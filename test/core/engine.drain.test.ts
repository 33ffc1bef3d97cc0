/** Transcripts of a stop: what runs may finish until `stopAt`, the last commit is answered, and then nothing moves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play, partition } from '../support/engine.js';

function loading(...offsets: number[]): Play {
  const play = new Play({ slots: 2 });
  play.assign(0);
  for (const offset of offsets) play.deliver(offset);
  return play;
}

describe('the engine: drain', () => {
  it('ends at once before there was any assignment', () => {
    const play = new Play();
    assert.deepEqual(play.drain(1_000), ['drained']);
    assert.equal(play.status.state, 'stopped');
    assert.equal(play.wakesIn, null);
  });

  it('ends at once when nothing runs', () => {
    assert.deepEqual(loading().drain(1_000), ['pause 0', 'drained']);
  });

  it('starts nothing more, waits for what runs, commits without waiting for the interval, and ends', () => {
    const play = loading(5, 6, 7);
    play.end(5);
    play.committed('0:6');
    assert.deepEqual(play.drain(10_000), ['pause 0']);
    assert.equal(play.status.state, 'draining');
    assert.deepEqual(play.end(7), ['0/7/0 succeeded']);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'commit 0:8']);
    assert.deepEqual(play.committed('0:8'), ['drained']);
    assert.equal(play.wakesIn, null);
  });

  it('tells the next reader that it ended in order: its starts wait for no commit', () => {
    const play = loading(5, 6);
    play.end(5);
    play.committed('0:6');
    play.drain(10_000);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'commit 0:7']);
    assert.deepEqual(play.committed('0:7'), ['drained']);
    const next = new Play();
    next.take(play);
    next.assign(0);
    assert.deepEqual(next.deliver(7), ['7 accepted', 'run 0/7/0 attempt 1']);
  });

  it('wakes for a commit that is due before stopAt, and for stopAt', () => {
    const play = new Play({ slots: 3 });
    play.assign(0);
    for (const offset of [5, 6, 7]) play.deliver(offset);
    play.end(5);
    play.committed('0:6');
    play.end(6);
    play.drain(10_000);
    assert.equal(play.wakesIn, 100);
    assert.deepEqual(play.wait(100), ['commit 0:7']);
    play.committed('0:7');
    assert.equal(play.wakesIn, 9_900);
  });

  it('stops what still runs at stopAt, once', () => {
    const play = loading(5, 6);
    play.drain(10_000);
    assert.equal(play.wakesIn, 10_000);
    assert.deepEqual(play.wait(9_999), []);
    assert.deepEqual(play.wait(1), ['stop 0/5/0', 'stop 0/6/0']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(5_000), []);
    assert.deepEqual(play.end(5, 'stopped'), ['0/5/0 stopped']);
    assert.deepEqual(play.end(6, 'stopped'), ['0/6/0 stopped', 'drained']);
  });

  it('counts a child that ends well although it was asked to stop', () => {
    const play = loading(5);
    play.drain(0);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('does not wait for the children when it is hastened', () => {
    const play = loading(5);
    play.drain(10_000);
    assert.deepEqual(play.tell({ type: 'force-stop' }), ['stop 0/5/0']);
    assert.deepEqual(play.tell({ type: 'force-stop' }), []);
    assert.deepEqual(play.end(5, 'stopped'), ['0/5/0 stopped', 'drained']);
  });

  it('commits at once what is complete when it is hastened', () => {
    const play = new Play({ slots: 3 });
    play.assign(0);
    for (const offset of [5, 6, 7]) play.deliver(offset);
    play.end(5);
    play.committed('0:6');
    play.drain(10_000);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded']);
    assert.deepEqual(play.tell({ type: 'force-stop' }), ['commit 0:7', 'stop 0/7/0']);
  });

  it('sends no refused letter again: the next reader sends its own', () => {
    const play = loading(5);
    play.deliver(6, 'no json');
    play.refuse(1);
    play.drain(60_000);
    assert.deepEqual(play.wait(1_000), []);
    assert.deepEqual(play.wait(30_000), []);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('is not begun by hastening, nor begun twice', () => {
    const play = loading(5);
    assert.deepEqual(play.tell({ type: 'force-stop' }), []);
    play.drain(10_000);
    play.drain(1);
    assert.equal(play.wakesIn, 10_000);
  });

  it('leaves a failed job to whoever reads its record next', () => {
    const play = loading(5);
    play.drain(10_000);
    assert.deepEqual(play.end(5, 'failed'), ['0/5/0 failed', '0/5/0 waits', 'drained']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(60_000), []);
  });

  it('waits for a letter that is on its way, not for one that was refused', () => {
    const play = loading();
    play.deliver(5, 'no json');
    play.deliver(6, 'no json');
    assert.deepEqual(play.drain(10_000), ['pause 0']);
    assert.deepEqual(play.acknowledge(1), ['commit 0:6']);
    assert.deepEqual(play.refuse(2), []);
    assert.deepEqual(play.committed('0:6'), ['drained']);
    assert.deepEqual(play.wait(60_000), []);
  });

  it('sends the letter of a job that dies in the drain', () => {
    const play = loading(5);
    play.drain(10_000);
    assert.deepEqual(play.end(5, 'path-denied'), [
      '0/5/0 path-denied',
      '0/5/0 failed for good: path-denied',
      'letter 1 path-denied of 5',
    ]);
    assert.deepEqual(play.acknowledge(1), ['commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('tries the last commit ten times, a second apart, and says how much it could not commit', () => {
    const play = loading(5, 6);
    play.drain(60_000);
    play.end(6, 'failed');
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    for (let attempt = 2; attempt <= 10; attempt += 1) {
      assert.deepEqual(play.commitFailed('0:6'), []);
      assert.equal(play.wakesIn, 1_000);
      assert.deepEqual(play.wait(1_000), ['commit 0:6']);
    }
    assert.deepEqual(play.commitFailed('0:6'), ['drained with 1 uncommitted']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(60_000), []);
  });

  it('tries it once more at stopAt, and then no more', () => {
    const play = loading(5);
    play.drain(1_500);
    play.end(5);
    play.commitFailed('0:6');
    assert.deepEqual(play.wait(1_000), ['commit 0:6']);
    assert.deepEqual(play.commitFailed('0:6'), []);
    assert.equal(play.wakesIn, 500);
    assert.deepEqual(play.wait(500), ['commit 0:6']);
    assert.deepEqual(play.commitFailed('0:6'), ['drained with 1 uncommitted']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(60_000), []);
  });

  it('tries the last commit although commits failed before it began', () => {
    const play = loading(5);
    play.end(5);
    for (let failures = 1; failures <= 3; failures += 1) {
      play.commitFailed('0:6');
      if (failures < 3) assert.deepEqual(play.wait(1_000), ['commit 0:6']);
    }
    assert.deepEqual(play.drain(10_000), ['pause 0', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('goes on when the group gives another assignment meanwhile', () => {
    const play = loading(5);
    play.drain(10_000);
    assert.deepEqual(play.assign(0, 1), ['pause 0 1']);
    assert.deepEqual(play.assign(1), ['lost 0 with 1 jobs', 'pause 1']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'drained']);
  });

  it('waits until it is known what is committed, before it commits for the last time', () => {
    const play = loading(5);
    play.end(5);
    play.commitFailed('0:6');
    play.return('0:0');
    assert.deepEqual(play.drain(10_000), []);
    assert.equal(play.wakesIn, 10_000);
    const positions = [{ ...partition(0), offset: 0, metadata: '' }];
    assert.deepEqual(play.tell({ type: 'restored', epoch: 2, positions }), ['commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('waits for nothing where nothing is to be committed, whatever is committed', () => {
    const play = new Play();
    play.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
    assert.deepEqual(play.drain(10_000), ['drained']);
  });

  it('commits again at once what a commit of an earlier assignment took back', () => {
    const play = loading(5);
    play.drain(10_000);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:4'), ['commit 0:6']);
    assert.deepEqual(play.committed('0:6'), ['drained']);
  });

  it('ends without the last commit when it does not become known by stopAt', () => {
    const play = loading(5);
    play.end(5);
    play.commitFailed('0:6');
    play.return('0:0');
    play.drain(10_000);
    assert.deepEqual(play.wait(10_000), ['drained with 1 uncommitted']);
  });

  it('answers nothing any more when it has ended', () => {
    const play = loading(5);
    play.end(5, 'failed');
    play.drain(0);
    assert.equal(play.status.state, 'stopped');
    assert.deepEqual(play.deliver(6), []);
    assert.deepEqual(play.assign(0), []);
    assert.deepEqual(play.tell({ type: 'rebalancing' }), []);
    assert.equal(play.wakesIn, null);
  });
});
