import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DeadLetter } from '../../lib/core/events.js';
import { AS_IT_IS, EXCERPT_BYTES } from '../../lib/core/rules/letter-form.js';
import { letterMessage, letterParts, messageBytes } from '../../lib/kafka/letter-message.js';
import { objectionTo } from '../../lib/kafka/letter-objection.js';
import type { KafkaRecord } from '../../lib/types.js';
import { record } from '../support/engine.js';

const NOW = 1_800_000_000_000;

function letter(changes: Partial<KafkaRecord> = {}): DeadLetter {
  return {
    record: record(5, 'value', changes),
    disposition: 'invalid-message',
    reason: 'no',
    files: [],
    attempts: 0,
    exitCode: null,
    signal: null,
    stderrTail: '',
    firstFailedAt: 0,
  };
}

describe('letterMessage', () => {
  it('is stamped with now, and has the time of its record in a header, be it beyond every calendar', () => {
    for (const timestamp of [-1, 5, -8_640_000_000_000_001, 1_700_000_000_000_000, 2 ** 63]) {
      const message = letterMessage(letter({ timestamp }), 'g', AS_IT_IS, NOW);
      assert.deepEqual([message.timestamp, message.headers?.['atd.timestamp']], [String(NOW), String(timestamp)]);
    }
    assert.equal(letterMessage(letter(), 'g', { ...AS_IT_IS, time: 'none' }, NOW).timestamp, '-1');
  });

  it('carries headers in the kinds that the client encodes', () => {
    const headers = { a: null, b: new Uint8Array([255]), c: [null, 'x'], ['__proto__']: 'y' };
    const { headers: sent = {} } = letterMessage(letter({ headers }), 'g', AS_IT_IS, NOW);
    assert.deepEqual([sent['a'], sent['b'], sent['c']], ['', Buffer.from([255]), ['', 'x']]);
    assert.ok(Object.hasOwn(sent, '__proto__') && Object.keys(sent).includes('__proto__'));
  });

  it('says of a value that is cut how long it was and which', () => {
    const value = new Uint8Array(EXCERPT_BYTES + 1);
    const of = letter({ value });
    const whole = letterMessage(of, 'g', AS_IT_IS, NOW);
    assert.deepEqual([whole.value?.length, whole.headers?.['atd.value-bytes']], [value.length, undefined]);
    const excerpt = letterMessage(of, 'g', { ...AS_IT_IS, value: 'excerpt' }, NOW);
    assert.deepEqual(
      [excerpt.value?.length, excerpt.headers?.['atd.value-bytes']],
      [EXCERPT_BYTES, String(value.length)],
    );
    assert.match(String(excerpt.headers?.['atd.value-sha256']), /^[0-9a-f]{64}$/);
  });

  it('is no deletion of what has the same key, however little is left of it', () => {
    const message = letterMessage(letter({ value: null }), 'g', { ...AS_IT_IS, value: 'empty' }, NOW);
    assert.equal(message.value?.length, 0);
  });

  it('has the coordinates for a key, and says what the key was', () => {
    const form = { ...AS_IT_IS, key: 'coordinates' } as const;
    const without = letterMessage(letter(), 'g', form, NOW);
    assert.deepEqual([String(without.key), without.headers?.['atd.key-bytes']], ['files/0/5', '']);
    const message = letterMessage(letter({ key: new Uint8Array(9) }), 'g', form, NOW);
    assert.deepEqual([String(message.key), message.headers?.['atd.key-bytes']], ['files/0/5', '9']);
  });

  it('is small in its least form, whatever its record holds', () => {
    const much = new Uint8Array(1_000_000);
    const of = letter({ key: much, value: much, headers: { a: [much, much], 'atd.replay-count': much } });
    const least = { value: 'empty', headers: 'none', key: 'coordinates', time: 'none', diagnosis: 'short' } as const;
    const message = letterMessage(of, 'g', least, NOW);
    assert.ok(messageBytes(message) < 2_000, `${messageBytes(message)} bytes`);
    assert.equal(message.headers?.['atd.headers-left-out'], '3');
    const excerptBytes = 64 * 1024;
    const parts = { hasKey: true, valueBytes: much.length, headers: 3, excerptBytes };
    assert.deepEqual(letterParts(of.record, 1024 * 1024), parts);
  });

  it('has an excerpt that is no longer than a message may be', () => {
    const of = letter({ value: new Uint8Array(3_000) });
    const { excerptBytes } = letterParts(of.record, 1_024);
    const message = letterMessage(of, 'g', { ...AS_IT_IS, value: 'excerpt' }, NOW, excerptBytes);
    assert.deepEqual([message.value?.length, message.headers?.['atd.value-bytes']], [1_024, '3000']);
  });
});

describe('objectionTo', () => {
  const cases: readonly (readonly [what: string, error: unknown, expected: string | null])[] = [
    ['too large', { type: 'MESSAGE_TOO_LARGE' }, 'size'],
    ['too large as a batch', { type: 'RECORD_LIST_TOO_LARGE' }, 'size'],
    [
      'an error that was repeated and given up',
      { name: 'KafkaJSNumberOfRetriesExceeded', cause: { type: 'CORRUPT_MESSAGE' } },
      'content',
    ],
    ['a time out of range', { type: 'INVALID_TIMESTAMP' }, 'time'],
    ['an invalid record', { type: 'INVALID_RECORD' }, 'content'],
    ['a policy', { type: 'POLICY_VIOLATION' }, 'content'],
    ['what the client cannot encode', new TypeError('not a string'), 'content'],
    ['the same, wrapped', Object.assign(new Error('no'), { cause: new RangeError('too far') }), 'content'],
    ['no leader', { type: 'LEADER_NOT_AVAILABLE' }, null],
    ['no permission', { type: 'TOPIC_AUTHORIZATION_FAILED' }, null],
    ['no topic', { type: 'UNKNOWN_TOPIC_OR_PARTITION' }, null],
    ['too few replicas', { type: 'NOT_ENOUGH_REPLICAS' }, null],
    ['no connection', Object.assign(new Error('closed'), { name: 'KafkaJSConnectionError' }), null],
    ['a name that every object has', { type: 'constructor' }, null],
    ['nothing', null, null],
  ];
  for (const [what, error, expected] of cases) {
    it(`to ${what} is ${expected ?? "the topic's matter"}`, () => assert.equal(objectionTo(error), expected));
  }
});

describe('a letter of any record in any form', () => {
  const require = createRequire(import.meta.url);
  const encode = require('kafkajs/src/protocol/recordBatch/record/v0') as (message: object) => {
    readonly buffer: Buffer;
  };
  const name = fc.oneof(fc.string(), fc.constantFrom('constructor', '__proto__', 'toString', 'atd.replay-count'));
  const single = fc.oneof(fc.constant(null), fc.string(), fc.uint8Array());
  const headers = fc.dictionary(name, fc.oneof(single, fc.array(single)));
  const bytes = fc.option(fc.uint8Array());
  const records = fc.record({ key: bytes, value: bytes, headers, timestamp: fc.double({ noNaN: true }) });
  const forms = fc.record({
    value: fc.constantFrom('whole', 'excerpt', 'empty'),
    headers: fc.constantFrom('all', 'none'),
    key: fc.constantFrom('own', 'coordinates'),
    time: fc.constantFrom('now', 'none'),
    diagnosis: fc.constantFrom('full', 'short'),
  } as const);

  it('can be encoded by the client', () => {
    const property = fc.property(records, forms, (changes, form) => {
      encode(letterMessage(letter(changes), 'g', form, NOW));
    });
    fc.assert(property);
  });
});
