/**
 * Transcripts of a partition that was lost and comes back while a child of it runs on: the child's end counts for the
 * record at the same offset only if that is the same record. A topic that was made anew has another one there.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play, record } from '../support/engine.js';

function returned(): Play {
  const play = new Play();
  play.assign(0);
  play.deliver(5, { filename: '/in/old' }, { timestamp: 1_000 });
  play.assign();
  play.assign(0);
  return play;
}

const STRANGERS: readonly (readonly [what: string, ...of: Parameters<typeof record>])[] = [
  ['of another file', 5, { filename: '/in/new' }, { timestamp: 1_000 }],
  ['of another time, though of the same file', 5, { filename: '/in/old' }, { timestamp: 2_000 }],
];

describe('the engine: a child that still runs', () => {
  it('counts for its record', () => {
    const play = returned();
    const same = record(5, { filename: '/in/old' }, { timestamp: 1_000 });
    assert.deepEqual(play.tell({ type: 'record', record: same }), ['5 accepted', '0/5/0 reattached']);
  });

  for (const [what, ...of] of STRANGERS) {
    it(`does not count for a record ${what}, which is loaded when the child has ended`, () => {
      const play = returned();
      assert.deepEqual(play.deliver(...of), ['5 accepted']);
      assert.deepEqual(play.end(5), ['0/5/0 succeeded']);
      // A partition that comes back was not left in order, so a start is committed before it happens.
      assert.deepEqual(play.wait(1_000), ['commit 0:0']);
      assert.deepEqual(play.committed('0:0'), ['run 0/5/0 attempt 1']);
      play.now += 100;
      assert.deepEqual(play.end(5), ['0/5/0 succeeded', 'commit 0:6']);
    });
  }
});
