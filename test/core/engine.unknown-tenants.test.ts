/** Transcripts of tenants that are not on the allow-list: refused at once, or held for as long as the list may be late. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play, SETTINGS } from '../support/engine.js';

const HOLD_MS = 60_000;
const LATE = { filename: '/late', tenant: 'late' };
const KNOWN = { filename: '/known', tenant: 'acme' };

function holding(changes: ConstructorParameters<typeof Play>[0] = {}, allowedTenants = ['acme'], ms = HOLD_MS): Play {
  const { records } = SETTINGS;
  const routing = { ...records.routing, allowedTenants: new Set(allowedTenants) };
  const play = new Play({ records: { ...records, routing, holdUnknownMs: ms }, ...changes });
  play.assign(0);
  return play;
}

describe('a tenant that is not on the allow-list', () => {
  it('is refused at once where nothing else is said', () => {
    const play = holding({}, ['acme'], 0);
    assert.deepEqual(play.deliver(0, LATE), ['0 rejected', 'letter 1 tenant-denied of 0']);
  });

  it('is held, uncharged, and becomes the letter that it would have been when its time is over', () => {
    const play = holding();
    const { now } = play;
    assert.deepEqual(play.deliver(0, LATE), ['0 held', 'tenant late held']);
    play.now += 10_000;
    assert.deepEqual(play.deliver(1, LATE), ['1 held']);
    assert.deepEqual(play.status.heldTenants, [{ tenant: 'late', records: 2, since: now, until: now + HOLD_MS }]);
    assert.equal(play.wakesIn, HOLD_MS - 10_000);
    assert.deepEqual(play.wait(HOLD_MS - 10_001), []);
    assert.deepEqual(play.wait(1), ['letter 1 tenant-denied of 0']);
    const letter = play.letters.get(1);
    assert.equal(
      letter?.reason,
      'tenant "late" is not in tenants.allowed or tenants.allowed_file, nor was it 60 s later',
    );
    assert.deepEqual([letter?.attempts, letter?.firstFailedAt], [0, now]);
    assert.equal(play.wakesIn, 10_000);
    assert.deepEqual(play.acknowledge(1), ['commit 0:1']);
    assert.deepEqual(play.wait(10_000), ['letter 2 tenant-denied of 1']);
    assert.deepEqual(play.status.heldTenants, []);
  });

  it('holds up no other tenant, and takes no place in the queue', () => {
    const play = holding({ load: { ...SETTINGS.load, jobs: 2, waiting: 2 } });
    for (let offset = 0; offset < 20; offset += 1) assert.ok(!play.deliver(offset, LATE).includes('pause 0'));
    assert.deepEqual(play.deliver(20, KNOWN), ['20 accepted', 'run 0/20/0 attempt 1']);
    assert.deepEqual(play.end(20), ['0/20/0 succeeded', 'commit 0:0']);
    assert.equal(play.status.queue.jobs, 0);
  });

  it('is loaded by a run that has it on its list', () => {
    const play = holding();
    play.deliver(0, LATE);
    play.deliver(1, KNOWN);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded', 'commit 0:0']);
    play.committed('0:0');
    assert.ok(play.drain(1_000).includes('drained'));
    const next = new Play();
    next.take(play);
    assert.ok(next.assign(0).includes('0 has 1 completed ahead'));
    assert.deepEqual(next.deliver(0, LATE), ['0 accepted', 'commit 0:0']);
    assert.deepEqual(next.committed('0:0'), ['run 0/0/0 attempt 1']);
    assert.deepEqual(next.deliver(1, KNOWN), ['1 redelivered']);
  });

  it('waits on through a rebalance that leaves its partition here, and from its start anew where another reads it', () => {
    const play = holding();
    play.deliver(0, LATE);
    for (let rebalance = 0; rebalance < 5; rebalance += 1) {
      play.now += HOLD_MS / 6;
      play.assign(0);
      assert.deepEqual(play.deliver(0, LATE), ['0 redelivered']);
    }
    const next = holding();
    next.take(play);
    next.now = play.now;
    next.assign(0);
    next.deliver(0, LATE);
    assert.deepEqual(play.wait(HOLD_MS / 6), ['letter 1 tenant-denied of 0']);
    assert.deepEqual(next.wait(HOLD_MS - 1), []);
    assert.deepEqual(next.wait(1), ['letter 1 tenant-denied of 0']);
  });

  it('is held for as long whatever time its producer has given it', () => {
    for (const timestamp of [-1, 0, 1, 1_000_000 - HOLD_MS, 10_000_000]) {
      const play = holding();
      assert.deepEqual(play.deliver(0, LATE, { timestamp }), ['0 held', 'tenant late held']);
      assert.deepEqual(play.wait(HOLD_MS - 1), []);
      assert.deepEqual(play.wait(1), ['letter 1 tenant-denied of 0']);
    }
  });

  it('is nobody’s any more when its partition is lost, or others have gone on', () => {
    const lost = holding();
    lost.deliver(0, LATE);
    lost.assign(1);
    assert.deepEqual(lost.status.heldTenants, []);
    assert.deepEqual(lost.wait(HOLD_MS), []);
    const passed = holding();
    passed.deliver(0, LATE);
    passed.return('0:1');
    passed.restore(0);
    assert.deepEqual(passed.status.heldTenants, []);
    assert.equal(passed.status.queue.messageBytes, 0);
    assert.deepEqual(passed.wait(HOLD_MS), []);
  });

  it('is refused at once when no list could have its name', () => {
    assert.deepEqual(holding().deliver(0, { filename: '/x', tenant: 'a-b' }), [
      '0 rejected',
      'letter 1 tenant-denied of 0',
    ]);
  });

  it('sends no letter while the service stops', () => {
    const play = holding();
    play.deliver(0, LATE);
    assert.ok(!play.drain(1).some((line) => line.startsWith('letter')));
    assert.equal(play.letters.size, 0);
  });

  it('waits no more when it comes onto the list, in the order of its messages', () => {
    const play = holding({ slots: 2 });
    play.deliver(0, LATE);
    play.deliver(1, { filename: '/x', tenant: 'never' });
    play.deliver(2, { filename: ['/a', '/b'], tenant: 'late' });
    assert.deepEqual(play.tell({ type: 'allowed', tenants: new Set(['acme', 'late']) }), [
      'allowed: +late -',
      'tenant late released with 2',
      'run 0/0/0 attempt 1',
      'run 0/2/0 attempt 1',
    ]);
    assert.deepEqual(
      play.status.heldTenants.map(({ tenant, records }) => [tenant, records]),
      [['never', 1]],
    );
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'run 0/2/1 attempt 1', 'commit 0:1']);
    play.end('0/2/0');
    play.end('0/2/1');
    assert.deepEqual(play.deliver(3, LATE), ['3 accepted', 'run 0/3/0 attempt 1']);
    play.wait(HOLD_MS);
    assert.deepEqual(
      [...play.letters.values()].map(({ record: { offset } }) => offset),
      [1],
    );
  });

  it('is given up for what else is wrong with it once its tenant is let in', () => {
    const play = holding();
    play.deliver(0, { filename: 'not/absolute', tenant: 'late' });
    assert.deepEqual(play.tell({ type: 'allowed', tenants: new Set(['late']) }), [
      'allowed: +late -acme',
      'tenant late released with 1',
      'letter 1 path-denied of 0',
    ]);
  });

  it('is let in by a list that lets in everybody', () => {
    const play = holding();
    play.deliver(0, LATE);
    assert.ok(play.tell({ type: 'allowed', tenants: new Set() }).includes('run 0/0/0 attempt 1'));
  });

  it('is not released for a partition that was lost, nor for one that others have finished', () => {
    const play = holding();
    play.deliver(0, LATE);
    play.assign(1);
    assert.deepEqual(play.tell({ type: 'allowed', tenants: new Set(['late']) }), ['allowed: +late -acme']);
    assert.equal(play.status.queue.jobs, 0);
  });

  it('is told of in one line when the list is read again and is the same', () => {
    const play = holding();
    assert.deepEqual(play.tell({ type: 'allowed', tenants: new Set(['acme']) }), []);
  });
});

describe('a tenant that is taken off the allow-list', () => {
  const RUNNING = { filename: '/one', tenant: 'acme' };

  it('has what was accepted loaded, and what comes later refused', () => {
    const play = holding({ slots: 1 }, ['acme', 'late'], 0);
    play.deliver(0, RUNNING);
    play.deliver(1, RUNNING);
    assert.deepEqual(play.tell({ type: 'allowed', tenants: new Set(['late']) }), ['allowed: + -acme']);
    assert.deepEqual(play.deliver(2, RUNNING), ['2 rejected', 'letter 1 tenant-denied of 2']);
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'run 0/1/0 attempt 1', 'commit 0:1']);
    assert.ok(play.end(1).includes('0/1/0 succeeded'));
  });

  it('is held where unknown ones are, and goes on when it comes back', () => {
    const play = holding();
    play.tell({ type: 'allowed', tenants: new Set(['late']) });
    assert.deepEqual(play.deliver(0, RUNNING), ['0 held', 'tenant acme held']);
    const back = play.tell({ type: 'allowed', tenants: new Set(['acme', 'late']) });
    assert.deepEqual(back, ['allowed: +acme -', 'tenant acme released with 1', 'run 0/0/0 attempt 1']);
  });
});
