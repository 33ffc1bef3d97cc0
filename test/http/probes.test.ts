import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probeLiveness, probeReadiness } from '../../lib/http/probes.js';
import { Play, SETTINGS } from '../support/engine.js';

describe('probeLiveness', () => {
  it('holds before the group was joined, and for as long as the last acknowledgement is recent', () => {
    for (const memberMs of [null, 0, 90_000]) {
      assert.deepEqual(probeLiveness({ memberMs, commitMs: 90_000 }, 90_000), { ok: true, reasons: [] });
    }
  });

  it('fails when nothing was acknowledged for too long', () => {
    assert.deepEqual(probeLiveness({ memberMs: 90_001, commitMs: 0 }, 90_000), {
      ok: false,
      reasons: ["the group's coordinator has acknowledged nothing for 90 s, though a broker answers"],
    });
  });

  it('fails when commits alone are refused for too long', () => {
    assert.deepEqual(probeLiveness({ memberMs: 0, commitMs: 90_001 }, 90_000), {
      ok: false,
      reasons: ['no commit has been acknowledged for 90 s, though a broker answers'],
    });
  });
});

describe('probeReadiness', () => {
  function running(): Play {
    const play = new Play({ breaker: { ...SETTINGS.breaker, threshold: 1 } });
    play.assign(0);
    return play;
  }

  it('holds when the group is joined and the pool complete', () => {
    assert.deepEqual(probeReadiness(running().status, true, null), { ok: true, reasons: [] });
  });

  it('fails before that and says of each what is missing', () => {
    assert.deepEqual(probeReadiness(new Play().status, false, null), {
      ok: false,
      reasons: ['the consumer has not joined its group yet', 'the worker pool is not complete'],
    });
  });

  it('holds while ClickHouse is away: a restart would only make it worse', () => {
    const play = running();
    play.deliver(5);
    play.end(5, 'sink-unavailable');
    assert.equal(play.status.breaker.state, 'open');
    assert.equal(probeReadiness(play.status, true, null).ok, true);
  });

  it('fails when the loader cannot be run', () => {
    const play = running();
    play.deliver(5);
    play.end(5, 'service-fault');
    assert.deepEqual(probeReadiness(play.status, true, null).reasons, ['the loader cannot be run: it service-fault']);
  });

  it('fails while the dead-letter topic refuses letters, and says what it said', () => {
    const play = running();
    play.deliver(5, 'no json');
    assert.equal(probeReadiness(play.status, true, null).ok, true, 'a letter on its way is nothing odd');
    play.refuse(1);
    assert.deepEqual(probeReadiness(play.status, true, null).reasons, [
      'nothing is read while a dead letter is refused: no leader',
    ]);
    play.wait(30_000);
    play.acknowledge(1);
    assert.equal(probeReadiness(play.status, true, null).ok, true);
  });

  it('fails while the service stops and when it has stopped', () => {
    const play = running();
    play.deliver(5);
    play.drain(1_000);
    assert.deepEqual(probeReadiness(play.status, true, null).reasons, ['the service is stopping']);
    play.end(5, 'failed');
    assert.equal(play.status.state, 'stopped');
    assert.deepEqual(probeReadiness(play.status, true, null).reasons, ['the service is stopping']);
  });

  it('fails with what keeps the consumer from its work', () => {
    const obstacle = 'no broker answers: connect ECONNREFUSED 127.0.0.1:9092';
    assert.deepEqual(probeReadiness(running().status, true, obstacle).reasons, [obstacle]);
    assert.deepEqual(probeReadiness(new Play().status, true, obstacle).reasons, [
      `the consumer has not joined its group yet: ${obstacle}`,
    ]);
  });

  it('fails while no load is started, for commits are refused', () => {
    const play = running();
    play.deliver(5);
    play.end(5);
    play.now += SETTINGS.sessionTimeoutMs;
    play.commitFailed('0:6');
    assert.deepEqual(probeReadiness(play.status, true, null).reasons, [
      'no load is started, for no commit has been acknowledged for a session: rebalance in progress',
    ]);
  });
});
