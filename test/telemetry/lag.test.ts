import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EndOf, lagOf } from '../../lib/telemetry/lag.js';
import { Play, SETTINGS } from '../support/engine.js';

const NOTHING = { loaded: 0, failed: 0, rows: 0, bytes: 0 };
const endAt =
  (high: number, low = 0): EndOf =>
  () => ({ low, high });

/** Offsets 5 to 8 of partition 0 were read: 5 and 6 run, 7 and 8 wait. */
function fourRead(): Play {
  const play = new Play({ slots: 2 });
  play.assign(0);
  for (const offset of [5, 6, 7, 8]) play.deliver(offset, { filename: '/f', size: 50 });
  return play;
}

describe('the lag', () => {
  it('counts what was read and is not done, and what was not read', () => {
    const lag = lagOf(fourRead().status, endAt(20), NOTHING, NOTHING);
    assert.deepEqual([lag.partitions, lag.messages], [[15], 15]);
  });

  it('does not count what is completed ahead', () => {
    const play = fourRead();
    play.end(6);
    assert.equal(lagOf(play.status, endAt(20), NOTHING, NOTHING).messages, 14);
    play.end(5);
    assert.equal(lagOf(play.status, endAt(20), NOTHING, NOTHING).messages, 13);
  });

  it('is none at the end, and never less, though the end is known from before', () => {
    const play = fourRead();
    for (const offset of [5, 6, 7, 8]) play.end(offset);
    assert.equal(lagOf(play.status, endAt(9), NOTHING, NOTHING).messages, 0);
    assert.equal(lagOf(play.status, endAt(3), NOTHING, NOTHING).messages, 0);
    assert.equal(lagOf(play.status, endAt(9), NOTHING, NOTHING).secondsLeft, 0);
  });

  it('is that of the whole partition where nothing was read or committed', () => {
    const play = new Play();
    play.tell({ type: 'assigned', epoch: 1, partitions: [{ topic: 'files', partition: 0 }] });
    assert.equal(lagOf(play.status, endAt(20, 12), NOTHING, NOTHING).messages, 8);
  });

  it('is not known while the end of one partition is not', () => {
    const play = new Play();
    play.assign(0, 1);
    const endOf: EndOf = ({ partition }) => (partition === 0 ? { low: 0, high: 3 } : null);
    assert.deepEqual(lagOf(play.status, endOf, NOTHING, NOTHING), {
      partitions: [3, null],
      messages: null,
      fileBytes: null,
      secondsLeft: null,
    });
  });

  it('is none for an instance that reads no partition', () => {
    const play = new Play();
    play.assign();
    assert.equal(lagOf(play.status, endAt(9), NOTHING, NOTHING).messages, 0);
  });

  it('takes files that were not read as large as those of the last hour', () => {
    const hour = { ...NOTHING, loaded: 4, bytes: 4_000 };
    // Two wait with 50 bytes each, two run, and eleven were not read.
    assert.equal(lagOf(fourRead().status, endAt(20), hour, NOTHING).fileBytes, 100 + 11 * 1_000);
    assert.equal(lagOf(fourRead().status, endAt(20), NOTHING, NOTHING).fileBytes, 100);
  });

  it('is done after as long as the last five minutes say, and nobody knows when where nothing was done', () => {
    const perSecond = { ...NOTHING, loaded: 1, failed: 0.5 };
    assert.equal(lagOf(fourRead().status, endAt(20), NOTHING, perSecond).secondsLeft, 10);
    assert.equal(lagOf(fourRead().status, endAt(20), NOTHING, NOTHING).secondsLeft, null);
  });
});

describe('the oldest message that is not done', () => {
  it('is the first of its partition, done ones aside', () => {
    const play = new Play({ slots: SETTINGS.slots });
    play.assign(0);
    const oldest = () => play.status.partitions[0]?.oldestAt;
    assert.equal(oldest(), null);
    play.deliver(5);
    play.deliver(6);
    const first = oldest();
    assert.equal(typeof first, 'number');
    play.end(6);
    assert.equal(oldest(), first);
    play.end(5);
    assert.equal(oldest(), null);
  });
});
