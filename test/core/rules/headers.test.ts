import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeadLetter } from '../../../lib/core/events.js';
import { letterHeaders, readTraceparent } from '../../../lib/core/rules/headers.js';
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

describe('letterHeaders', () => {
  it('carry the diagnosis under the names of Kafka Connect and our own', () => {
    assert.deepEqual(letterHeaders(letter(), 'group'), {
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
      'atd.replay-count': '0',
      'atd.files': '["/a"]',
    });
  });

  it('keep the headers of the record, but replace an earlier diagnosis', () => {
    const own = { traceparent: TRACE, many: ['a', 'b'], 'atd.disposition': 'old', 'atd.replay-count': '2' };
    const headers = letterHeaders(letter({}, own), 'group');
    assert.equal(headers['traceparent'], TRACE);
    assert.deepEqual(headers['many'], ['a', 'b']);
    assert.equal(headers['atd.disposition'], 'attempts-exhausted');
    assert.equal(headers['atd.replay-count'], '2');
  });

  it('say that a record was never tried when it could not be read', () => {
    const headers = letterHeaders(letter({ attempts: 0, exitCode: null, signal: 'SIGKILL' }), 'group');
    assert.equal(headers['__connect.errors.stage'], 'VALUE_CONVERTER');
    assert.equal(headers['atd.exit-code'], '');
    assert.equal(headers['atd.signal'], 'SIGKILL');
  });

  it('are bounded, however long the reason and however many the files', () => {
    const files = Array.from({ length: 10_000 }, (_, i) => `/in/${i}/"quoted"`);
    const headers = letterHeaders(letter({ reason: 'x'.repeat(100_000), files }), 'group');
    assert.equal((headers['__connect.errors.exception.message'] as string).length, 2_048);
    const listed = headers['atd.files'] as string;
    assert.ok(listed.length <= 16_384);
    const kept = JSON.parse(listed) as string[];
    assert.ok(kept.length > 500);
    assert.deepEqual(kept, files.slice(0, kept.length));
  });
});
