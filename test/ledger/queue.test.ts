/** Which rows of the ledger go together, which are lost, and when the next try is. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Batch, LedgerQueue, type QueueOptions } from '../../lib/ledger/queue.js';

const LINE = '{"a":1}';

function create(changes: Partial<QueueOptions> = {}): LedgerQueue {
  return new LedgerQueue({ hasDisk: () => false, mayLose: true, tokenOf: (id) => `run-${id}`, ...changes });
}

/** Adds rows, each to the batch that is open, and closes those that are due; the disk has these then, where there is one. */
function fill(queue: LedgerQueue, rows: number, now = 0, line = LINE, isStored = true): number {
  let taken = 0;
  for (let row = 0; row < rows; row += 1) {
    if (queue.add(line, now) !== null) taken += 1;
    const closed = queue.close(now);
    if (closed !== null && isStored) queue.stored(closed);
  }
  return taken;
}

function next(queue: LedgerQueue, now: number): Batch {
  const batch = queue.next(now);
  assert.ok(batch !== null);
  return batch;
}

describe('batches of the ledger', () => {
  it('are what came within a second, in its order, under a token of their own', () => {
    const queue = create();
    queue.add('1', 0);
    queue.add('2', 999);
    assert.equal(queue.close(999), null);
    assert.equal(queue.nextAt(), 1_000);
    assert.deepEqual(queue.close(1_000)?.lines, ['1', '2']);
    queue.add('3', 1_000);
    queue.close(2_000);
    const first = next(queue, 2_000);
    assert.deepEqual([first.token, first.lines], ['run-1', ['1', '2']]);
    assert.equal(queue.next(2_000), null, 'one at a time');
    assert.equal(queue.succeeded(first), false);
    assert.deepEqual(next(queue, 2_000).token, 'run-2');
  });

  it('are closed earlier when they are full, and at once when that is asked for', () => {
    const queue = create();
    fill(queue, 1_001);
    assert.equal(next(queue, 0).rows, 1_000);
    assert.equal(queue.close(0), null);
    assert.equal(queue.close(0, true)?.rows, 1);
    assert.equal(queue.close(0, true), null);
  });

  it('are tried again, the same rows under the same token, after waits that grow', () => {
    const queue = create();
    queue.add('1', 0);
    queue.close(1_000);
    const batch = next(queue, 1_000);
    assert.equal(queue.failed(batch, 1_000, 1), true);
    assert.equal(queue.isFailing, true);
    assert.equal(queue.next(1_999), null);
    assert.equal(queue.nextAt(), 2_000);
    assert.equal(next(queue, 2_000), batch);
    assert.equal(queue.failed(batch, 2_000, 1), false, 'no news');
    assert.equal(queue.nextAt(), 4_000);
    queue.hasten();
    assert.equal(next(queue, 2_000), batch);
    assert.equal(queue.succeeded(batch), true, 'it is back');
    assert.deepEqual([queue.written, queue.waiting, queue.nextAt()], [1, 0, null]);
  });

  it('wait for thirty seconds at the most', () => {
    const queue = create();
    queue.add('1', 0);
    queue.close(1_000);
    let now = 1_000;
    for (let failure = 0; failure < 50; failure += 1) {
      queue.failed(next(queue, now), now, 1);
      const at = queue.nextAt() as number;
      assert.ok(at - now <= 30_000, `${at - now}`);
      now = at;
    }
  });
});

describe('rows of the ledger for which there is no room', () => {
  it('are lost and counted, and those that there are stay', () => {
    const queue = create();
    assert.equal(fill(queue, 25_000), 20_000);
    assert.deepEqual([queue.lost, queue.waiting], [5_000, 20_000]);
    queue.succeeded(next(queue, 0));
    assert.equal(fill(queue, 2_000), 1_000);
    assert.equal(queue.lost, 6_000);
  });

  it('are also lost when they are long', () => {
    const queue = create();
    assert.equal(fill(queue, 20, 0, 'x'.repeat(1024 * 1024)), 15);
    assert.equal(queue.lost, 5);
  });

  it('are never lost where nothing may be', () => {
    const queue = create({ mayLose: false });
    assert.equal(fill(queue, 25_000), 25_000);
    assert.equal(queue.lost, 0);
  });

  it('are none while the disk has them: these leave the memory', () => {
    const queue = create({ hasDisk: () => true });
    assert.equal(fill(queue, 100_000), 100_000);
    const batch = next(queue, 0);
    assert.deepEqual([batch.isOnDisk, batch.lines, batch.rows, queue.lost], [true, null, 1_000, 0]);
  });

  it('stay in memory while the disk does not say that it has them', () => {
    const queue = create({ hasDisk: () => true });
    assert.equal(fill(queue, 25_000, 0, LINE, false), 20_000);
    queue.failed(next(queue, 0), 0, 1);
    assert.equal(next(queue, 60_000).lines?.length, 1_000);
  });

  it('stay there for good where the disk has refused some of them and has taken those after', () => {
    const queue = create({ hasDisk: () => true });
    const batch = queue.add('1', 0) as Batch;
    queue.notOnDisk(batch);
    queue.close(1_000);
    queue.stored(batch);
    queue.failed(next(queue, 1_000), 1_000, 1);
    assert.deepEqual(next(queue, 60_000).lines, ['1']);
  });

  it('stay there where none may be lost, for the disk may not give them back', () => {
    const queue = create({ hasDisk: () => true, mayLose: false });
    fill(queue, 6_000);
    queue.failed(next(queue, 0), 0, 1);
    assert.equal(next(queue, 60_000).lines?.length, 1_000);
  });

  it('go to no disk that takes none at the moment', () => {
    let takes = false;
    const queue = create({ hasDisk: () => takes });
    assert.equal(queue.add('1', 0)?.hasFile, false);
    queue.close(1_000);
    takes = true;
    assert.equal(queue.add('2', 1_000)?.hasFile, true);
  });

  it('are lost when the disk has too many too', () => {
    const queue = create({ hasDisk: () => true });
    const line = 'x'.repeat(10_000);
    const taken = fill(queue, 10_000, 0, line);
    assert.ok(queue.bytesOnDisk >= 64 * 1024 * 1024 && queue.bytesOnDisk < 80 * 1024 * 1024, `${queue.bytesOnDisk}`);
    assert.ok(taken > 7_000 && taken < 9_500, `${taken}`);
    assert.equal(queue.lost, 10_000 - taken);
  });

  it('stay in memory when the disk refuses them, also after a failure', () => {
    const queue = create({ hasDisk: () => true });
    const batch = queue.add('1', 0) as Batch;
    queue.notOnDisk(batch);
    queue.close(1_000);
    queue.failed(next(queue, 1_000), 1_000, 1);
    assert.deepEqual(next(queue, 9_000).lines, ['1']);
    const other = queue.add('2', 9_000) as Batch;
    assert.equal(other.isOnDisk, true, 'the next batch tries the disk again');
  });

  it('are given up when they can never be written', () => {
    const queue = create();
    queue.add('1', 0);
    queue.add('2', 0);
    queue.close(1_000);
    queue.gaveUp(next(queue, 1_000));
    assert.deepEqual([queue.lost, queue.waiting, queue.isFailing], [2, 0, false]);
  });
});

describe('who waits for the rows of the ledger', () => {
  it('waits for all up to then, those that a former run left included, and for none after', () => {
    const queue = create({ hasDisk: () => true });
    queue.adopt([{ token: 'old-1', rows: 3, bytes: 30 }]);
    queue.add('1', 0);
    const upTo = queue.lastId;
    queue.close(1_000);
    queue.add('2', 1_000);
    const old = next(queue, 1_000);
    assert.deepEqual([old.token, old.lines, old.isOnDisk], ['old-1', null, true]);
    queue.succeeded(old);
    assert.equal(queue.isDoneUpTo(upTo), false);
    queue.succeeded(next(queue, 1_000));
    assert.equal(queue.isDoneUpTo(upTo), true);
    assert.equal(queue.isDoneUpTo(queue.lastId), false);
    assert.equal(queue.written, 4);
  });
});
