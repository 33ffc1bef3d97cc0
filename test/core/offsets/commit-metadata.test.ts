import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AttemptCounts,
  decodeMetadata,
  encodeMetadata,
  MAX_METADATA_CHARACTERS,
  type Range,
} from '../../../lib/core/offsets/commit-metadata.js';
import { seededRandom } from '../../support/random.js';

const NONE: ReadonlyMap<number, AttemptCounts> = new Map();

function roundTrip(position: number, completed: readonly Range[], attempts = NONE, clean = false): void {
  const metadata = encodeMetadata(position, { completed, attempts, clean });
  assert.deepEqual(decodeMetadata(position, metadata), { completed, attempts, clean });
}

describe('The offset map', () => {
  it('of nothing is the empty string', () => {
    assert.equal(encodeMetadata(7, { completed: [], attempts: NONE, clean: false }), '');
    roundTrip(7, []);
  });

  it('comes back as it was', () => {
    roundTrip(0, [[1, 2]]);
    roundTrip(1_000_000_000_000, [[1_000_000_000_300, 1_000_000_020_300]]);
    roundTrip(5, [], new Map([[5, { failed: 2, timedOut: 7, interrupted: 1 }]]));
    roundTrip(5, [[6, 9]], new Map([[10, { failed: 0, timedOut: 0, interrupted: 300 }]]), true);
    roundTrip(5, [], NONE, true);
  });

  it('comes back as it was, whatever is completed', () => {
    const random = seededRandom(1);
    for (let n = 0; n < 500; n += 1) {
      const position = random.below(1_000_000);
      const completed: [number, number][] = [];
      let at = position;
      for (let runs = random.below(40); runs > 0; runs -= 1) {
        const from = at + 1 + random.below(runs % 2 === 0 ? 3 : 200);
        at = from + 1 + random.below(runs % 3 === 0 ? 2 : 500);
        completed.push([from, at]);
      }
      roundTrip(position, completed);
    }
  });

  it('of 20,000 offsets ahead of one that is stuck takes a few characters', () => {
    const metadata = encodeMetadata(0, { completed: [[1, 20_001]], attempts: NONE, clean: false });
    assert.ok(metadata.length <= 16, metadata);
  });

  it('of every second offset in 20,000 still fits', () => {
    const completed = Array.from({ length: 10_000 }, (_, n): Range => [2 * n + 1, 2 * n + 2]);
    const metadata = encodeMetadata(0, { completed, attempts: NONE, clean: false });
    assert.ok(metadata.length < MAX_METADATA_CHARACTERS, String(metadata.length));
    assert.deepEqual(decodeMetadata(0, metadata)?.completed, completed);
  });

  it('has as many characters as brokers accept by default', () => {
    assert.equal(MAX_METADATA_CHARACTERS, 4_096);
  });

  it('is believed up to a span of four million offsets', () => {
    const spanning = (span: number) =>
      decodeMetadata(0, encodeMetadata(0, { completed: [[1, span]], attempts: NONE, clean: false }));
    assert.deepEqual(spanning(4_000_000)?.completed, [[1, 4_000_000]]);
    assert.equal(spanning(4_000_001), null);
  });

  it('that is foreign, damaged or absurd is refused', () => {
    const whole = encodeMetadata(0, {
      completed: [[1, 300]],
      attempts: new Map([[0, { failed: 1, timedOut: 0, interrupted: 0 }]]),
      clean: false,
    });
    const cut = btoa(atob(whole).slice(0, -1));
    const absurd = btoa(String.fromCharCode(1, 0, 9, 1, 255, 255, 255, 255, 255, 255, 127, 0));
    for (const metadata of ['not ours', 'AgAA', btoa('\u0001'), btoa('\u0001\u0009\u0000'), cut, absurd]) {
      assert.equal(decodeMetadata(0, metadata), null, metadata);
    }
  });
});
