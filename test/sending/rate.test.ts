import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { batchSize, pauseBefore, rateOf } from '../../lib/sending/rate.js';

describe('--rate', () => {
  it('is so many in a second, a minute or an hour', () => {
    assert.deepEqual(['20', '20/s', '30/min', '30/m', '1800/h', '0.5/s', undefined].map(rateOf), [
      20,
      20,
      0.5,
      0.5,
      0.5,
      0.5,
      null,
    ]);
    for (const text of ['0', '', '-1', 'x', '1/d', '1 s']) assert.throws(() => rateOf(text), /--rate .* is no speed/);
  });

  it('sends no more at once than a second may see', () => {
    assert.deepEqual(
      [batchSize(null, 100), batchSize(7.9, 100), batchSize(0.1, 100), batchSize(500, 100)],
      [100, 7, 1, 100],
    );
  });

  it('waits for what was sent too early, and not for what was late', () => {
    assert.equal(pauseBefore(0, 0, 2), 0);
    assert.equal(pauseBefore(4, 500, 2), 1_500);
    assert.equal(pauseBefore(4, 5_000, 2), 0);
    assert.equal(pauseBefore(4, 0, null), 0);
  });
});
