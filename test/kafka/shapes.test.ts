import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toPosition, toRecord } from '../../lib/kafka/shapes.js';

const MESSAGE = { offset: '5', key: null, value: null, headers: {}, timestamp: '1700000000000' };

describe('toRecord', () => {
  it('has offset and timestamp as numbers, up to the largest that are exact', () => {
    const offset = String(Number.MAX_SAFE_INTEGER);
    const record = toRecord('files', 3, { ...MESSAGE, offset });
    assert.deepEqual(record, {
      topic: 'files',
      partition: 3,
      offset: Number.MAX_SAFE_INTEGER,
      key: null,
      value: null,
      headers: {},
      timestamp: 1_700_000_000_000,
    });
  });

  it('keeps an empty key and value apart from none', () => {
    const { key, value } = toRecord('files', 0, { ...MESSAGE, key: Buffer.alloc(0), value: Buffer.alloc(0) });
    assert.deepEqual([key, value], [new Uint8Array(0), new Uint8Array(0)]);
  });

  it('has no headers where the message has none at all', () => {
    const { headers: _headers, ...without } = MESSAGE;
    assert.deepEqual(toRecord('files', 0, without).headers, {});
  });

  it('copies key and value, so that a record does not keep the whole answer that it came in', () => {
    const answer = Buffer.from('a long answer with a key and a value in it');
    const { key, value } = toRecord('files', 0, {
      ...MESSAGE,
      key: answer.subarray(21, 24),
      value: answer.subarray(31, 36),
    });
    assert.deepEqual(
      [key, value].map(String),
      [Buffer.from('key'), Buffer.from('value')].map((text) => [...text].join()),
    );
    for (const bytes of [key, value]) assert.notEqual(bytes?.buffer, answer.buffer);
    assert.equal(value?.buffer.byteLength, 5);
  });
});

describe('toPosition', () => {
  it('has the offset as a number and the metadata as it was', () => {
    const position = { topic: 'files', partition: 1, offset: 7, metadata: 'AQI=' };
    assert.deepEqual(toPosition('files', 1, { offset: '7', metadata: 'AQI=' }), position);
  });

  it('has an offset of 0, which is a commit like any other', () => {
    assert.equal(toPosition('files', 1, { offset: '0', metadata: null }).offset, 0);
  });

  it('has no offset where nothing was committed, or nothing was answered', () => {
    const none = { topic: 'files', partition: 1, offset: null, metadata: '' };
    assert.deepEqual(toPosition('files', 1, { offset: '-1', metadata: null }), none);
    assert.deepEqual(toPosition('files', 1, undefined), none);
  });
});
