import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { probeLiveness, probeReadiness } from '../../lib/http/probes.js';
import { Play, SETTINGS } from '../support/engine.js';

describe('probeLiveness', () => {
  it('holds before the consumer first showed life, and for as long as its last beat is recent', () => {
    for (const age of [null, 0, 90_000]) assert.deepEqual(probeLiveness(age, 90_000), { ok: true, reasons: [] });
  });

  it('fails when it has shown no life for too long', () => {
    assert.deepEqual(probeLiveness(90_001, 90_000), {
      ok: false,
      reasons: ['the consumer has shown no life for 90 s'],
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
    assert.deepEqual(probeReadiness(running().status, true), { ok: true, reasons: [] });
  });

  it('fails before that and says of each what is missing', () => {
    assert.deepEqual(probeReadiness(new Play().status, false), {
      ok: false,
      reasons: ['the consumer has not joined its group yet', 'the worker pool is not complete'],
    });
  });

  it('holds while ClickHouse is away: a restart would only make it worse', () => {
    const play = running();
    play.deliver(5);
    play.end(5, 'sink-unavailable');
    assert.equal(play.status.breaker.state, 'open');
    assert.equal(probeReadiness(play.status, true).ok, true);
  });

  it('fails when the loader cannot be run', () => {
    const play = running();
    play.deliver(5);
    play.end(5, 'service-fault');
    assert.deepEqual(probeReadiness(play.status, true).reasons, ['the loader cannot be run: it service-fault']);
  });

  it('fails while the dead-letter topic refuses letters, and says what it said', () => {
    const play = running();
    play.deliver(5, 'no json');
    assert.equal(probeReadiness(play.status, true).ok, true, 'a letter on its way is nothing odd');
    play.refuse(1);
    assert.deepEqual(probeReadiness(play.status, true).reasons, [
      'nothing is read while a dead letter is refused: no leader',
    ]);
    play.wait(30_000);
    play.acknowledge(1);
    assert.equal(probeReadiness(play.status, true).ok, true);
  });

  it('fails while the service stops and when it has stopped', () => {
    const play = running();
    play.deliver(5);
    play.drain(1_000);
    assert.deepEqual(probeReadiness(play.status, true).reasons, ['the service is stopping']);
    play.end(5, 'failed');
    assert.equal(play.status.state, 'stopped');
    assert.deepEqual(probeReadiness(play.status, true).reasons, ['the service is stopping']);
  });
});
