import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode } from '../../../lib/core/rules/decode.js';

const MAX_BYTES = 1_000;

function decodeText(text: string) {
  return decode(new TextEncoder().encode(text), MAX_BYTES);
}

const NOTHING_ELSE = { tenant: null, format: null, size: null };

const REQUESTS: readonly (readonly [what: string, message: unknown, request: Record<string, unknown>])[] = [
  ['a filename', { filename: '/a' }, { files: ['/a'] }],
  ['a list of them', { filename: ['/a', '/b'] }, { files: ['/a', '/b'] }],
  ['a file that is listed twice', { filename: ['/a', '/b', '/a'] }, { files: ['/a', '/b'] }],
  ['a list of one file twice', { filename: ['/a', '/a'] }, { files: ['/a'] }],
  ['the alias', { file_path: '/a' }, { files: ['/a'] }],
  ['both names, of which filename counts', { filename: '/a', file_path: '/b' }, { files: ['/a'] }],
  ['a filename of null and the alias', { filename: null, file_path: '/b' }, { files: ['/b'] }],
  [
    'everything',
    { filename: '/a', tenant: 'T', format: 'csv', size: 7 },
    { files: ['/a'], tenant: 'T', format: 'csv', size: 7 },
  ],
  ['nulls', { filename: '/a', tenant: null, format: null, size: null }, { files: ['/a'] }],
  ['a strange format and a strange size', { filename: '/a', format: 1, size: '7' }, { files: ['/a'] }],
  ['a negative size', { filename: '/a', size: -1 }, { files: ['/a'] }],
  ['a size of nothing', { filename: '/a', size: 0 }, { files: ['/a'], size: 0 }],
  ['a size of a pebibyte', { filename: '/a', size: 2 ** 50 }, { files: ['/a'], size: 2 ** 50 }],
  ['fields that nobody knows', { filename: '/a', other: { deep: [1] } }, { files: ['/a'] }],
  ['a path of other letters', { filename: '/größe/文件' }, { files: ['/größe/文件'] }],
];

const POISON: readonly (readonly [what: string, text: string, reason: RegExp])[] = [
  ['no JSON', '{"filename": ', /^the message is not JSON: "\{\\"filename\\":"$/],
  ['nothing', '', /^the message is not JSON: ""$/],
  ['a text', '"/a"', /^the message is JSON but not an object/],
  ['a list', '["/a"]', /^the message is JSON but not an object/],
  ['null for a filename', '{"filename": null}', /^filename is missing$/],
  ['null for the alias', '{"file_path": null}', /^filename is missing$/],
  ['null', 'null', /^the message is JSON but not an object/],
  ['no filename', '{}', /^filename is missing$/],
  ['filename from a prototype', '{"__proto__": {"filename": "/a"}}', /^filename is missing$/],
  ['a number for a filename', '{"filename": 5}', /^filename holds a number, not a string$/],
  ['an object for a filename', '{"filename": {}}', /^filename holds an object, not a string$/],
  ['an empty filename', '{"filename": ""}', /^filename is empty$/],
  ['an empty list', '{"filename": []}', /^filename is an empty list$/],
  ['null in a list', '{"filename": ["/a", null]}', /^filename holds null, not a string$/],
  ['a list in a list', '{"filename": [["/a"]]}', /^filename holds a list, not a string$/],
  ['a number for a tenant', '{"filename": "/a", "tenant": 5}', /^tenant is a number, not a string$/],
];

describe('decode', () => {
  for (const [what, message, request] of REQUESTS) {
    it(`reads ${what}`, () => {
      assert.deepEqual(decodeText(JSON.stringify(message)), {
        kind: 'request',
        request: { ...NOTHING_ELSE, ...request },
      });
    });
  }

  for (const [what, text, reason] of POISON) {
    it(`refuses ${what} and says why`, () => {
      const decoded = decodeText(text);
      assert.ok(decoded.kind === 'poison');
      assert.equal(decoded.disposition, 'invalid-message');
      assert.match(decoded.reason, reason);
    });
  }

  it('takes a null value for a tombstone', () => {
    assert.deepEqual(decode(null, MAX_BYTES), { kind: 'tombstone' });
  });

  it('takes a byte order mark and white space around the JSON', () => {
    assert.equal(decodeText('\ufeff \n{"filename": "/a"}\n').kind, 'request');
  });

  it('refuses bytes that are not UTF-8', () => {
    const decoded = decode(new Uint8Array([0x7b, 0xff, 0x7d]), MAX_BYTES);
    assert.ok(decoded.kind === 'poison');
    assert.equal(decoded.reason, 'the message is not valid UTF-8');
  });

  it('does not read a message that is longer than allowed, and takes one that is as long', () => {
    const text = JSON.stringify({ filename: '/a' }).padEnd(MAX_BYTES);
    assert.equal(decodeText(text).kind, 'request');
    const decoded = decodeText(`${text} `);
    assert.ok(decoded.kind === 'poison');
    assert.match(decoded.reason, /has 1001 bytes, more than ingest\.max_message_bytes \(1000\)/);
  });

  it('quotes at most the beginning of a message that it cannot read', () => {
    const decoded = decodeText('x'.repeat(500));
    assert.ok(decoded.kind === 'poison');
    assert.equal(decoded.reason, `the message is not JSON: "${'x'.repeat(80)}" …`);
    const whole = decodeText(` ${'x'.repeat(80)}\n`);
    assert.equal(whole.kind === 'poison' && whole.reason, `the message is not JSON: "${'x'.repeat(80)}"`);
  });

  it('refuses a message that lists more files than anyone means', () => {
    const listed = (files: number) => {
      const filename = Array.from({ length: files }, (_, i) => `/${i}`);
      return decode(new TextEncoder().encode(JSON.stringify({ filename })), 1_000_000);
    };
    assert.equal(listed(10_000).kind, 'request');
    const decoded = listed(10_001);
    assert.ok(decoded.kind === 'poison');
    assert.equal(decoded.reason, 'filename lists 10001 files, more than 10000');
  });

  it('parses nothing that is nested or has fields beyond a bound, wherever they stand', () => {
    const of = (text: string) => decode(new TextEncoder().encode(text), 2_000_000);
    const fields = (count: number) => Array.from({ length: count }, (_, index) => `"k${index}":0`).join();
    const deep = (levels: number) => `${'{"a":['.repeat(levels / 2)}${']}'.repeat(levels / 2)}`;
    const message = (more: string) => `{"filename":"/a",${more}}`;
    const text = JSON.stringify('{[:"\\'.repeat(100_000));
    for (const good of [message(fields(4_095)), message(`"b":${deep(1_022)}`), message(`"c":${text}`)]) {
      assert.equal(of(good).kind, 'request');
    }
    const bad: readonly (readonly [string, RegExp])[] = [
      [message(fields(4_096)), /^the message has more than 4096 fields; send nothing but the file$/],
      [message(`"b":[${`{${fields(2)}},`.repeat(2_500)}0]`), /fields/],
      [message(`"same":0,`.repeat(5_000)), /fields/],
      [message(`"b":${deep(1_024)}`), /^the message is nested more than 1024 levels deep; send nothing but the file$/],
      ['['.repeat(500_000), /levels/],
      [`${'{"":'.repeat(200_000)}0`, /levels/],
    ];
    for (const [text, reason] of bad) {
      const decoded = of(text);
      assert.ok(decoded.kind === 'poison');
      assert.match(decoded.reason, reason);
    }
    assert.match((of(`"${'\\"'.repeat(10)}`) as { reason: string }).reason, /^the message is not JSON/);
  });

  it('refuses a filename of half a character, which would become the name of another file', () => {
    const decoded = decodeText('{"filename": ["/a", "/b\\ud800.csv"]}');
    assert.equal(decoded.kind === 'poison' && decoded.reason, 'filename holds half a character (a lone surrogate)');
  });

  it('believes no size that could upset the sums of a queue', () => {
    for (const size of ['1e308', String(Number.MAX_SAFE_INTEGER), String(2 ** 50 + 1)]) {
      const decoded = decodeText(`{"filename": "/a", "size": ${size}}`);
      assert.equal(decoded.kind === 'request' && decoded.request.size, null, size);
    }
  });
});
