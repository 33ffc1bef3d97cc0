/** Transcripts of an engine whose number of slots adapts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcome, Play } from '../support/engine.js';

function adaptive(max: number): Play {
  const play = new Play({ slots: max, adaptiveSlots: true });
  play.assign(0);
  return play;
}

describe('an engine whose slots adapt', () => {
  it('starts another job with the slot that has come', () => {
    const play = adaptive(8);
    for (let offset = 0; offset < 30; offset += 1) play.deliver(offset);
    assert.equal(play.status.running.length, 4);
    let lines: string[] = [];
    for (let offset = 0; offset < 10; offset += 1) {
      play.now += 100;
      lines = play.end(offset);
    }
    assert.ok(lines.includes('slots 4 to 5: useful'), lines.join('\n'));
    assert.deepEqual([play.status.slots, play.status.running.length], [5, 5]);
    assert.deepEqual(play.status.adaptiveSlots, { max: 8, reason: 'useful', since: play.now });
  });

  it('starts no job until so many have ended that the rest fits, and ends none', () => {
    const play = adaptive(8);
    for (let offset = 0; offset < 8; offset += 1) play.deliver(offset);
    const lines = play.tell({ type: 'machine', load: { perProcessor: 9, freeMemory: 1 } });
    assert.deepEqual(lines, ['slots 4 to 3: machine']);
    assert.equal(play.status.running.length, 4);
    assert.ok(!play.end(0).some((line) => line.startsWith('run')));
    assert.ok(play.end(1).includes('run 0/4/0 attempt 1'));
    assert.equal(play.status.running.length, 3);
  });

  it('counts what ClickHouse refuses, in its own words', () => {
    const play = adaptive(8);
    for (let offset = 0; offset < 8; offset += 1) play.deliver(offset);
    const reason = 'exit code 75: as-cli: ClickHouse error 241: memory limit (total) exceeded';
    assert.ok(play.end(0, outcome('sink-unavailable', { reason, exitCode: 75 })).includes('slots 4 to 3: refused'));
  });
});
