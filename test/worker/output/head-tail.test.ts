import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeadTail } from '../../../lib/worker/output/head-tail.js';

/** Digits that repeat with a period that divides no ring's size, so that a byte in the wrong place shows. */
const digits = (length: number): string =>
  Array.from({ length }, (_, i) => String((i * 7 + Math.floor(i / 10)) % 10)).join('');

describe('HeadTail', () => {
  it('keeps both ends of a stream and counts what lies between, however it comes in chunks', () => {
    for (const length of [0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 100]) {
      const text = digits(length);
      const bytes = new TextEncoder().encode(text);
      for (const chunk of [1, 2, 3, 7, 8, 9, 16, 17, 100]) {
        const kept = new HeadTail(8);
        for (let at = 0; at < bytes.length; at += chunk) kept.push(bytes.subarray(at, at + chunk));
        const dropped = Math.max(0, length - 16);
        const expected = dropped === 0 ? text : `${text.slice(0, 8)}\n[${dropped} bytes left out]\n${text.slice(-8)}`;
        assert.equal(kept.text(), expected, `${length} bytes in chunks of ${chunk}`);
        assert.equal(kept.droppedBytes, dropped);
      }
    }
  });

  it('gives the last bytes, as far as it has them in one piece', () => {
    for (const length of [0, 1, 7, 8, 9, 15, 16, 17, 100]) {
      const bytes = new TextEncoder().encode(digits(length));
      const kept = new HeadTail(8);
      for (let at = 0; at < length; at += 3) kept.push(bytes.subarray(at, at + 3));
      for (const most of [0, 1, 7, 8, 9, 12, 16, 50]) {
        const whole = length <= 16 ? length : 8;
        const expected = digits(length).slice(length - Math.min(most, whole));
        assert.equal(new TextDecoder().decode(kept.end(most)), expected, `${most} of ${length}`);
      }
    }
  });

  it('does not keep the chunks that it was given', () => {
    const kept = new HeadTail(4);
    const chunk = new TextEncoder().encode('abcdef');
    kept.push(chunk);
    chunk.fill(0);
    assert.equal(kept.text(), 'abcdef');
  });
});
