import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decompress } from 'fzstd';
import { storedFrame, ZstdFrames } from '../../../lib/loader/file/zstd-frames.js';

/** Magic, descriptor and the rest of the header, then blocks of a header of three bytes. */
function frame(descriptor: number, header: number, blocks: readonly Buffer[], checksum = 0): Buffer {
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor]),
    Buffer.alloc(header, 0xee),
    ...blocks,
    Buffer.alloc(checksum, 0xee),
  ]);
}

function block(type: number, bytes: number, last: boolean): Buffer {
  const header = Buffer.alloc(3);
  header.writeUIntLE((bytes << 3) | (type << 1) | (last ? 1 : 0), 0, 3);
  return Buffer.concat([header, Buffer.alloc(type === 1 ? 1 : bytes, 0xee)]);
}

const FRAMES: readonly Buffer[] = [
  frame(0x20, 1, [block(0, 10, true)]),
  frame(0x00, 1, [block(2, 300, false), block(1, 70_000, false), block(0, 0, true)]),
  frame(0x04, 1, [block(2, 5, true)], 4),
  frame(0xe7, 8 + 4, [block(2, 5, true)], 4),
  Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 7, 0, 0, 0]), Buffer.alloc(7)]),
];
const ALL = Buffer.concat(FRAMES);

function isWhole(data: Buffer, chunk: number): boolean {
  const frames = new ZstdFrames();
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += chunk) pieces.push(...frames.push(data.subarray(at, at + chunk)));
  assert.ok(Buffer.concat(pieces).equals(data), 'nothing is lost');
  return frames.whole;
}

test('data is whole where a frame ends and nowhere else, however it is cut into chunks', () => {
  const ends = FRAMES.map((_, index) => Buffer.concat(FRAMES.slice(0, index + 1)).length);
  for (let length = 0; length <= ALL.length; length++) {
    const expected = length === 0 || ends.includes(length);
    for (const chunk of [1, 7, 4096]) assert.equal(isWhole(ALL.subarray(0, length), chunk), expected, `${length}`);
  }
});

test('what is no frame, or a block of a type that does not exist, is never whole', () => {
  assert.equal(isWhole(Buffer.concat([ALL, Buffer.from('rest')]), 4096), false);
  assert.equal(isWhole(frame(0x20, 1, [block(3, 1, true)]), 4096), false);
});

test('no piece holds more than one block', () => {
  const pieces = [...new ZstdFrames().push(FRAMES[1] as Buffer)];
  assert.deepEqual(
    pieces.map(({ length }) => length),
    [6, 3 + 300, 3 + 1, 3],
  );
});

test('a frame of our own holds what it was made of, whatever its length', () => {
  for (const length of [0, 1, 128 * 1024, 128 * 1024 + 1, 300_000]) {
    const data = Buffer.alloc(length, 'some text ');
    assert.ok(Buffer.from(decompress(storedFrame(data))).equals(data), String(length));
    const frames = new ZstdFrames();
    for (const _ of frames.push(storedFrame(data)));
    assert.ok(frames.whole);
  }
});

test('a window beyond 128 MiB and a dictionary are known from the header, and nothing else is called so', () => {
  const unreadable = (header: readonly number[]): string | null => {
    const frames = new ZstdFrames();
    for (const byte of [0x28, 0xb5, 0x2f, 0xfd, ...header, 1, 0, 0]) for (const _ of frames.push(Buffer.of(byte)));
    return frames.unreadable;
  };
  assert.equal(unreadable([0x00, 17 << 3]), null, 'zstd --long=27');
  assert.match(unreadable([0x00, 21 << 3]) ?? '', /a window of 2048 MiB \(zstd --long\)/);
  assert.match(unreadable([0xe0, 0, 0, 0, 16, 0, 0, 0, 0]) ?? '', /a window of 256 MiB/, 'a single segment');
  assert.match(unreadable([0x01, 7 << 3, 42]) ?? '', /a dictionary \(number 42\)/);
  assert.equal(unreadable([0x01, 7 << 3, 0]), null, 'no dictionary');
  assert.equal(unreadable([0x20, 9]), null);
});
