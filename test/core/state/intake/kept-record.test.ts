import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldBy, keep, released } from '../../../../lib/core/state/intake/kept-record.js';
import type { KafkaRecord } from '../../../../lib/types.js';

/** Every byte that there is, so many in all. */
function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => index % 256);
}

function record(of: Partial<KafkaRecord>): KafkaRecord {
  const none = { key: null, value: null, headers: Object.create(null) };
  return { topic: 'files', partition: 1, offset: 5, timestamp: 1_700_000_000_000, ...none, ...of };
}

function named(...headers: readonly (readonly [name: string, value: KafkaRecord['headers'][string]])[]) {
  const all: Record<string, KafkaRecord['headers'][string]> = Object.create(null);
  for (const [name, value] of headers) all[name] = value;
  return all;
}

describe('a record that is kept', () => {
  const RECORDS: readonly (readonly [what: string, record: KafkaRecord])[] = [
    ['nothing in it', record({})],
    ['an empty key and value', record({ key: bytes(0), value: bytes(0) })],
    ['every byte', record({ key: bytes(256), value: bytes(1_024) })],
    ['a value that is large', record({ value: bytes(1_025) })],
    ['a value that is very large', record({ value: bytes(1_000_000) })],
    ['headers', record({ headers: named(['lane', bytes(4)], ['none', null], ['empty', bytes(0)]) })],
    ['headers of odd names', record({ headers: named(['__proto__', bytes(3)], ['toString', null], ['', bytes(1)]) })],
    ['a header of several values', record({ headers: named(['a', [bytes(300), null, bytes(2_000)]], ['b', []]) })],
  ];
  for (const [what, given] of RECORDS) {
    it(`comes back as it was: ${what}`, () => assert.deepEqual(released(keep(given)), given));
  }

  it('has a text among its headers as the bytes that it is on the wire', () => {
    const { headers } = released(keep(record({ headers: named(['count', '7'], ['more', ['é', bytes(1)]]) })));
    assert.deepEqual(headers, named(['count', Uint8Array.of(0x37)], ['more', [Uint8Array.of(0xc3, 0xa9), bytes(1)]]));
  });

  for (const size of [3, 5_000]) {
    it(`is no view into the answer that it came in, with ${size} bytes`, () => {
      const answer = new Uint8Array(20_000).fill(7);
      const part = answer.subarray(100, 100 + size);
      const kept = keep(record({ key: part, value: part, headers: named(['h', part], ['l', [part]]) }));
      answer.fill(8);
      const was = new Uint8Array(size).fill(7);
      const expected = record({ key: was, value: was, headers: named(['h', was], ['l', [was]]) });
      assert.deepEqual(released(kept), expected);
      const { value } = released(kept);
      assert.equal(value?.buffer.byteLength, size);
    });
  }

  it('counts what its message takes, and each header beside its bytes', () => {
    const given = { key: bytes(10), value: bytes(2_000), headers: named(['ab', bytes(3)], ['c', [bytes(4), null]]) };
    assert.equal(heldBy(keep(record({}))), 0);
    assert.equal(heldBy(keep(record(given))), 10 + 2_000 + 256 + 2 + 3 + 256 + 1 + 4 + 256 + 1);
  });
});
