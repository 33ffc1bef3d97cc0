import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Waited } from '../../../lib/cli/emit/wait-state.js';
import { EMPTY_METADATA, encodeMetadata } from '../../../lib/core/offsets/commit-metadata.js';
import type { Letter } from '../../../lib/letters/letter.js';

function message(number: number, offset: number, partition = 0) {
  return { topic: 'files', partition, offset, number };
}

function committed(offset: number | null, metadata = '', topic = 'files') {
  return [{ topic, partition: 0, offset, metadata }];
}

function letter(source: string): Letter {
  return { source, disposition: 'file-missing', reason: 'gone', partition: 1, offset: 2 } as Letter;
}

describe('what was announced', () => {
  it('is loaded when a commit passes it, in its own partition', () => {
    const waited = new Waited([message(0, 5), message(1, 6), message(2, 5, 1)]);
    waited.committed(committed(null));
    waited.committed(committed(5));
    assert.deepEqual([waited.loaded, waited.open], [0, 3]);
    waited.committed(committed(6));
    assert.deepEqual([waited.loaded, waited.open], [1, 2]);
    waited.committed([{ topic: 'files', partition: 1, offset: 9, metadata: '' }]);
    assert.deepEqual([waited.loaded, waited.open], [2, 1]);
  });

  it('is loaded when it is completed ahead of the commit', () => {
    const waited = new Waited([message(0, 5), message(1, 7)]);
    waited.committed(committed(5, encodeMetadata(5, { ...EMPTY_METADATA, completed: [[7, 8]] })));
    assert.deepEqual([waited.loaded, waited.open], [1, 1]);
    waited.committed(committed(5, 'of another program'));
    assert.equal(waited.open, 1);
  });

  it('is given up where a letter of it came before the commit', () => {
    const waited = new Waited([message(0, 5), message(1, 6)]);
    waited.letter(letter('files/0/6'));
    waited.letter(letter('files/0/99'));
    assert.equal(waited.open, 2);
    waited.committed(committed(7));
    assert.deepEqual([waited.loaded, waited.open, waited.dead.map(({ message: of }) => of.number)], [1, 0, [1]]);
  });

  it('that was set aside is loaded when the commit of its last copy passes that', () => {
    const waited = new Waited([message(0, 5)]);
    waited.setAside('files/0/5', { topic: 'files.waiting', partition: 0, offset: 1 });
    waited.setAside('files/0/4', { topic: 'files.waiting', partition: 0, offset: 2 });
    waited.setAside('files/0/5', { topic: 'files.waiting', partition: 0, offset: 3 });
    waited.committed(committed(6));
    waited.committed(committed(2, '', 'files.waiting'));
    assert.equal(waited.open, 1);
    waited.committed(committed(4, '', 'files.waiting'));
    assert.deepEqual([waited.loaded, waited.open], [1, 0]);
  });
});
