/** What the engine makes of a record that it has no answer to, and what it takes back when the service ends itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeMetadata } from '../../lib/core/offsets/commit-metadata.js';
import type { KafkaRecord } from '../../lib/types.js';
import { Play, record, SETTINGS } from '../support/engine.js';

/** Whatever asks it for a header fails. */
const UNREADABLE: Partial<KafkaRecord> = {
  headers: new Proxy(
    {},
    {
      get: () => {
        throw new TypeError('cannot be read');
      },
    },
  ),
};

describe('a record that cannot be taken in', () => {
  it('is a dead letter of its own that names the defect, and those around it are loaded', () => {
    const play = new Play();
    play.assign(0);
    assert.deepEqual(play.deliver(5), ['5 accepted', 'run 0/5/0 attempt 1']);
    assert.deepEqual(play.deliver(6, { filename: '/in/6' }, UNREADABLE), [
      '6 defect',
      '6 rejected',
      'letter 1 invalid-message of 6',
    ]);
    assert.deepEqual(play.deliver(7), ['7 accepted', 'run 0/7/0 attempt 1']);
    assert.equal(play.letters.get(1)?.reason, 'the service failed to take it in: TypeError: cannot be read');
    play.end(5);
    play.end(7);
    assert.equal(play.status.partitions[0]?.incomplete, 1);
    play.acknowledge(1);
    assert.equal(play.status.partitions[0]?.incomplete, 0);
    assert.equal(play.status.queue.messageBytes, 0);
  });

  it('is the same when only its coordinates could be read', () => {
    const play = new Play();
    play.assign(0);
    const lines = play.tell({ type: 'record', record: record(5, null), defect: 'RangeError: no memory\n  at x' });
    assert.deepEqual(lines, ['5 defect', '5 rejected', 'letter 1 invalid-message of 5']);
    assert.equal(play.letters.get(1)?.reason, 'the service failed to take it in: RangeError: no memory');
    assert.deepEqual(play.tell({ type: 'record', record: record(5, null) }), ['5 redelivered']);
  });

  it('is no defect when it was left unread on purpose', () => {
    const play = new Play();
    play.assign(0);
    const lines = play.tell({ type: 'record', record: record(5, null), defect: { unread: 'it unpacks to too much' } });
    assert.deepEqual(lines, ['5 rejected', 'letter 1 invalid-message of 5']);
    assert.equal(play.letters.get(1)?.reason, 'not read: it unpacks to too much');
  });

  it('counts its key and headers among what is held', () => {
    const play = new Play({ load: { jobs: 1_000, waiting: 1_000_000, bytes: 1_000 } });
    play.assign(0);
    const key = new Uint8Array(600);
    play.deliver(5, {}, { key, headers: { four: [null, new Uint8Array(600)] } });
    assert.equal(play.status.queue.messageBytes, 2 + 600 + 600 + 2 * ('four'.length + 256));
    assert.equal(play.status.state, 'paused');
  });
});

describe('the starts of a run that ends itself', () => {
  it('are taken back by the last commit again, as that of an orderly end', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(0);
    play.deliver(1);
    assert.deepEqual(play.end(1), ['0/1/0 succeeded', 'commit 0:0']);
    const [commit] = play.engine.commitsWithoutStarts();
    assert.equal(commit?.offset, 0);
    assert.deepEqual(decodeMetadata(0, commit?.metadata ?? ''), {
      completed: [[1, 2]],
      attempts: new Map(),
      clean: true,
    });
  });

  it('take back nothing that an attempt or an earlier run has cost', () => {
    const first = new Play({ retry: { ...SETTINGS.retry, backoffMs: 1, maxBackoffMs: 1 } });
    first.assign(0);
    first.deliver(0);
    first.deliver(1);
    first.end(0, 'failed');
    assert.deepEqual(first.end(1).at(-1), 'commit 0:0');
    first.committed('0:0');
    first.wait(100);
    assert.equal(first.status.running.length, 1, 'it runs a second time');
    const [commit] = first.engine.commitsWithoutStarts();
    const attempts = decodeMetadata(0, commit?.metadata ?? '')?.attempts;
    assert.deepEqual(attempts, new Map([[0, { failed: 1, timedOut: 0, interrupted: 0 }]]));
  });

  it('need no commit where the group knows of none, or nothing at all', () => {
    const play = new Play();
    assert.deepEqual(play.engine.commitsWithoutStarts(), []);
    play.tell({ type: 'assigned', epoch: 1, partitions: [{ topic: 'files', partition: 0 }] });
    assert.deepEqual(play.engine.commitsWithoutStarts(), []);
    play.tell({
      type: 'restored',
      epoch: 1,
      positions: [{ topic: 'files', partition: 0, offset: null, metadata: '' }],
    });
    assert.deepEqual(play.engine.commitsWithoutStarts(), []);
  });

  it('change nothing: the run may go on', () => {
    const play = new Play();
    play.assign(0);
    play.deliver(0);
    play.engine.commitsWithoutStarts();
    assert.deepEqual(play.end(0), ['0/0/0 succeeded', 'commit 0:1']);
  });
});
