/**
 * Transcripts of rebalances. After every join the client goes back to the committed offset in all partitions, so records
 * come again; and partitions may be lost and come back while their children run on.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play, partition } from '../support/engine.js';

describe('the engine: rebalances', () => {
  it('recognise the records of a retained partition, done, running or waiting, and load the rest', () => {
    const play = new Play({ slots: 2 });
    play.assign(0);
    for (const offset of [5, 6, 7]) play.deliver(offset);
    play.end(6);
    play.committed('0:0');
    play.now += 100;
    assert.deepEqual(play.assign(0), ['resume 0']);
    for (const offset of [5, 6, 7]) assert.deepEqual(play.deliver(offset), [`${offset} redelivered`]);
    assert.deepEqual(play.deliver(8), ['8 accepted']);
    play.end(7);
    play.end(8);
    play.committed('0:0');
    play.now += 100;
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:9']);
  });

  it('keep the attempts of a retained partition', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.end(5, 'failed');
    play.assign(0);
    assert.deepEqual(play.deliver(5), ['5 redelivered']);
    assert.deepEqual(play.wait(1_000), ['run 0/5/0 attempt 2']);
  });

  it('drop what waits for a lost partition and count nothing that still runs for it', () => {
    const play = new Play({ slots: 1 });
    play.assign(0, 1);
    play.deliver(5);
    play.deliver(6);
    play.deliver(9, undefined, { partition: 1 });
    assert.deepEqual(play.assign(1), ['lost 0 with 2 jobs', 'resume 1']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'run 1/9/0 attempt 1']);
    assert.equal(play.wakesIn, null);
  });

  it('do not repeat a failed job of a lost partition, nor send a letter for it', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.assign();
    assert.deepEqual(play.end(5, 'failed'), ['0/5/0 failed']);
    assert.equal(play.wakesIn, null);
  });

  it('attach a child that still runs to its record when the partition comes back', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    assert.deepEqual(play.assign(), ['lost 0 with 1 jobs']);
    play.assign(0);
    assert.deepEqual(play.deliver(5), ['5 accepted', '0/5/0 reattached']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
  });

  for (const [what, message, changes] of [
    ['another file', { filename: '/in/other' }, {}],
    ['another time', { filename: '/in/5' }, { timestamp: 1_800_000_000_000 }],
  ] as const) {
    it(`do not attach a child that still runs to a record of ${what}: it waits until the child has ended`, () => {
      const play = new Play();
      play.assign(0);
      play.deliver(5, { filename: '/in/5' });
      play.assign();
      play.assign(0);
      assert.deepEqual(play.deliver(5, message, changes), ['5 accepted']);
      assert.deepEqual(play.end(5), ['0/5/0 succeeded']);
      assert.deepEqual(play.wait(1_000), ['commit 0:0']);
      assert.deepEqual(play.committed('0:0'), ['run 0/5/0 attempt 1']);
    });
  }

  it('start nothing of what waits before it is known how far others came with it', () => {
    const play = new Play({ slots: 1 });
    play.assign(0);
    play.deliver(5);
    play.deliver(6);
    play.return('0:0');
    assert.deepEqual(play.end(5), ['0/5/0 succeeded']);
    assert.deepEqual(play.restore(0), ['run 0/6/0 attempt 1', 'resume 0']);
  });

  it('go on with what waits behind the records that others finished', () => {
    const play = new Play({ slots: 1 });
    play.assign(0);
    for (const offset of [5, 6, 7]) play.deliver(offset);
    play.return('0:7');
    assert.deepEqual(play.restore(0), ['lost 0 with 2 jobs', 'resume 0']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'run 0/7/0 attempt 1']);
    assert.deepEqual(play.end(7), ['0/7/0 succeeded', 'commit 0:8']);
  });

  it('take no answer to what an earlier assignment asked', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.return('0:0');
    const positions = [{ ...partition(0), offset: 8, metadata: '' }];
    assert.deepEqual(play.tell({ type: 'restored', epoch: 1, positions }), []);
    assert.deepEqual(play.restore(0), ['resume 0']);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
  });

  it('start only those files of a returned record anew that do not run', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5, { filename: ['/a', '/b'] });
    play.assign();
    play.end('0/5/0');
    play.assign(0);
    assert.deepEqual(play.deliver(5, { filename: ['/a', '/b'] }), ['5 accepted', '0/5/1 reattached', 'commit 0:0']);
    assert.deepEqual(play.committed('0:0'), ['run 0/5/0 attempt 1']);
    play.now += 100;
    play.end('0/5/1');
    assert.deepEqual(play.end('0/5/0'), ['0/5/0 succeeded', 'commit 0:6']);
  });

  it('commit nothing of a returned partition before it is known how far others came with it', () => {
    const play = new Play({ slots: 2 });
    play.assign(0);
    for (const offset of [5, 6, 7]) play.deliver(offset);
    play.end(5);
    play.commitFailed('0:6');
    assert.deepEqual(play.return('0:8'), ['pause 0']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.wait(5_000), []);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded']);
    assert.deepEqual(play.tell({ type: 'rebalancing' }), []);
    assert.deepEqual(play.restore(0), ['lost 0 with 1 jobs', 'resume 0']);
    assert.deepEqual(play.deliver(8), ['8 accepted', 'run 0/8/0 attempt 1']);
    play.end(7);
    assert.deepEqual(play.end(8), ['0/8/0 succeeded', 'commit 0:9']);
  });

  it('commit again what a commit took back that was taken after the join', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.end(5);
    play.return('0:8');
    play.restore(0);
    assert.deepEqual(play.committed('0:6'), []);
    assert.deepEqual(play.wait(100), ['commit 0:8']);
  });

  it('state every pause anew, since the client may have forgotten them', () => {
    const play = new Play({ slots: 1, load: { jobs: 2, waiting: 1_000_000, bytes: 1_000_000 } });
    play.assign(0, 1);
    play.deliver(5);
    assert.deepEqual(play.deliver(6), ['6 accepted', 'pause 0 1']);
    assert.deepEqual(play.assign(0, 1), ['pause 0 1']);
    assert.deepEqual(play.assign(0, 2), ['lost 1 with 0 jobs', 'pause 0 2']);
  });

  it('forget the refused letters of a lost partition: its new owner sends its own', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5, 'no json');
    play.refuse(1);
    assert.deepEqual(play.assign(1), ['lost 0 with 0 jobs', 'resume 1']);
    assert.equal(play.wakesIn, null);
    assert.equal(play.status.deadLettersPending, 0);
  });

  it('take no harm from the acknowledgement of a letter or a commit of a lost partition', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.deliver(6, 'no json');
    play.end(5);
    play.assign(1);
    assert.deepEqual(play.acknowledge(1), []);
    assert.deepEqual(play.committed('0:6'), []);
    assert.deepEqual(play.wait(100), ['commit 1:0'], 'that partition 1 has a new reader');
  });
});

describe('the engine: what is lost', () => {
  it('wakes nobody when its letter is acknowledged', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(6, 'no json');
    play.assign();
    assert.deepEqual(play.acknowledge(1), []);
    assert.equal(play.wakesIn, null);
  });
});

describe('the engine: offsets that go back', () => {
  it('are no reset when a commit is acknowledged in the middle of the repetition after a join', () => {
    const play = new Play({ slots: 10 });
    play.assign(0);
    for (const offset of [0, 1, 2, 3, 4]) play.deliver(offset);
    for (const offset of [0, 1, 2]) play.end(offset);
    play.assign(0);
    assert.deepEqual(play.deliver(0), ['0 redelivered']);
    assert.deepEqual(play.committed('0:1'), []);
    play.wait(100);
    assert.deepEqual(play.committed('0:3'), []);
    for (const offset of [1, 2, 3, 4]) assert.deepEqual(play.deliver(offset), [`${offset} redelivered`]);
    play.now += 100;
    assert.deepEqual(play.end(3), ['0/3/0 succeeded', 'commit 0:4']);
  });

  it('are no reset when the commit of an earlier ownership is acknowledged late', () => {
    const play = new Play({ slots: 10 });
    play.assign(0);
    for (const offset of [0, 1, 2]) play.deliver(offset);
    for (const offset of [2, 1, 0]) play.end(offset);
    play.assign();
    play.assign(0);
    for (const offset of [0, 1]) assert.deepEqual(play.deliver(offset), [`${offset} accepted`]);
    assert.deepEqual(play.committed('0:3'), ['commit 0:0'], 'a start is told before it happens');
    assert.deepEqual(play.committed('0:0'), ['run 0/0/0 attempt 1', 'run 0/1/0 attempt 1']);
    play.now += 100;
    assert.deepEqual(play.deliver(2), ['2 accepted', 'commit 0:0']);
    assert.deepEqual(play.committed('0:0'), ['run 0/2/0 attempt 1']);
    play.now += 100;
    // Nothing may be committed before the lowest of them is loaded.
    assert.deepEqual(play.end(2), ['0/2/0 succeeded', 'commit 0:0']);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded']);
  });

  it('behind the commit are a reset: what was known is dropped and all of it is new', () => {
    const play = new Play({ slots: 1 });
    play.assign(0);
    for (const offset of [5, 6, 7]) play.deliver(offset);
    play.end(5);
    play.committed('0:6');
    play.assign(0);
    assert.deepEqual(play.deliver(2), ['0 reset to 2', 'lost 0 with 2 jobs', '2 accepted']);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'run 0/2/0 attempt 1']);
    play.now += 100;
    assert.deepEqual(play.end(2), ['0/2/0 succeeded', 'commit 0:3']);
    assert.deepEqual(play.status.queue, { jobs: 0, delayed: 0, fileBytes: 0, messageBytes: 0 });
  });

  it('do not complete a record of a new topic by the end of a child of the old one', () => {
    const play = new Play({ slots: 2 });
    play.assign(0);
    for (const offset of [0, 1]) play.deliver(offset);
    play.end(0);
    play.committed('0:1');
    play.assign(0);
    play.deliver(0, { filename: '/new/0' }, { timestamp: 1_800_000_000_000 });
    assert.deepEqual(play.deliver(1, { filename: '/new/1' }, { timestamp: 1_800_000_000_000 }), ['1 accepted']);
    play.now += 100;
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'commit 0:1']);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded']);
    play.committed('0:1');
    assert.deepEqual(play.wait(1_000), ['run 0/1/0 attempt 1']);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded', 'commit 0:2']);
  });

  it('attach a child that still runs when the group was only rewound', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.deliver(6);
    play.end(5);
    play.committed('0:6');
    play.assign(0);
    play.deliver(5);
    assert.deepEqual(play.deliver(6), ['6 accepted', '0/6/0 reattached']);
  });
});
