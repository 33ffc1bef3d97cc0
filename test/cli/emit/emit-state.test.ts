import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EmitLine, firstOwner, lineOf, stateOf } from '../../../lib/cli/emit/emit-state.js';

const FILES = ['/a', '/b', '/c'].map((filename) => ({ filename, format: null, size: 1, tenant: null }));
const HEAD = { id: 'x', topic: 'files', lane: null, count: 3 };
const BEGIN: readonly EmitLine[] = [{ head: HEAD }, ...FILES.map((file) => ({ file }))];

function after(lines: readonly EmitLine[], tail = '') {
  const { sent, open, begin, found, owner } = stateOf([...BEGIN, ...lines].map(lineOf).join('') + tail, 'state');
  return { sent, open, begin, found: [...found], owner };
}

describe('the state of emit', () => {
  const intent = { from: 0, to: 2, ends: { 0: 5 } };

  it('is nothing at first, then what is about to be sent, then what was', () => {
    assert.deepEqual(after([]), { sent: 0, open: null, begin: null, found: [], owner: null });
    assert.deepEqual(after([{ intent }]), { sent: 0, open: intent, begin: { 0: 5 }, found: [], owner: null });
    assert.deepEqual(after([{ intent }, { sent: 2 }]), {
      sent: 2,
      open: null,
      begin: { 0: 5 },
      found: [],
      owner: null,
    });
  });

  it('keeps what was found in the topic, and where it all began', () => {
    const later = { from: 0, to: 3, ends: { 0: 9 } };
    const { open, begin, found } = after([{ intent }, { found: [1] }, { intent: later }]);
    assert.deepEqual([open, begin, found], [later, { 0: 5 }, [1]]);
  });

  it('takes no half line for a whole one', () => {
    assert.equal(after([{ intent }], '{"sent":').open?.to, 2);
    assert.deepEqual(after([{ intent }], '{"se\n{"owner":{"host":"h","pid":7}}\n').owner, { host: 'h', pid: 7 });
  });

  it('is whose line comes first, of two who go on with it at once', () => {
    const lines = [7, 8].map((pid) => lineOf({ owner: { host: 'h', pid } }));
    assert.deepEqual(firstOwner(`\n\n${lines.join('')}`), { host: 'h', pid: 7 });
    assert.equal(firstOwner('{"sent":2}\n{"owner'), null);
  });

  for (const text of [
    '',
    '{}',
    'a\nb',
    [...BEGIN].slice(0, 3).map(lineOf).join(''),
    '{"head":{"lane":"x","count":0}}',
  ]) {
    it(`is not read from ${JSON.stringify(text.slice(0, 30))}`, () => {
      assert.throws(() => stateOf(text, 'name'), /name is no state file of emit/);
    });
  }
});
