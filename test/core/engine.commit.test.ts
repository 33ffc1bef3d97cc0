/** Transcripts of commits: which offset, when, and what becomes of one that fails. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CommitOffset, EngineEvent } from '../../lib/core/events.js';
import { decodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import { outcome, Play, partition, SETTINGS } from '../support/engine.js';

function loading(...offsets: number[]): Play {
  const play = new Play({ slots: 10 });
  play.assign(0);
  for (const offset of offsets) play.deliver(offset);
  return play;
}

describe('the engine: commits', () => {
  it('pass no incomplete offset, and all that is complete beyond it with it', () => {
    const play = loading(5, 6, 7);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'commit 0:0']);
    assert.deepEqual(play.end(7), ['0/7/0 succeeded']);
    play.committed('0:0');
    play.now += 100;
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:8']);
  });

  it('tell what is complete ahead of an incomplete offset, so that another life does not repeat it', () => {
    const play = loading(5, 6, 7, 8);
    play.end(6);
    play.end(8);
    play.committed('0:0');
    assert.deepEqual(play.wait(100), ['commit 0:0']);
    play.committed('0:0');
    const next = new Play({ slots: 10 });
    next.take(play);
    assert.deepEqual(next.assign(0), ['0 has 2 completed ahead', 'resume 0']);
    // The life before did not end in order: a start is told before it happens.
    assert.deepEqual(next.deliver(5), ['5 accepted', 'commit 0:0']);
    assert.deepEqual(next.committed('0:0'), ['run 0/5/0 attempt 1']);
    next.now += 100;
    assert.deepEqual(next.deliver(6), ['6 redelivered']);
    assert.deepEqual(next.deliver(7), ['7 accepted', 'commit 0:0']);
    assert.deepEqual(next.committed('0:0'), ['run 0/7/0 attempt 1']);
    assert.deepEqual(next.deliver(8), ['8 redelivered']);
    next.now += 100;
    next.end(7);
    next.committed('0:0');
    next.now += 100;
    assert.deepEqual(next.end(5), ['0/5/0 succeeded', 'commit 0:9']);
  });

  it('count the starts that the service did not survive, until it gives the file up', () => {
    let lives = 0;
    let last = loading();
    for (; ; lives += 1) {
      const lines = last.deliver(5);
      if (lines.some((line) => line.startsWith('letter'))) break;
      const isFirst = lives === 0;
      const alone = lines.includes('0/5/0 suspected') ? last.wait(10_000) : [];
      assert.deepEqual(
        [...lines.slice(1), ...alone],
        isFirst
          ? ['run 0/5/0 attempt 1']
          : lives < 6
            ? ['commit 0:0']
            : ['0/5/0 suspected', '0/5/0 is alone', 'commit 0:0'],
      );
      if (!isFirst) assert.deepEqual(last.committed('0:0'), ['run 0/5/0 attempt 1']);
      const next = new Play({ slots: 10 });
      next.take(last);
      next.assign(0);
      last = next;
      assert.ok(lives < 100, 'it is never given up');
    }
    assert.equal(last.letters.get(1)?.disposition, 'attempts-exhausted');
    assert.deepEqual([lives, last.letters.get(1)?.attempts], [7, 6]);
  });

  it('do not count a start that came to an end before the service did', () => {
    const retry = { ...SETTINGS.retry, maxInterruptions: 1 };
    const play = new Play({ slots: 10, retry });
    play.assign(0);
    play.deliver(5);
    play.deliver(6);
    play.end(5, 'failed');
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'commit 0:0']);
    play.committed('0:0');
    const next = new Play({ slots: 10, retry });
    next.take(play);
    next.assign(0);
    assert.deepEqual(next.deliver(5), ['5 accepted', 'commit 0:0']);
    assert.deepEqual(next.committed('0:0'), ['run 0/5/0 attempt 1']);
  });

  it('of a start are not waited for an interval, but for a second once one failed', () => {
    const play = loading(5);
    const next = new Play({ slots: 10 });
    next.take(play);
    next.assign(0);
    assert.deepEqual(next.deliver(5), ['5 accepted', 'commit 0:0']);
    assert.deepEqual(next.commitFailed('0:0'), []);
    assert.deepEqual(next.wait(999), []);
    assert.deepEqual(next.deliver(6), ['6 accepted']);
    assert.deepEqual(next.wait(1), ['commit 0:0']);
    assert.deepEqual(next.committed('0:0'), ['run 0/5/0 attempt 1', 'run 0/6/0 attempt 1']);
    assert.deepEqual(next.deliver(7), ['7 accepted', 'commit 0:0']);
  });

  /** Every second of `2 * count` records is loaded, far from each other, so that each takes four bytes of metadata, and one that runs seven. */
  function riddled(count: number): { play: Play; offsets: number[] } {
    const offsets = Array.from({ length: 2 * count }, (_, index) => index * 20_000);
    const play = new Play({
      slots: 10_000,
      maxUncommitted: 1e9,
      load: { jobs: 10_000, waiting: 1_000_000, bytes: 1e9 },
    });
    play.assign(0);
    for (const offset of offsets) play.deliver(offset);
    for (const [index, offset] of offsets.entries()) if (index % 2 === 1) play.end(offset);
    play.now += 100;
    return { play, offsets };
  }

  it('whose metadata is nearly full hold the partition up until nothing in it is incomplete', () => {
    const { play, offsets } = riddled(240);
    assert.deepEqual(play.committed('0:0'), ['commit 0:0']);
    assert.deepEqual(play.wait(0), ['pause 0']);
    for (const [index, offset] of offsets.entries()) {
      if (index % 2 === 0 && index > 0) assert.deepEqual(play.end(offset), [`0/${offset}/0 succeeded`]);
    }
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'resume 0']);
  });

  it('whose metadata would be too long go without it, and say so', () => {
    const { play } = riddled(800);
    assert.deepEqual(play.committed('0:0'), ['0 metadata too-long', 'commit 0:0']);
  });

  it('name no partition again of which the broker has all', () => {
    const play = new Play({ slots: 10 });
    play.assign(0, 1);
    play.deliver(5);
    for (const offset of [5, 6]) play.deliver(offset, undefined, { partition: 1 });
    assert.deepEqual(play.end('1/6/0'), ['1/6/0 succeeded', 'commit 1:0']);
    play.committed('1:0');
    play.now += 100;
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    play.commitFailed('0:6');
    assert.deepEqual(play.wait(1_000), ['commit 0:6']);
  });

  it('keep no attempts of a record that is complete', () => {
    const play = loading(5, 6);
    play.end(6, 'failed');
    play.wait(1_000);
    const event = { type: 'finished', jobId: 'files/0/6/0', outcome: outcome('succeeded') } as const;
    const commit = play.engine.handle(event, play.now).find(({ type }) => type === 'commit');
    assert.ok(commit?.type === 'commit');
    const [{ offset, metadata }] = commit.offsets as [CommitOffset];
    assert.deepEqual([...(decodeMetadata(offset, metadata)?.attempts.keys() ?? [])], [5]);
  });

  it('of a start are waited for in a partition without any until its first record is complete', () => {
    const play = new Play({ slots: 10 });
    play.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
    const positions = [{ ...partition(0), offset: null, metadata: '' }];
    play.tell({ type: 'restored', epoch: 1, positions });
    assert.deepEqual(play.deliver(5), ['5 accepted', 'commit 0:5']);
    assert.deepEqual(play.committed('0:5'), ['run 0/5/0 attempt 1']);
    play.now += 100;
    play.end(5);
    assert.deepEqual(play.deliver(6), ['6 accepted', 'run 0/6/0 attempt 1']);
  });

  it('wait for delivered offsets only: a gap in the numbering holds nothing back', () => {
    const play = loading(5, 9, 12);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:9']);
    play.committed('0:9');
    play.end(12);
    play.now += 100;
    assert.deepEqual(play.end(9), ['0/9/0 succeeded', 'commit 0:13']);
  });

  it('wait for a dead letter to be acknowledged', () => {
    const play = loading();
    play.deliver(5, 'no json');
    play.deliver(6);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'commit 0:0']);
    play.committed('0:0');
    play.now += 100;
    assert.deepEqual(play.acknowledge(1), ['commit 0:7']);
  });

  it('are sent one at a time; what completes meanwhile goes with the next one', () => {
    const play = loading(5, 6, 7);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    play.now += 1_000;
    assert.deepEqual(play.end(6), ['0/6/0 succeeded']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.committed('0:6'), ['commit 0:7']);
  });

  it('are an interval apart', () => {
    const play = loading(5, 6, 7);
    play.end(5);
    play.committed('0:6');
    play.now += 40;
    assert.deepEqual(play.end(6), ['0/6/0 succeeded']);
    assert.equal(play.wakesIn, 60);
    assert.deepEqual(play.wait(59), []);
    assert.deepEqual(play.wait(1), ['commit 0:7']);
  });

  it('wake the engine before a job that is due later', () => {
    const play = loading(5, 6, 7);
    play.end(5);
    play.committed('0:6');
    play.end(6);
    play.end(7, 'failed');
    assert.equal(play.wakesIn, 100);
    assert.deepEqual(play.wait(100), ['commit 0:7']);
    play.committed('0:7');
    assert.equal(play.wakesIn, 900);
  });

  it('gather what completed in several partitions', () => {
    const play = new Play({ slots: 10 });
    play.assign(0, 1);
    play.deliver(5);
    play.deliver(8, undefined, { partition: 1 });
    play.deliver(6);
    play.end(5);
    play.end('1/8/0');
    play.end(6);
    play.now += 100;
    assert.deepEqual(play.committed('0:6'), ['commit 1:9 0:7']);
  });

  it('do not wait for the interval when the group is about to be rebalanced', () => {
    const play = loading(5, 6);
    play.end(5);
    play.committed('0:6');
    play.end(6);
    assert.deepEqual(play.tell({ type: 'rebalancing' }), ['commit 0:7']);
    assert.deepEqual(play.tell({ type: 'rebalancing' }), []);
  });

  it('are tried again a second after one failed, with what has completed since', () => {
    const play = loading(5, 6);
    play.end(5);
    assert.deepEqual(play.commitFailed('0:6'), []);
    assert.equal(play.wakesIn, 1_000);
    play.end(6);
    assert.deepEqual(play.wait(999), []);
    assert.deepEqual(play.wait(1), ['commit 0:7']);
    assert.deepEqual(play.committed('0:7'), []);
    assert.equal(play.wakesIn, null);
  });

  it('count as uncommitted while nobody acknowledged them, and brake reading', () => {
    const play = new Play({ slots: 10, maxUncommitted: 4 });
    play.assign(0);
    for (let offset = 1; offset <= 3; offset += 1) {
      play.deliver(offset);
      play.end(offset);
      play.commitFailed('0:2');
      play.now += 10;
    }
    assert.deepEqual(play.deliver(4), ['4 accepted', 'run 0/4/0 attempt 1', 'pause 0']);
    assert.equal(play.status.partitions[0]?.uncommitted, 4);
    play.end(4);
    assert.deepEqual(play.wait(1_000), ['commit 0:5']);
    assert.deepEqual(play.committed('0:5'), ['resume 0']);
    assert.equal(play.status.partitions[0]?.uncommitted, 0);
  });

  it('that are refused for a whole session let no load start until one is acknowledged', () => {
    const play = new Play({ slots: 1, sessionTimeoutMs: 5_000 });
    play.assign(0);
    play.deliver(5);
    play.deliver(6);
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'run 0/6/0 attempt 1', 'commit 0:6']);
    play.deliver(7);
    play.now += 4_999;
    assert.deepEqual(play.commitFailed('0:6'), []);
    assert.deepEqual(play.wait(1_000), ['starts are held', 'commit 0:6']);
    assert.deepEqual(play.end(6), ['0/6/0 succeeded']);
    assert.equal(play.wakesIn, null);
    assert.equal(play.status.commits.startsHeld, true);
    assert.deepEqual(play.committed('0:6'), ['starts go on', 'run 0/7/0 attempt 1']);
    assert.deepEqual(play.wait(100), ['commit 0:7']);
  });

  it('that nobody answers hold the starts as well, though no failure is known', () => {
    const play = new Play({ slots: 1, sessionTimeoutMs: 5_000 });
    play.assign(0);
    play.deliver(5);
    play.deliver(6);
    play.end(5);
    play.deliver(7);
    play.now += 5_000;
    assert.deepEqual(play.end(6), ['0/6/0 succeeded', 'starts are held']);
  });

  it('say why the starts are held, and why they go on', () => {
    const play = new Play({ slots: 1, sessionTimeoutMs: 5_000 });
    play.assign(0);
    play.deliver(5);
    play.end(5);
    const reasons: string[] = [];
    const hear = (event: EngineEvent) => {
      for (const effect of play.engine.handle(event, play.now))
        if (effect.type === 'starts-held') reasons.push(`${effect.held}: ${effect.reason}`);
    };
    const offsets = [{ ...partition(0), offset: 6, metadata: '' }];
    play.now += 5_000;
    hear({ type: 'tick' });
    hear({ type: 'committed', offsets });
    play.deliver(6);
    play.now += 100;
    play.end(6);
    play.now += 5_000;
    hear({ type: 'commit-failed', offsets, error: 'rebalance in progress', isMetadataTooLarge: false });
    assert.deepEqual(reasons, ['true: no answer', 'false: a commit was acknowledged', 'true: rebalance in progress']);
  });

  it('that are refused hold nothing once their partitions belong to others', () => {
    const play = new Play({ slots: 1, sessionTimeoutMs: 5_000 });
    play.assign(0, 1);
    play.deliver(5);
    play.end(5);
    play.now += 6_000;
    assert.deepEqual(play.commitFailed('0:6'), ['starts are held']);
    play.deliver(3, undefined, { partition: 1 });
    play.assign(1);
    assert.deepEqual(play.wait(1_000), ['starts go on', 'run 1/3/0 attempt 1']);
  });

  it('are repeated at once with less metadata where the broker refuses it for its length', () => {
    const play = loading(5, 6, 7, 8, 9, 10, 11, 12);
    for (const offset of [6, 8, 10, 12]) play.end(offset);
    play.committed('0:0');
    play.now += 100;
    assert.deepEqual(play.wait(0), ['commit 0:0']);
    const before = play.metadataOf(0);
    assert.ok(before.length > 8);
    const lines = play.metadataRefused('0:0');
    assert.ok(lines.includes('0 metadata refused'), lines.join());
    assert.ok(lines.includes('commit 0:0'), lines.join());
    assert.ok(play.metadataOf(0).length <= before.length / 2);
  });

  it('go without any metadata in the end, and are never repeated unchanged', () => {
    const play = loading(5, 6);
    play.end(6);
    let refused = play.metadataOf(0);
    while (play.metadataRefused('0:0').includes('commit 0:0')) {
      assert.ok(play.metadataOf(0).length <= refused.length / 2, 'it is repeated with less');
      refused = play.metadataOf(0);
    }
    assert.equal(play.wakesIn, null, 'without metadata there is nothing to say of this position');
    assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:7']);
    assert.equal(play.metadataOf(0), '');
  });

  it('without metadata hold up no start that is to be marked', () => {
    const play = loading(5);
    const next = new Play({ slots: 10 });
    next.take(play);
    next.assign(0);
    next.deliver(5);
    const died = new Play({ slots: 10 });
    died.take(next);
    died.assign(0);
    let lines = died.deliver(5);
    assert.ok(lines.includes('commit 0:0'), 'the start waits for a commit');
    while (lines.includes('commit 0:0')) lines = died.metadataRefused('0:0');
    assert.ok(lines.includes('run 0/5/0 attempt 1'), lines.join());
  });

  it('name no partition that was lost meanwhile', () => {
    const play = loading(5);
    play.end(5);
    play.commitFailed('0:6');
    play.assign(1);
    assert.deepEqual(play.wait(1_000), ['commit 1:0']);
    assert.equal(play.wakesIn, null);
  });
});
