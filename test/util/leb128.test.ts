import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Leb128Reader, writeLeb128 } from '../../lib/util/leb128.js';

function encoded(value: number): number[] {
  const bytes: number[] = [];
  writeLeb128(bytes, value);
  return bytes;
}

const decoded = (...bytes: number[]): number => new Leb128Reader(Uint8Array.from(bytes)).next();

/** From the specifications of DWARF and of Protocol Buffers. */
const EXAMPLES: readonly (readonly [value: number, bytes: readonly number[]])[] = [
  [0, [0]],
  [2, [2]],
  [127, [0x7f]],
  [128, [0x80, 0x01]],
  [129, [0x81, 0x01]],
  [150, [0x96, 0x01]],
  [12_857, [0xb9, 0x64]],
  [624_485, [0xe5, 0x8e, 0x26]],
  [2 ** 32, [0x80, 0x80, 0x80, 0x80, 0x10]],
  [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
];

describe('unsigned LEB128', () => {
  for (const [value, bytes] of EXAMPLES) {
    it(`has ${value} as the specifications have it`, () => {
      assert.deepEqual(encoded(value), bytes);
      assert.equal(decoded(...bytes), value);
    });
  }

  it('is read from one number to the next, and from where it is told to', () => {
    const bytes = Uint8Array.from([9, ...encoded(300), ...encoded(1), ...encoded(2 ** 40)]);
    const reader = new Leb128Reader(bytes, 1);
    assert.deepEqual([reader.next(), reader.next(), reader.next(), reader.at], [300, 1, 2 ** 40, bytes.length]);
    reader.at = 3;
    assert.equal(reader.next(), 1);
  });

  it('is no number where the bytes end too early', () => {
    assert.ok(Number.isNaN(decoded()));
    assert.ok(Number.isNaN(decoded(0x80)));
    assert.ok(Number.isNaN(decoded(...encoded(2 ** 40).slice(0, -1))));
  });

  it('is read past a number of 64 bits, as -1 has in a message of Protocol Buffers, and is no longer number', () => {
    const reader = new Leb128Reader(Uint8Array.from([...Array(9).fill(0xff), 0x01, 5]));
    assert.equal(reader.next(), 2 ** 64);
    assert.equal(reader.next(), 5);
    assert.ok(Number.isNaN(decoded(...Array(10).fill(0x80), 0x01)));
  });
});
