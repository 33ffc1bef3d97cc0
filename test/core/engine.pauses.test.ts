/** Transcripts of tenants that people have paused: their jobs wait, and nobody else does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TenantPause } from '../../lib/core/events.js';
import { Play } from '../support/engine.js';

const ACME = { filename: '/a', tenant: 'acme' };
const OTHER = { filename: '/b', tenant: 'other' };

function pauseOf(tenant: string | null, until: number | null = null): TenantPause {
  return { tenant, since: 0, until, by: 'maria', reason: 'a bad day' };
}

function paused(forMs: number | null = null, changes: ConstructorParameters<typeof Play>[0] = {}): Play {
  const play = new Play({ slots: 1, ...changes });
  play.assign(0);
  const until = forMs === null ? null : play.now + forMs;
  assert.deepEqual(play.tell({ type: 'controlled', pauses: [pauseOf('acme', until)] }), ['paused acme']);
  return play;
}

describe('the engine: a paused tenant', () => {
  it('has its jobs wait, and those of the others run', () => {
    const play = paused();
    assert.deepEqual(play.deliver(0, ACME), ['0 accepted']);
    assert.deepEqual(play.deliver(1, OTHER), ['1 accepted', 'run 0/1/0 attempt 1']);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded', 'commit 0:0']);
    play.committed('0:0');
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.status.pauses, [pauseOf('acme')]);
  });

  it('goes on when somebody says so, and its messages are committed', () => {
    const play = paused();
    play.deliver(0, ACME);
    play.deliver(1, OTHER);
    play.end(1);
    play.committed('0:0');
    assert.deepEqual(play.tell({ type: 'controlled', pauses: [] }), ['resumed acme', 'run 0/0/0 attempt 1']);
    play.now += 1_000;
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'commit 0:2']);
  });

  it('goes on by itself when its time is over', () => {
    const play = paused(60_000);
    play.deliver(0, ACME);
    assert.equal(play.wakesIn, 60_000);
    assert.deepEqual(play.wait(59_999), []);
    assert.deepEqual(play.wait(1), ['resumed acme', 'run 0/0/0 attempt 1']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.status.pauses, []);
  });

  it('may finish what runs, and does not begin its next attempt', () => {
    const play = new Play({ slots: 2 });
    play.assign(0);
    play.deliver(0, ACME);
    play.deliver(1, ACME);
    play.tell({ type: 'controlled', pauses: [pauseOf('acme')] });
    play.end(0);
    assert.ok(play.end(1, 'failed').includes('0/1/0 waits'));
    play.wait(60_000);
    assert.deepEqual(play.status.running, []);
  });

  it('fills no queue that the others need, however many files it has', () => {
    const play = paused(null, { load: { jobs: 4, waiting: 1_000, bytes: 1_000_000 } });
    for (let offset = 0; offset < 100; offset += 1)
      assert.deepEqual(play.deliver(offset, ACME), [`${offset} accepted`]);
    assert.ok(play.deliver(100, OTHER).includes('run 0/100/0 attempt 1'));
  });

  it('may be all the messages without a tenant', () => {
    const play = new Play({ slots: 1 });
    play.assign(0);
    play.tell({ type: 'controlled', pauses: [pauseOf(null)] });
    assert.deepEqual(play.deliver(0), ['0 accepted']);
  });

  it('does not hold up a stop', () => {
    const play = paused();
    play.deliver(0, ACME);
    assert.ok(play.drain(5_000).includes('drained'));
  });
});

describe('the engine: before it is known which tenants are paused', () => {
  it('starts nothing', () => {
    const play = new Play({ slots: 1, awaitsControl: true });
    play.assign(0);
    assert.deepEqual(play.deliver(0, ACME), ['0 accepted']);
    assert.equal(play.wakesIn, null);
    assert.deepEqual(play.tell({ type: 'controlled', pauses: [] }), ['run 0/0/0 attempt 1']);
  });
});
