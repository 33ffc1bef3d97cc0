import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeadLetter } from '../../../lib/core/events.js';
import {
  letterDiagnosis,
  originalOf,
  originHeader,
  ownHeaders,
  readLane,
  readTraceparent,
} from '../../../lib/core/rules/headers.js';
import type { HeaderValue } from '../../../lib/types.js';
import { record } from '../../support/engine.js';

const TRACE = `00-${'0af7'.repeat(8)}-${'b7ad'.repeat(4)}-01`;

function letter(changes: Partial<DeadLetter> = {}, headers: Record<string, HeaderValue> = {}): DeadLetter {
  return {
    record: record(5, {}, { partition: 2, headers }),
    disposition: 'attempts-exhausted',
    reason: 'exit code 1: no',
    files: ['/a'],
    attempts: 3,
    exitCode: 1,
    signal: null,
    stderrTail: 'no',
    firstFailedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    ...changes,
  };
}

describe('readTraceparent', () => {
  const CASES: readonly (readonly [what: string, value: HeaderValue | undefined, found: string | null])[] = [
    ['a text', TRACE, TRACE],
    ['bytes', new TextEncoder().encode(TRACE), TRACE],
    ['the first of several', [TRACE, 'x'], TRACE],
    ['a later version with more in it', `01${TRACE.slice(2)}-more`, `01${TRACE.slice(2)}-more`],
    ['none', undefined, null],
    ['an empty list', [], null],
    ['no value', null, null],
    ['a list that begins without a value', [null, TRACE], null],
    ['something before it', `x${TRACE}`, null],
    ['something ill-formed', 'x', null],
    ['upper case', TRACE.toUpperCase(), null],
    ['a line end at its end', `${TRACE}\n`, null],
    ['a NUL in what follows', `${TRACE}-a\0b`, null],
  ];
  for (const [what, value, found] of CASES) {
    it(`finds ${found === null ? 'nothing in' : 'the context in'} ${what}`, () => {
      assert.equal(readTraceparent(value === undefined ? {} : { traceparent: value }), found);
    });
  }
});

describe('readLane', () => {
  const CASES: readonly (readonly [value: HeaderValue | undefined, lane: string, unknown?: string])[] = [
    ['live', 'live'],
    ['normal', 'normal'],
    [new TextEncoder().encode('backfill'), 'backfill'],
    [' BackFill\n', 'backfill'],
    [['live', 'backfill'], 'live'],
    [undefined, 'normal'],
    [null, 'normal'],
    [[], 'normal'],
    ['', 'normal'],
    [' ', 'normal'],
    ['urgent', 'normal', 'urgent'],
    ['lives', 'normal', 'lives'],
    ['__proto__', 'normal', '__proto__'],
    [new Uint8Array([0xff, 0xfe]), 'normal', '\ufffd\ufffd'],
    ['x'.repeat(10_000), 'normal', `${'x'.repeat(39)}…`],
  ];
  for (const [value, lane, unknown = null] of CASES) {
    it(`finds ${lane}${unknown === null ? '' : ', and one that is unknown,'} in ${String(value).slice(0, 20)}`, () => {
      assert.deepEqual(readLane(value === undefined ? {} : { lane: value }), { lane, unknown });
    });
  }
});

describe('originalOf', () => {
  const waiting = { of: 'files', topic: 'files.waiting' };
  const original = record(7, {}, { partition: 2, timestamp: -1, headers: { lane: 'live' } });
  const copy = (header: HeaderValue, changes: Partial<typeof original> = {}) => ({
    ...record(99, {}, { partition: 2, timestamp: 1_800_000_000_000, headers: { lane: 'live', 'atd.origin': header } }),
    topic: waiting.topic,
    ...changes,
  });

  it('gives back what was set aside as it was announced', () => {
    const found = originalOf(copy(originHeader(original)), waiting);
    assert.deepEqual({ ...found, headers: { ...found.headers } }, { ...original, value: copy('').value });
    assert.equal(originalOf(original, waiting), original);
  });

  const LIES: readonly (readonly [what: string, header: HeaderValue, changes?: object])[] = [
    ['stands in another topic', originHeader(original), { topic: 'files' }],
    ['names another topic', 'others/2/7@1'],
    ['names another partition', 'files/3/7@1'],
    ['is no place', 'files/2/x@1'],
    ['has no value', null],
    ['has an offset beyond every number', `files/2/${'9'.repeat(40)}@1`],
    ['has something behind it', 'files/2/7@1 '],
  ];
  for (const [what, header, changes] of LIES) {
    it(`does not believe one that ${what}, and leaves it out`, () => {
      const { topic, offset, timestamp, headers } = originalOf(copy(header, changes), waiting);
      const { topic: own } = copy(header, changes);
      assert.deepEqual([topic, offset, timestamp, { ...headers }], [own, 99, 1_800_000_000_000, { lane: 'live' }]);
    });
  }

  it('believes none where nothing is set aside', () => {
    const { topic, headers } = originalOf(copy(originHeader(original)), null);
    assert.deepEqual([topic, { ...headers }], [waiting.topic, { lane: 'live' }]);
  });
});

describe('letterDiagnosis', () => {
  it('cut a long reason between two characters', () => {
    const message = (reason: string) =>
      letterDiagnosis(letter({ reason }), 'group')['__connect.errors.exception.message'];
    assert.equal(message('x'.repeat(3_000)), `${'x'.repeat(2_047)}…`);
    assert.equal(message(`${'x'.repeat(2_046)}🦀${'y'.repeat(10)}`), `${'x'.repeat(2_046)}…`);
  });

  it('carry the diagnosis under the names of Kafka Connect and our own', () => {
    assert.deepEqual(letterDiagnosis(letter(), 'group'), {
      '__connect.errors.topic': 'files',
      '__connect.errors.partition': '2',
      '__connect.errors.offset': '5',
      '__connect.errors.connector.name': 'group',
      '__connect.errors.task.id': '0',
      '__connect.errors.stage': 'TASK_PUT',
      '__connect.errors.exception.class.name': 'attempts-exhausted',
      '__connect.errors.exception.message': 'exit code 1: no',
      'atd.disposition': 'attempts-exhausted',
      'atd.attempts': '3',
      'atd.exit-code': '1',
      'atd.signal': '',
      'atd.stderr-tail': 'no',
      'atd.first-failed-at': '2026-01-02T03:04:05.678Z',
      'atd.timestamp': '1700000000000',
      'atd.replay-count': '0',
      'atd.files': '["/a"]',
    });
  });

  it('keeps a replay count that is one, and no other', () => {
    const counts: readonly (readonly [HeaderValue, string])[] = [
      ['2', '2'],
      [new TextEncoder().encode('3'), '3'],
      [null, '0'],
      [[null, '2'], '0'],
      ['many', '0'],
      ['1'.repeat(1_000), '0'],
    ];
    for (const [value, count] of counts) {
      assert.equal(letterDiagnosis(letter({}, { 'atd.replay-count': value }), 'group')['atd.replay-count'], count);
    }
  });

  it('is small when it is to be, whatever the letter holds', () => {
    const long = 'x'.repeat(100_000);
    const of = letter({ reason: long, stderrTail: long, files: [long] }, { 'atd.replay-count': long });
    const text = Object.entries(letterDiagnosis(of, long, true))
      .flat()
      .join('');
    assert.ok(text.length < 1_500, `${text.length} characters`);
  });

  it('say that a record was never tried when it could not be read', () => {
    const headers = letterDiagnosis(letter({ attempts: 0, exitCode: null, signal: 'SIGKILL' }), 'group');
    assert.equal(headers['__connect.errors.stage'], 'VALUE_CONVERTER');
    assert.equal(headers['atd.exit-code'], '');
    assert.equal(headers['atd.signal'], 'SIGKILL');
  });

  it('are bounded, however long the reason and however many the files', () => {
    const files = Array.from({ length: 10_000 }, (_, i) => `/in/${i}/"quoted"`);
    const headers = letterDiagnosis(letter({ reason: 'x'.repeat(100_000), files }), 'group');
    assert.equal((headers['__connect.errors.exception.message'] as string).length, 2_048);
    const listed = headers['atd.files'] as string;
    assert.ok(listed.length <= 16_384);
    const kept = JSON.parse(listed) as string[];
    assert.ok(kept.length > 500);
    assert.deepEqual(kept, files.slice(0, kept.length));
  });
});

describe('ownHeaders', () => {
  it('are those of the record, without the diagnosis and the notes of an earlier death', () => {
    const own = { traceparent: TRACE, many: ['a', null], 'atd.disposition': 'old', 'atd.value-bytes': '9' };
    const headers = ownHeaders(own, letterDiagnosis(letter(), 'group'));
    assert.deepEqual({ ...headers }, { traceparent: TRACE, many: ['a', null] });
  });

  it('may have any name', () => {
    const record = JSON.parse('{"__proto__": "a", "constructor": "b"}') as Record<string, string>;
    const headers = ownHeaders(record, letterDiagnosis(letter(), 'group'));
    assert.deepEqual(Object.entries(headers), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
