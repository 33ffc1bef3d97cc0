/** Transcripts of lanes: a file of a higher one goes before those of lower ones, wherever these wait. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import { Play, partition, SETTINGS } from '../support/engine.js';

const ACME = { filename: '/a', tenant: 'acme' };
const BACKFILL = { headers: { lane: 'backfill' } };
const LIVE = { headers: { lane: 'live' } };

describe('the engine: lanes', () => {
  it('starts a live file when the next load ends, behind 10,000 of a backfill of the same tenant and partition', () => {
    const load = { jobs: 100, waiting: 20_000, bytes: 10_000_000 };
    const fairness = { ...SETTINGS.fairness, share: 32 };
    const play = new Play({ slots: 1, maxUncommitted: 12_000, load, fairness });
    play.assign(0);
    for (let offset = 0; offset < 10_000; offset += 1) {
      const lines = play.deliver(offset, { ...ACME, tenant: `t${offset % 50}` }, BACKFILL);
      assert.ok(!lines.some((line) => line.startsWith('pause')), lines.join());
    }
    assert.deepEqual(play.deliver(10_000, { ...ACME, tenant: 't1' }, LIVE), ['10000 accepted']);
    assert.ok(play.end(0).includes('run 0/10000/0 attempt 1'));
  });

  it('takes a lane that nobody knows for the normal one, and says so once for each', () => {
    const play = new Play({ slots: 1 });
    play.assign(0);
    play.deliver(0);
    assert.deepEqual(play.deliver(1, ACME, BACKFILL), ['1 accepted']);
    assert.deepEqual(play.deliver(2, ACME, { headers: { lane: 'urgent' } }), ['2 accepted', 'lane urgent unknown']);
    assert.deepEqual(play.deliver(3, ACME, { headers: { lane: 'URGENT' } }), ['3 accepted']);
    assert.ok(play.end(0).includes('run 0/2/0 attempt 1'));
    assert.equal(play.status.running[0]?.job.lane, 'normal');
    const said = Array.from({ length: 100 }, (_, n) => play.deliver(4 + n, ACME, { headers: { lane: `x${n}` } }));
    assert.equal(said.filter((lines) => lines.length > 1).length, 19, 'of very many only the first are named');
  });

  it('tries a live file of a table that is held first', () => {
    const play = new Play({ slots: 1, retry: { ...SETTINGS.retry, backoffMs: 100 } });
    play.assign(0);
    for (const offset of [0, 1]) play.deliver(offset, ACME, BACKFILL);
    assert.ok(play.end(0, 'table-refused').includes('table atd_acme held'));
    play.deliver(2, ACME, LIVE);
    assert.deepEqual(play.wait(100), ['run 0/2/0 attempt 1']);
  });

  it('loads a live file alone before those of a backfill, where the service ended during all of them', () => {
    const play = new Play();
    const SUSPECT = { failed: 0, timedOut: 0, interrupted: SETTINGS.retry.maxInterruptions };
    const attempts = new Map([0, 1].map((offset) => [offset, SUSPECT]));
    const metadata = encodeMetadata(0, { completed: [], attempts, clean: true });
    play.tell({ type: 'assigned', epoch: 1, partitions: [partition(0)] });
    play.tell({ type: 'restored', epoch: 1, positions: [{ ...partition(0), offset: 0, metadata }] });
    play.deliver(0, ACME, BACKFILL);
    assert.ok(play.deliver(1, ACME, LIVE).includes('0/1/0 suspected'));
    assert.ok(play.wait(10_000).includes('0/1/0 is alone'));
  });
});
