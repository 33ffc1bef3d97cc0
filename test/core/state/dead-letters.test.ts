import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeadLetters } from '../../../lib/core/state/dead-letters.js';
import { newPartitionState } from '../../../lib/core/state/partition-state.js';
import {
  composeLetter,
  type Failure,
  newPendingRecord,
  type PendingRecord,
} from '../../../lib/core/state/pending-record.js';
import { outcome, partition, record } from '../../support/engine.js';

function open(...failures: Partial<Failure>[]): PendingRecord {
  const whole = failures.map((failure) => ({
    file: '/a',
    disposition: 'permanent-failure' as const,
    reason: 'exit code 65',
    attempts: 1,
    outcome: outcome('failed', { exitCode: 65, stderrTail: 'bad' }),
    firstFailedAt: 500,
    ...failure,
  }));
  return { ...newPendingRecord(record(5), newPartitionState(partition(0))), failures: whole };
}

function pending(): { letters: DeadLetters; of: PendingRecord; id: number } {
  const letters = new DeadLetters();
  const of = open({});
  return { letters, of, id: letters.add(of, composeLetter(of)) };
}

describe('DeadLetters', () => {
  it('give their record back when they are acknowledged, once', () => {
    const { letters, of, id } = pending();
    assert.equal(letters.inFlight, 1);
    assert.equal(letters.acknowledged(id), of);
    assert.equal(letters.acknowledged(id), null);
    assert.equal(letters.size, 0);
  });

  it('are due again later and later while they are refused', () => {
    const { letters, id } = pending();
    let now = 0;
    for (const wait of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      letters.refused(id, 'no leader', now, 1);
      assert.equal(letters.nextAt(), now + wait);
      assert.deepEqual(letters.due(now + wait - 1), []);
      now += wait;
      assert.deepEqual(
        letters.due(now).map((due) => due.id),
        [id],
      );
      assert.equal(letters.nextAt(), null);
    }
  });

  it('are failing from a refusal until an acknowledgement, also on their way', () => {
    const { letters, id } = pending();
    assert.deepEqual([letters.failing, letters.refusal], [false, null]);
    letters.refused(id, 'no leader', 0, 1);
    assert.deepEqual([letters.failing, letters.inFlight, letters.size], [true, 0, 1]);
    assert.deepEqual(letters.refusal, { letters: 1, error: 'no leader' });
    letters.due(1_000);
    assert.deepEqual([letters.failing, letters.inFlight, letters.size], [true, 1, 1]);
    letters.acknowledged(id);
    assert.equal(letters.failing, false);
  });

  it('wake the engine for the one that is due first, and are sent again in the order in which they were added', () => {
    for (const waits of [
      [0, 500, 1_000],
      [500, 0, 1_000],
      [1_000, 500, 0],
    ]) {
      const letters = new DeadLetters();
      const onItsWay = open({});
      letters.add(onItsWay, composeLetter(onItsWay));
      const ids = waits.map((wait) => {
        const of = open({});
        const id = letters.add(of, composeLetter(of));
        letters.refused(id, 'no leader', wait, 1);
        return id;
      });
      letters.add(onItsWay, composeLetter(onItsWay));
      assert.equal(letters.nextAt(), 1_000);
      const due = (now: number) => letters.due(now).map(({ id }) => id);
      assert.deepEqual(due(1_000), [ids[waits.indexOf(0)]]);
      assert.equal(letters.nextAt(), 1_500);
      assert.deepEqual(
        due(9_000),
        ids.filter((_, index) => waits[index] !== 0),
      );
    }
  });

  it('of a lost partition are forgotten when they wait, and not while they are on their way', () => {
    const { letters, of, id } = pending();
    of.owned.lost = true;
    assert.deepEqual(letters.due(1_000_000), []);
    assert.equal(letters.size, 1);
    letters.refused(id, 'no leader', 0, 1);
    assert.deepEqual(letters.due(0), []);
    assert.equal(letters.size, 0);
  });

  it('take no notice of an answer for a letter that nobody sent', () => {
    const letters = new DeadLetters();
    letters.refused(99, 'no leader', 0, 1);
    assert.equal(letters.acknowledged(99), null);
    assert.equal(letters.nextAt(), null);
  });
});

describe('composeLetter', () => {
  it('tells of one failure', () => {
    const of = open({});
    assert.deepEqual(composeLetter(of), {
      record: { ...record(5), headers: Object.create(null) },
      disposition: 'permanent-failure',
      reason: 'exit code 65',
      files: ['/a'],
      attempts: 1,
      exitCode: 65,
      signal: null,
      stderrTail: 'bad',
      firstFailedAt: 500,
    });
  });

  it('tells of several by the first one, the most attempts and the earliest failure, and names all files', () => {
    const letter = composeLetter(
      open({}, { file: '/b', disposition: 'file-missing', attempts: 3, firstFailedAt: 200 }, { file: '/c' }),
    );
    assert.deepEqual(letter.files, ['/a', '/b', '/c']);
    assert.deepEqual([letter.disposition, letter.attempts, letter.firstFailedAt], ['permanent-failure', 3, 200]);
    assert.equal(letter.reason, 'exit code 65 (and 2 more files)');
  });

  it('names no file of a record that could not be read', () => {
    const letter = composeLetter(open({ file: '', disposition: 'invalid-message', attempts: 0, outcome: null }));
    assert.deepEqual([letter.files, letter.exitCode, letter.stderrTail], [[], null, '']);
  });
});
