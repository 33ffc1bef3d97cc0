import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Judgement, judge, type Known } from '../../../lib/cli/reconcile/judge.js';
import type { Marks } from '../../../lib/cli/reconcile/topic-marks.js';
import type { PathState } from '../../../lib/ledger/queries.js';

const AT = Date.UTC(2026, 10, 28, 5);
const FILE = { path: '/in/a.csv', bytes: 70, modifiedAt: AT - 10_000 };
const NOTHING: Marks = { isOpen: false, doneAt: null, doneSize: null, letter: null, elsewhere: null };
const KNOWN: Known = {
  ...{ tenant: 'acme', since: Number.NEGATIVE_INFINITY, lettersSince: Number.NEGATIVE_INFINITY, hasDiskBytes: true },
  ...{ running: new Set<string>(), objection: () => null },
};
const LOADED: PathState = {
  ...{ path: FILE.path, tenant: 'acme', status: 'loaded', startedAt: AT, finishedAt: AT + 1_000, bytes: 70 },
  ...{ disposition: '', reason: '' },
};
const DEAD: PathState = {
  ...LOADED,
  status: 'given-up',
  finishedAt: AT + 2_000,
  disposition: 'file-missing',
  reason: 'gone',
};
const LETTER = { partition: 3, offset: 1204, text: 'file-missing: gone' };

interface Case {
  readonly file?: Partial<typeof FILE>;
  readonly marks?: Partial<Marks>;
  readonly rows?: readonly PathState[];
  readonly known?: Partial<Known>;
}

const CASES: readonly (readonly [what: string, given: Case, state: Judgement['state'], by: Judgement['by']])[] = [
  ['the ledger has it', { rows: [LOADED] }, 'loaded', 'ledger'],
  ['another tenant has it', { rows: [{ ...LOADED, tenant: 'globex' }] }, 'other-tenant', 'ledger'],
  ['it is whoever’s', { rows: [{ ...LOADED, tenant: null }], known: { tenant: undefined } }, 'loaded', 'ledger'],
  ['it is to be nobody’s, and is somebody’s', { rows: [LOADED], known: { tenant: null } }, 'other-tenant', 'ledger'],
  ['it was written to after its load began', { file: { modifiedAt: AT + 1 }, rows: [LOADED] }, 'changed', 'ledger'],
  ['it was written to at that moment', { file: { modifiedAt: AT }, rows: [LOADED] }, 'loaded', 'ledger'],
  ['it has another size', { file: { bytes: 71 }, rows: [LOADED] }, 'changed', 'ledger'],
  [
    'its loader counts bytes its own way',
    { file: { bytes: 71 }, rows: [LOADED], known: { hasDiskBytes: false } },
    'loaded',
    'ledger',
  ],
  ['its size was not noted', { rows: [{ ...LOADED, bytes: null }] }, 'loaded', 'ledger'],
  ['it is announced once more', { rows: [LOADED], marks: { isOpen: true } }, 'loaded', 'ledger'],
  [
    'it has changed, and is announced once more',
    { file: { bytes: 1 }, rows: [LOADED], marks: { isOpen: true } },
    'waiting',
    'topic',
  ],
  ['a service runs it', { marks: { isOpen: true }, known: { running: new Set([FILE.path]) } }, 'running', 'topic'],
  ['it was given up', { rows: [DEAD] }, 'given-up', 'ledger'],
  ['it was given up, and loaded later', { rows: [{ ...DEAD, finishedAt: AT - 1 }, LOADED] }, 'loaded', 'ledger'],
  ['it has changed, and the change was given up', { file: { bytes: 1 }, rows: [LOADED, DEAD] }, 'given-up', 'ledger'],
  [
    'it was given up, loaded, and has changed',
    { file: { bytes: 1 }, rows: [{ ...DEAD, finishedAt: AT }, LOADED] },
    'changed',
    'ledger',
  ],
  ['it was given up, and waits again', { rows: [DEAD], marks: { isOpen: true } }, 'waiting', 'topic'],
  ['only a failed attempt is known', { rows: [{ ...DEAD, status: 'failed' }] }, 'end-unknown', 'ledger'],
  ['a commit has passed it', { marks: { doneAt: AT } }, 'loaded', 'topic'],
  ['a commit has passed it, with another size', { marks: { doneAt: AT, doneSize: 71 } }, 'changed', 'topic'],
  [
    'a commit has passed it, and it was written to since',
    { marks: { doneAt: FILE.modifiedAt - 1 } },
    'changed',
    'topic',
  ],
  ['a commit has passed it that has no time', { marks: { doneAt: -1 } }, 'loaded', 'topic'],
  ['a letter of it may be gone', { marks: { doneAt: AT }, known: { lettersSince: AT + 1 } }, 'end-unknown', 'topic'],
  ['a letter names it', { marks: { letter: LETTER } }, 'given-up', 'topic'],
  ['the topic has it for another tenant', { marks: { elsewhere: { tenant: null } } }, 'other-tenant', 'topic'],
  ['nobody knows it', {}, 'never-announced', null],
  ['it would be given up', { known: { objection: () => 'no tenant' } }, 'refused', null],
  ['it is older than what is known', { known: { since: AT } }, 'unknown', null],
  ['it is newer than where knowledge begins', { known: { since: FILE.modifiedAt } }, 'never-announced', null],
];

describe('what a file is', () => {
  for (const [what, { file, marks, rows = [], known }, state, by] of CASES) {
    it(`where ${what}: ${state}`, () => {
      const found = judge({ ...FILE, ...file }, { ...NOTHING, ...marks }, rows, { ...KNOWN, ...known });
      assert.deepEqual([found.state, found.by], [state, by]);
    });
  }

  it('says why', () => {
    const changed = judge({ ...FILE, bytes: 71 }, NOTHING, [LOADED], KNOWN);
    assert.equal(changed.note, 'it has 71 bytes, and had 70 when it was loaded');
    assert.equal(judge(FILE, NOTHING, [DEAD], KNOWN).note, 'file-missing: gone');
    assert.equal(judge(FILE, { ...NOTHING, letter: LETTER }, [], KNOWN).note, 'dead letter 3/1204: file-missing: gone');
    const retried = judge(FILE, { ...NOTHING, isOpen: true }, [{ ...DEAD, status: 'failed' }], KNOWN);
    assert.equal(retried.note, 'the last attempt failed: gone');
  });
});
