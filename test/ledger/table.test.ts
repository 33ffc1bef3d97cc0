/** The ledger's table and view in a real ClickHouse: made, written, read, and of an older version. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Load } from '../../lib/ledger/load.js';
import { type LedgerRow, SELECTED, statementsFor, toLoad, toRow } from '../../lib/ledger/table.js';
import { createLedgerPlace, type LedgerPlace, LOAD } from '../support/ledger.js';

function lines(...changes: readonly Partial<Load>[]): string[] {
  return changes.map((change) => JSON.stringify(toRow({ ...LOAD, ...change })));
}

function createQuery({ rows, table }: LedgerPlace): Promise<string> {
  const query = `SELECT create_table_query AS q FROM system.tables WHERE database = '${table.database}' AND name = '${table.name}'`;
  return rows<{ q: string }>(query).then(([found]) => found?.q ?? '');
}

describe('the table of the ledger', () => {
  it('is made with the first rows, and gives back what was written', async (t) => {
    const place = await createLedgerPlace(t, { retentionDays: 30 });
    const { store, table } = place;
    const others: Load = {
      ...{
        ...LOAD,
        loadId: '00000000-0000-8000-8000-000000000000',
        status: 'skipped',
        tenant: null,
        announcedAt: null,
      },
      ...{ startedAt: null, result: null, disposition: 'invalid-message', rows: null, bytes: null, exitCode: null },
      ...{ signal: 'SIGKILL', reason: 'a "quote", a \\ and \u00fc\u{1f600}', finishedAt: LOAD.finishedAt + 1 },
    };
    await store.write(lines({}, others), 'run-1');
    const found = await store.query<LedgerRow>(
      `SELECT ${SELECTED} FROM ${table.database}.${table.name} ORDER BY finished_at`,
    );
    assert.deepEqual(found.map(toLoad), [LOAD, others]);
    assert.match(await createQuery(place), /TTL toDateTime\(finished_at\) \+ toIntervalDay\(30\)/);
    const [seen] = await place.rows(
      `SELECT toString(finished_at) AS at FROM ${table.database}.${table.name} ORDER BY 1 LIMIT 1`,
    );
    assert.deepEqual(seen, { at: new Date(LOAD.finishedAt).toISOString().replace('T', ' ').replace('Z', '') });
  });

  it('takes a batch once, however often it comes under its token', async (t) => {
    const { store, rows, table } = await createLedgerPlace(t);
    const batch = lines({}, { attempt: 2 });
    await store.write(batch, 'run-1');
    await store.write(batch, 'run-1');
    await store.write(batch, 'run-2');
    assert.deepEqual(await rows(`SELECT count() AS n FROM ${table.database}.${table.name}`), [{ n: 4 }]);
    assert.deepEqual(await rows(`SELECT count() AS n FROM ${table.database}.${table.name}_current`), [{ n: 1 }]);
  });

  it('shows each file once in its view, as its latest row has it', async (t) => {
    const { store, rows, table } = await createLedgerPlace(t);
    const id = (n: number) => `00000000-0000-8000-8000-00000000000${n}`;
    const at = LOAD.finishedAt;
    await store.write(
      lines(
        { loadId: id(1), status: 'failed', finishedAt: at },
        { loadId: id(1), status: 'loaded', finishedAt: at + 1 },
        { loadId: id(1), status: 'loaded', finishedAt: at + 5 },
        { loadId: id(2), status: 'given-up', finishedAt: at },
        { loadId: id(2), status: 'failed', finishedAt: at },
        { loadId: id(3), status: 'loaded', finishedAt: at },
        { loadId: id(3), status: 'superseded', finishedAt: at + 1 },
        { loadId: id(4), status: 'given-up', finishedAt: at },
        { loadId: id(4), status: 'loaded', finishedAt: at + 1 },
      ),
      'run-1',
    );
    const current = `SELECT toString(load_id) AS id, status FROM ${table.database}.${table.name}_current ORDER BY id`;
    assert.deepEqual(await rows(current), [
      { id: id(1), status: 'loaded' },
      { id: id(2), status: 'given-up' },
      { id: id(3), status: 'loaded' },
      { id: id(4), status: 'loaded' },
    ]);
  });

  it('of an older version gets the columns that it lacks, keeps its rows, and then is left alone', async (t) => {
    const place = await createLedgerPlace(t, { retentionDays: 90 });
    const { store, rows, table } = place;
    const [create = ''] = statementsFor({ ...table, retentionDays: 400 }, null);
    const older = create
      .replace(/, `lane` [^,]+/, '')
      .replace(/, `instance` [^,]+/, '')
      .replace(/schema \d+/, 'schema 0');
    assert.doesNotMatch(older, /lane|instance/);
    await place.execute(older);
    const name = `${table.database}.${table.name}`;
    await place.execute(
      `INSERT INTO ${name} (load_id, status, finished_at) VALUES ('${LOAD.loadId}', 'loaded', now64(3))`,
    );
    await store.write(lines({ loadId: '00000000-0000-8000-8000-000000000000' }), 'run-1');
    assert.deepEqual(await rows(`SELECT lane, instance FROM ${name}_current ORDER BY lane`), [
      { lane: '', instance: '' },
      { lane: 'normal', instance: 'host/1' },
    ]);
    const after = await createQuery(place);
    assert.match(after, /toIntervalDay\(90\)/);
    assert.match(after, /schema 1'/);
    const standing = {
      ...{ columns: Object.keys(toRow(LOAD)), comment: 'The ledger of atd-ingestion, schema 1' },
      ...{ createQuery: after, hasView: true },
    };
    assert.deepEqual(statementsFor(table, standing), []);
    const newer = {
      ...standing,
      comment: 'The ledger of atd-ingestion, schema 7',
      columns: [...standing.columns, 'more'],
    };
    assert.deepEqual(statementsFor(table, newer), [], 'what a newer version made stays');
  });

  it('is no table of somebody else', async (t) => {
    const { store, table, execute } = await createLedgerPlace(t);
    await execute(`CREATE TABLE ${table.database}.${table.name} (a String) ENGINE = MergeTree ORDER BY a`);
    await assert.rejects(store.write(lines({}), 'run-1'), /is no ledger: it has other columns; name another table/);
  });

  it('is made anew where somebody dropped it', async (t) => {
    const { store, rows, table, execute } = await createLedgerPlace(t);
    await store.write(lines({}), 'run-1');
    await execute(`DROP TABLE ${table.database}.${table.name} SYNC`);
    await assert.rejects(store.write(lines({}), 'run-2'));
    await store.write(lines({}), 'run-2');
    assert.deepEqual(await rows(`SELECT count() AS n FROM ${table.database}.${table.name}`), [{ n: 1 }]);
  });
});
