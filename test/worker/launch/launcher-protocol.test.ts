import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeRequest, type Reply, ReplyReader } from '../../../lib/worker/launch/launcher-protocol.js';
import { command } from '../../support/commands.js';

function message(kind: string, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(5, kind);
  header.writeUInt32LE(payload.length, 1);
  return Buffer.concat([header, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const STREAM = Buffer.concat([
  message('R', Buffer.from('subreaper')),
  message('S', uint32(70_000)),
  message('O', Buffer.from('one')),
  message('E', Buffer.from('two')),
  message('X', Buffer.from([3, 0, 6])),
  message('e', Buffer.alloc(0)),
  message('F', uint32(2)),
  message('X', Buffer.from([0, 6, 0])),
  message('T', Buffer.from('no')),
  message('X', Buffer.from([2, 0, 0, 44, 1, 0, 0, 2, 0, 0, 0])),
  message('X', Buffer.from([2, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 47, 97])),
]);

function readInPieces(size: number): { replies: Reply[]; output: string } {
  const replies: Reply[] = [];
  let output = '';
  const reader = new ReplyReader(
    (reply) => replies.push(reply),
    (stream, chunk) => {
      output += `${stream === 'stdout' ? '<' : '>'}${Buffer.from(chunk).toString()}`;
    },
  );
  for (let at = 0; at < STREAM.length; at += size) reader.push(STREAM.subarray(at, at + size));
  return { replies, output: output.replaceAll(/[<>]/g, '') };
}

/** What not every launcher tells of an end. */
const UNTOLD = { cpuMs: null, peakBytes: null, outdated: null };

describe('the messages of a launcher process', () => {
  it('are read whole, in whatever pieces they come', () => {
    const open = { stdout: false, stderr: false };
    const ended = { kind: 'exited', code: 2, signal: null, open, alone: true } as const;
    const expected: Reply[] = [
      { kind: 'ready', abilities: 'subreaper' },
      { kind: 'started', pid: 70_000 },
      { kind: 'exited', code: 3, signal: null, open: { stdout: false, stderr: true }, alone: false, ...UNTOLD },
      { kind: 'ended', stream: 'stderr' },
      { kind: 'failed', code: 'ENOENT' },
      { kind: 'exited', code: null, signal: 'SIGABRT', open: { stdout: false, stderr: false }, alone: true, ...UNTOLD },
      { kind: 'turned-down', reason: 'no' },
      { ...ended, cpuMs: 300, peakBytes: 2_048, outdated: null },
      { ...ended, cpuMs: 1, peakBytes: 256 * 1_024, outdated: '/a' },
    ];
    for (const size of [1, 2, 3, 7, STREAM.length]) {
      assert.deepEqual(readInPieces(size), { replies: expected, output: 'onetwo' }, `pieces of ${size}`);
    }
  });

  it('hold arguments and environment, told apart by their number', () => {
    const request = encodeRequest({ ...command('/bin/true', ['a', '']), env: { A: 'b=c', D: '' } });
    assert.ok(request !== null);
    assert.equal(request.readUInt32LE(0), request.length - 4);
    assert.equal(request.subarray(4).toString(), '3\0/bin/true\0a\0\0A=b=c\0D=');
  });

  it('cannot hold a NUL in an argument or in a variable', () => {
    assert.equal(encodeRequest(command('/bin/true', ['a\0b'])), null);
    assert.equal(encodeRequest(command('/bin/tr\0ue', [])), null);
    assert.equal(encodeRequest(command('/bin/true', [], { env: { A: 'b\0' } })), null);
  });
});
