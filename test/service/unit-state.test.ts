import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Probe, probeReadiness } from '../../lib/http/probes.js';
import { unitState } from '../../lib/service/unit-state.js';
import { ORDERLY, Play, partition, SETTINGS, TOPIC } from '../support/engine.js';

const LIVE: Probe = { ok: true, reasons: [] };

function stateOf(play: Play, isPoolReady = true, obstacle: string | null = null, live = LIVE) {
  return unitState(play.status, live, probeReadiness(play.status, isPoolReady, obstacle), isPoolReady);
}

describe('the state of the unit', () => {
  it('is starting until the group is joined and the pool is complete, and says what is missing', () => {
    const play = new Play();
    assert.deepEqual(stateOf(play, true, 'no broker answers'), {
      phase: 'starting',
      isLive: true,
      status: 'the consumer has not joined its group yet: no broker answers',
    });
    play.assign(0, 1);
    assert.equal(stateOf(play, false).phase, 'starting');
    assert.deepEqual(stateOf(play), { phase: 'running', isLive: true, status: 'reading 2 partitions of files' });
  });

  it('is reloading while settings are exchanged, once it has started and before it stops', () => {
    const play = new Play();
    const phase = (isPoolReady = true) => {
      const ready = probeReadiness(play.status, isPoolReady, null);
      return unitState(play.status, LIVE, ready, isPoolReady, true).phase;
    };
    assert.equal(phase(), 'starting');
    play.assign(0);
    assert.deepEqual([phase(), phase(false)], ['reloading', 'starting']);
    play.tell({ type: 'drain', stopAt: 0 });
    assert.equal(phase(), 'stopping');
  });

  it('counts partitions once, though what was set aside of them is read beside them', () => {
    const waiting = { of: TOPIC, topic: `${TOPIC}.waiting` };
    const play = new Play({ records: { ...SETTINGS.records, waiting } });
    const partitions = [partition(0), { topic: waiting.topic, partition: 0 }];
    play.tell({ type: 'assigned', epoch: 1, partitions });
    play.tell({ type: 'restored', epoch: 1, positions: partitions.map((of) => ({ ...of, ...ORDERLY })) });
    assert.equal(stateOf(play).status, 'reading 1 partition of files');
  });

  it('is running with the reason when ClickHouse or the brokers go away', () => {
    const play = new Play({ breaker: { ...SETTINGS.breaker, threshold: 1 } });
    play.assign(0);
    assert.equal(stateOf(play, true, 'no broker answers').status, 'no broker answers');
    assert.equal(stateOf(play, true, 'no broker answers').phase, 'running');
    play.deliver(5);
    play.end(5, 'sink-unavailable');
    assert.match(stateOf(play).status, /^holding back: /);
    assert.equal(stateOf(play).phase, 'running');
  });

  it('names what a restart would mend first', () => {
    const play = new Play();
    play.assign(0);
    const silent = { ok: false, reasons: ['no commit has been acknowledged for 90 s'] };
    assert.deepEqual(stateOf(play, true, 'odd', silent), {
      phase: 'running',
      isLive: false,
      status: 'no commit has been acknowledged for 90 s; odd',
    });
  });

  it('is stopping from the request on', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(5);
    play.drain(1_000);
    assert.equal(stateOf(play).phase, 'stopping');
  });
});
