import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Found, judge, mixedIds, undoneRow } from '../../../lib/cli/loads/undo-plan.js';
import { renderUndo } from '../../../lib/cli/loads/undo-view.js';
import { isNewer } from '../../../lib/ledger/load-states.js';
import { LOAD } from '../../support/ledger.js';

const TABLE = { engine: 'MergeTree', hasLoadId: true, views: [] };
const FOUND: Found = { load: LOAD, wasUndone: false, isMixed: false, table: TABLE, rows: 7, isRunning: false };

function said(changes: Partial<Found>, keepViewRows = false): string {
  const verdict = judge({ ...FOUND, ...changes }, 'db', keepViewRows);
  return verdict.kind === 'undo' ? `undo ${verdict.rows}` : `${verdict.kind}: ${verdict.why}`;
}

test('the rows of a load that is over are taken out, of one that was given up in part too', () => {
  assert.equal(said({}), 'undo 7');
  assert.equal(said({ load: { ...LOAD, status: 'given-up', rows: null }, rows: 3 }), 'undo 3');
  assert.equal(said({ table: { ...TABLE, engine: 'ReplicatedMergeTree' } }), 'undo 7');
  // Somebody was interrupted.
  assert.equal(said({ load: { ...LOAD, status: 'undone' }, wasUndone: true, rows: 2 }), 'undo 2');
});

test('a load is left alone that is not over, and one whose rows nobody can tell', () => {
  assert.match(said({ isRunning: true }), /^refused: it is being loaded at this moment/);
  assert.match(said({ load: { ...LOAD, status: 'failed' } }), /^refused: its last attempt failed and another one may/);
  assert.match(said({ table: null }), /^refused: there is no table db\.atd_acme any more/);
  assert.match(
    said({ table: { ...TABLE, hasLoadId: false } }),
    /^refused: db\.atd_acme .* set ingest\.provenance to true/,
  );
  for (const engine of ['Distributed', 'SummingMergeTree', 'ReplacingMergeTree', 'View']) {
    assert.match(said({ table: { ...TABLE, engine } }), new RegExp(`^refused: db\\.atd_acme is a ${engine}, `));
  }
  assert.match(said({ rows: 0 }), /^refused: db\.atd_acme has no row .* though 7 were loaded: they came before ingest/);
});

test('views keep what they got only where that is accepted', () => {
  const table = { ...TABLE, views: ['db.daily', 'db.hourly'] };
  assert.match(said({ table }), /^refused: of its rows db\.daily, db\.hourly made others, .* --keep-view-rows/);
  assert.equal(said({ table }, true), 'undo 7');
});

test('there may be nothing to be done', () => {
  assert.match(said({ load: { ...LOAD, status: 'skipped' }, rows: 0 }), /^nothing: no attempt was made/);
  assert.match(said({ load: { ...LOAD, rows: 0 }, rows: 0 }), /^nothing: db\.atd_acme has no row of it/);
  assert.match(said({ load: { ...LOAD, status: 'given-up' }, rows: 0 }), /^nothing: db\.atd_acme has no row of it/);
  assert.match(said({ wasUndone: true, rows: 0 }), /^nothing: it was undone before/);
});

test('the row of the ledger is the newest of its load, also by a clock that is behind', () => {
  const act = { by: 'ann@host', reason: 'twice the price', instance: 'host/2', version: '2.0.0', now: 5 };
  const row = undoneRow(LOAD, 7, act);
  assert.ok(isNewer(row, LOAD) && !isNewer(LOAD, row));
  const { status, reason, loadId, generation, rows } = row;
  assert.deepEqual([status, reason, rows], ['undone', 'by ann@host: twice the price', 7]);
  assert.deepEqual([loadId, generation], [LOAD.loadId, LOAD.generation]);
  assert.equal(undoneRow(LOAD, 7, { ...act, reason: '' }).reason, 'by ann@host');
});

test('what is deleted is said in lines that fit, with what views keep', () => {
  const verdicts = [
    judge({ ...FOUND, table: { ...TABLE, views: ['db.daily'] } }, 'db', true),
    judge({ ...FOUND, table: null }, 'db', false),
  ];
  const text = renderUndo({ verdicts, database: 'db', isDone: false, askedService: true }, 60);
  assert.ok(
    text.split('\n').every((line) => line.length <= 60),
    text,
  );
  const flat = text.replaceAll(/\s+/g, ' ');
  assert.match(
    flat,
    /^7 rows of db\.atd_acme: \/in\/5 \(19655eca\S+\) what was handed on by db\.daily stays where it is/,
  );
  assert.match(flat, /1 load would be undone, 7 rows, 1 refused $/);
});

test('a load under whose id the ledger has several files or tables is left alone', () => {
  assert.match(said({ isMixed: true }), /^refused: the ledger has several files or tables under this id/);
  const rows = (...changes: readonly Partial<typeof LOAD>[]) => [
    ...mixedIds(changes.map((one) => ({ ...LOAD, ...one }))),
  ];
  assert.deepEqual(rows({ status: 'failed' }, {}, { status: 'undone' }, { table: '', status: 'skipped' }), []);
  assert.deepEqual(rows({}, { table: 'atd_other' }), [LOAD.loadId]);
  assert.deepEqual(rows({}, { path: '/in/6' }), [LOAD.loadId]);
  assert.deepEqual(rows({}, { loadId: 'b', path: '/in/6' }), []);
});
