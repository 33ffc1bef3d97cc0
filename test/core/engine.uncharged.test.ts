/** Transcripts of the waits between repetitions that are not charged: they grow only as long as nothing else happens. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Play } from '../support/engine.js';

/** The wait after each ending of the same job, which runs again as soon as the wait is over. */
function waitsAfter(play: Play, endings: readonly Parameters<Play['end']>[1][]): (number | null)[] {
  play.assign(0);
  play.deliver(5);
  return endings.map((ending) => {
    play.end(5, ending);
    const wait = play.wakesIn;
    if (wait !== null) play.wait(wait);
    return wait;
  });
}

describe('the engine: repetitions that are not charged', () => {
  it('come after waits that double, up to a bound', () => {
    const endings = Array(8).fill('machine-fault');
    assert.deepEqual(waitsAfter(new Play(), endings), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it('begin with the shortest wait again after an attempt that was charged', () => {
    const endings = ['machine-fault', 'machine-fault', 'machine-fault', 'failed', 'machine-fault'] as const;
    assert.deepEqual(waitsAfter(new Play(), endings), [1_000, 2_000, 4_000, 1_000, 1_000]);
  });
});
