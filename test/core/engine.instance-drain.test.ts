/** Transcripts of the drain of one instance by order of people: it ends in being out of the group, and may be taken back. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DrainOrder } from '../../lib/core/events.js';
import { Play, partition, SETTINGS, TOPIC } from '../support/engine.js';

const ORDER: DrainOrder = { since: 1_000_000, by: 'maria@host', reason: 'a new disk' };

/** With nothing that waits. */
const LEFT = ['leave the group', 'lost 0 with 0 jobs'];

function loading(...offsets: number[]): Play {
  const play = new Play({ slots: 2 });
  play.assign(0);
  for (const offset of offsets) play.deliver(offset);
  return play;
}

function order(play: Play): string[] {
  return play.tell({ type: 'drain-ordered', order: ORDER });
}

function resume(play: Play): string[] {
  return play.tell({ type: 'drain-ended', by: 'maria@host' });
}

describe('the engine: the drain of an instance', () => {
  it('reads nothing and starts nothing more, lets what runs end, commits, and leaves the group', () => {
    const play = loading(5, 6, 7);
    assert.deepEqual(order(play), ['pause 0']);
    assert.deepEqual([play.status.state, play.status.drain], ['draining', ORDER]);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    play.committed('0:6');
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'commit 0:7']);
    assert.deepEqual(play.committed('0:7'), ['leave the group', 'lost 0 with 1 jobs']);
    assert.equal(play.status.state, 'draining');
    assert.deepEqual(play.tell({ type: 'left-group' }), []);
    assert.deepEqual([play.status.state, play.status.drain, play.status.partitions], ['drained', ORDER, []]);
    assert.equal(play.wakesIn, null);
  });

  it('has no deadline: what runs is never stopped for it', () => {
    const play = loading(5);
    order(play);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(24 * 3_600_000), []);
    assert.equal(play.status.state, 'draining');
  });

  it('leaves at once when nothing runs, and before there was any assignment', () => {
    const idle = loading();
    assert.deepEqual(order(idle), ['pause 0', 'commit 0:0']);
    assert.deepEqual(idle.committed('0:0'), LEFT);
    const play = new Play();
    assert.deepEqual(order(play), ['leave the group']);
    assert.deepEqual(resume(play), ['join the group']);
    assert.equal(play.status.state, 'starting');
    play.assign(0);
    assert.deepEqual(play.deliver(5), ['5 accepted', 'run 0/5/0 attempt 1']);
  });

  it('joins again when it is resumed, and loads what it had left', () => {
    const play = loading(5, 6, 7);
    order(play);
    for (const offset of [5, 6]) play.end(offset);
    play.committed('0:6');
    play.committed('0:7');
    play.tell({ type: 'left-group' });
    assert.deepEqual(resume(play), ['join the group']);
    assert.deepEqual([play.status.state, play.status.drain], ['starting', null]);
    play.assign(0);
    assert.deepEqual(play.deliver(7), ['7 accepted', 'run 0/7/0 attempt 1']);
    assert.equal(play.status.state, 'running');
  });

  it('tells the next reader that it ended in order: its starts wait for no commit', () => {
    const play = loading(5, 6);
    order(play);
    for (const offset of [5, 6]) play.end(offset);
    play.committed('0:6');
    play.committed('0:7');
    const next = new Play();
    next.take(play);
    next.assign(0);
    assert.deepEqual(next.deliver(7), ['7 accepted', 'run 0/7/0 attempt 1']);
  });

  it('is taken back while something runs as if it had never been ordered', () => {
    const play = loading(5, 6, 7);
    order(play);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(resume(play), ['run 0/7/0 attempt 1', 'resume 0']);
    assert.deepEqual([play.status.state, play.status.drain], ['running', null]);
  });

  it('is taken back while its last commit is under way: what follows says that the run goes on', () => {
    const play = loading(5);
    order(play);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    const last = play.metadataOf(0);
    assert.deepEqual(resume(play), ['resume 0']);
    assert.deepEqual(play.committed('0:6'), []);
    assert.deepEqual(play.wait(play.wakesIn ?? 0), ['commit 0:6']);
    assert.notEqual(play.metadataOf(0), last);
    assert.deepEqual(play.deliver(6), ['6 accepted', 'run 0/6/0 attempt 1']);
  });

  it('waits for a letter on its way, not for one that is refused, and its refusals are sent again meanwhile', () => {
    const play = loading(5);
    play.deliver(6, 'no json');
    order(play);
    assert.deepEqual(play.refuse(1), []);
    assert.deepEqual(play.wait(1_000), ['letter 1 invalid-message of 6']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), []);
    assert.deepEqual(play.refuse(1), ['commit 0:6']);
    assert.deepEqual(play.committed('0:6'), LEFT);
    assert.equal(play.wakesIn, null);
  });

  it('tells the next reader so too where a letter is sent once more between a commit that failed and the next', () => {
    const play = loading(5);
    play.deliver(6, 'no json');
    order(play);
    play.end(5);
    assert.deepEqual(play.committed('0:6'), []);
    assert.deepEqual(play.refuse(1), ['commit 0:6']);
    play.commitFailed('0:6');
    assert.deepEqual(play.wait(1_000), ['letter 1 invalid-message of 6', 'commit 0:6']);
    play.committed('0:6');
    assert.deepEqual(play.refuse(1).slice(0, 1), ['leave the group']);
    const next = new Play();
    next.take(play);
    next.assign(0);
    assert.deepEqual(next.deliver(7), ['7 accepted', 'run 0/7/0 attempt 1']);
  });

  it('takes what it had done before for new where the group was set back meanwhile', () => {
    const waiting = { of: TOPIC, topic: `${TOPIC}.waiting` };
    const play = new Play({ records: { ...SETTINGS.records, waiting } });
    play.assign(0);
    play.deliver(5);
    order(play);
    play.end(5);
    play.committed('0:6');
    play.tell({ type: 'left-group' });
    resume(play);
    play.return('0:0');
    play.restore(0);
    assert.deepEqual(play.deliver(5).slice(0, 1), ['5 accepted']);
  });

  it('ends a start that waits for its commit as if it ran already', () => {
    const play = new Play({ slots: 2 });
    play.return('0:5');
    play.restore(0);
    assert.deepEqual(play.deliver(5), ['5 accepted', 'commit 0:5']);
    assert.deepEqual(order(play), ['pause 0']);
    assert.deepEqual(play.committed('0:5'), ['run 0/5/0 attempt 1']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    assert.deepEqual(play.committed('0:6'), LEFT);
  });

  it('retries nothing meanwhile', () => {
    const play = loading(5);
    order(play);
    assert.deepEqual(play.end(5, 'failed'), ['0/5/0 failed', '0/5/0 waits', 'commit 0:0']);
    assert.deepEqual(play.committed('0:0'), ['leave the group', 'lost 0 with 1 jobs']);
    assert.deepEqual(play.wait(3_600_000), []);
  });

  it('gives up after ten refused commits, and leaves what they would have saved to be loaded again', () => {
    const play = loading(5);
    order(play);
    let last = play.end(5);
    for (let tries = 1; tries < 10; tries += 1) {
      assert.deepEqual(last.at(-1), 'commit 0:6');
      play.commitFailed('0:6');
      last = play.wait(1_000);
    }
    assert.deepEqual(play.commitFailed('0:6'), ['leave the group with 1 uncommitted', 'lost 0 with 0 jobs']);
  });

  it('is stopped as any other run, while it drains and when it is drained', () => {
    const draining = loading(5);
    order(draining);
    assert.deepEqual(draining.drain(10_000), []);
    assert.deepEqual([draining.status.state, draining.status.drain], ['draining', null]);
    assert.deepEqual(draining.wait(10_000), ['stop 0/5/0']);
    assert.deepEqual(draining.end(5, 'stopped'), ['0/5/0 stopped', 'drained']);
    const drained = loading();
    order(drained);
    drained.committed('0:0');
    assert.deepEqual(drained.drain(10_000), ['drained']);
    assert.equal(drained.status.state, 'stopped');
  });

  it('is no order in a stop, and its end is none where there is no drain', () => {
    const play = loading(5);
    assert.deepEqual(resume(play), []);
    play.drain(10_000);
    assert.deepEqual(order(play), []);
    assert.deepEqual(resume(play), []);
    assert.equal(play.status.drain, null);
    assert.equal(play.wakesIn, 10_000);
  });

  it('counts since its first order, with the words of the last one', () => {
    const play = loading(5);
    order(play);
    play.tell({ type: 'drain-ordered', order: { since: 9, by: 'jo', reason: '' } });
    assert.deepEqual(play.status.drain, { since: ORDER.since, by: 'jo', reason: '' });
  });

  it('heeds no assignment of the group that it has left', () => {
    const play = loading();
    order(play);
    play.committed('0:0');
    assert.deepEqual(play.tell({ type: 'assigned', epoch: 2, partitions: [partition(0)] }), []);
    assert.deepEqual(play.status.partitions, []);
  });
});
