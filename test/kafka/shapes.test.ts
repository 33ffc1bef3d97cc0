import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { collectHeaders, type HeaderDecoder } from '../../lib/kafka/header-decoder.js';
import { readRecord, toPosition, toRecord } from '../../lib/kafka/shapes.js';
import type { HeaderValue } from '../../lib/types.js';

const BYTES = Buffer.from('abc');
const MESSAGE = { offset: '7', key: BYTES, value: BYTES, headers: {}, timestamp: '1700000000000' };

function headersOf(headers: unknown): [string, HeaderValue][] {
  return Object.entries(toRecord('t', 1, { ...MESSAGE, headers }).headers);
}

describe('toRecord', () => {
  it('hands on the bytes as they came', () => {
    const { key, value, headers, ...rest } = toRecord('t', 1, { ...MESSAGE, headers: { a: BYTES, b: [BYTES, null] } });
    assert.deepEqual(rest, { topic: 't', partition: 1, offset: 7, timestamp: 1_700_000_000_000 });
    for (const bytes of [key, value, headers['a'], (headers['b'] as readonly Uint8Array[])[0]])
      assert.equal(bytes, BYTES);
  });

  it('knows a header without value, alone and among others', () => {
    assert.deepEqual(headersOf({ a: null, b: ['x', null] }), [
      ['a', null],
      ['b', ['x', null]],
    ]);
  });

  it('takes only headers for headers', () => {
    const odd = {
      constructor: [Object, 'x'],
      toString: [Object.prototype.toString, null],
      f: () => 1,
      n: 5,
      u: undefined,
    };
    assert.deepEqual(headersOf(odd), [
      ['constructor', ['x']],
      ['toString', [null]],
    ]);
    assert.deepEqual(headersOf(JSON.parse('{"__proto__": [{}, "x"]}')), [['__proto__', ['x']]]);
    for (const none of [undefined, null, 'x', 5]) assert.deepEqual(headersOf(none), []);
  });

  it('finds no header that is not there', () => {
    const { headers } = toRecord('t', 1, MESSAGE);
    for (const name of ['constructor', 'toString', '__proto__']) assert.equal(headers[name], undefined);
  });

  it('takes any time, and -1 for none', () => {
    const times: readonly (readonly [string | undefined, number])[] = [
      ['-1', -1],
      ['-62135596800001', -62_135_596_800_001],
      ['1700000000000000', 1_700_000_000_000_000],
      ['9223372036854775807', 2 ** 63],
      [undefined, -1],
      ['', -1],
      ['NaN', -1],
    ];
    for (const [timestamp, expected] of times) {
      const { timestamp: _, ...without } = MESSAGE;
      const message = timestamp === undefined ? without : { ...without, timestamp };
      assert.equal(toRecord('t', 1, message).timestamp, expected, timestamp);
    }
  });
});

describe('readRecord', () => {
  it('gives of what cannot be read the coordinates and the error', () => {
    const message = {
      ...MESSAGE,
      get headers(): unknown {
        throw new RangeError('no memory');
      },
    };
    const { record, defect } = readRecord('t', 1, message);
    assert.deepEqual([record.offset, record.key, record.value, record.timestamp], [7, null, null, 1_700_000_000_000]);
    assert.equal(defect?.message, 'no memory');
    assert.equal(readRecord('t', 1, MESSAGE).defect, null);
  });
});

describe('collectHeaders', () => {
  /** As the client would call it, with headers instead of bytes; counts how many are read. */
  function collect(headers: readonly (readonly [string | null, Uint8Array | null])[]) {
    let reads = 0;
    const decoder: HeaderDecoder = { readVarInt: () => headers.length };
    const collected = collectHeaders(decoder, () => {
      const [key, value] = headers[reads++] as [string | null, Uint8Array | null];
      return { key, value };
    });
    return { entries: Object.entries(collected), reads };
  }

  it('keeps every name and every value in its order', () => {
    const { entries } = collect([
      ['a', BYTES],
      ['__proto__', null],
      ['constructor', BYTES],
      ['a', null],
      ['a', BYTES],
      ['constructor', null],
      [null, BYTES],
    ]);
    assert.deepEqual(entries, [
      ['a', [BYTES, null, BYTES]],
      ['__proto__', null],
      ['constructor', [BYTES, null]],
      ['', BYTES],
    ]);
  });

  it('reads the first thousand of too many, and says how many there are beyond', () => {
    const { entries, reads } = collect(Array.from({ length: 250_000 }, (_, index) => [`h${index}`, BYTES] as const));
    assert.equal(reads, 1_000);
    assert.deepEqual(entries.at(-1), ['atd.headers-unread', '249000']);
    assert.equal(collect([]).entries.length, 0);
  });
});

const PLAIN = { offset: '5', key: null, value: null, headers: {}, timestamp: '1700000000000' };

describe('toRecord, of plain messages', () => {
  it('has offset and timestamp as numbers, up to the largest that are exact', () => {
    const offset = String(Number.MAX_SAFE_INTEGER);
    const record = toRecord('files', 3, { ...PLAIN, offset });
    assert.deepEqual(record, {
      topic: 'files',
      partition: 3,
      offset: Number.MAX_SAFE_INTEGER,
      key: null,
      value: null,
      headers: Object.create(null),
      timestamp: 1_700_000_000_000,
    });
  });

  it('keeps an empty key and value apart from none', () => {
    const { key, value } = toRecord('files', 0, { ...PLAIN, key: Buffer.alloc(0), value: Buffer.alloc(0) });
    assert.deepEqual([key?.byteLength, value?.byteLength], [0, 0]);
  });

  it('has no headers where the message has none at all', () => {
    const { headers: _headers, ...without } = PLAIN;
    assert.deepEqual(Object.keys(toRecord('files', 0, without).headers), []);
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
