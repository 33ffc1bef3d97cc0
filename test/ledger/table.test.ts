/** The ledger's table and view in a real ClickHouse: made, written, read, and of an older version. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Load } from '../../lib/ledger/load.js';
import { ANY_LOAD } from '../../lib/ledger/load-filter.js';
import { LedgerReader } from '../../lib/ledger/reader.js';
import { LedgerStore } from '../../lib/ledger/store.js';
import { type LedgerRow, SCHEMA_VERSION, selected, statementsFor, toLoad, toRow } from '../../lib/ledger/table.js';
import { createLedgerPlace, type LedgerPlace, LOAD } from '../support/ledger.js';

function lines(...changes: readonly Partial<Load>[]): string[] {
  return changes.map((change) => JSON.stringify(toRow({ ...LOAD, ...change })));
}

/** As that version has made it. */
function ofSchema1(name: string): string[] {
  const moment = "DateTime64(3, 'UTC')";
  const columns = [
    ...['`load_id` UUID', '`generation` UInt32', '`token` String', '`status` LowCardinality(String)'],
    ...['`attempt` UInt32', '`tenant` LowCardinality(String)', '`table` LowCardinality(String)', '`path` String'],
    ...['`topic` LowCardinality(String)', '`partition` UInt32', '`offset` UInt64', '`index` UInt32'],
    ...['`lane` LowCardinality(String)', `\`announced_at\` Nullable(${moment})`, `\`taken_at\` ${moment}`],
    ...[`\`started_at\` Nullable(${moment})`, `\`finished_at\` ${moment}`, '`result` LowCardinality(String)'],
    ...['`disposition` LowCardinality(String)', '`rows` Nullable(UInt64)', '`bytes` Nullable(UInt64)'],
    ...['`exit_code` Nullable(Int32)', '`signal` LowCardinality(String)', '`reason` String'],
    ...['`instance` LowCardinality(String)', '`version` LowCardinality(String)'],
  ];
  const index = 'INDEX load_id load_id TYPE bloom_filter(0.01) GRANULARITY 1';
  return [
    `CREATE TABLE ${name} (${columns.join(', ')}, ${index}) ENGINE = MergeTree ` +
      'PARTITION BY toYYYYMM(finished_at) ORDER BY (finished_at, load_id) ' +
      'TTL toDateTime(finished_at) + toIntervalDay(400) ' +
      'SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1 ' +
      "COMMENT 'The ledger of atd-ingestion, schema 1'",
    `CREATE VIEW ${name}_current AS SELECT * FROM ${name} WHERE status != 'superseded' ` +
      "ORDER BY finished_at DESC, status = 'failed' LIMIT 1 BY load_id",
  ];
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
      ...{
        stderr: 'one | two',
        size: null,
        modifiedAt: null,
        cpuMs: null,
        peakMemory: null,
        queryId: null,
        loader: '/x',
      },
      ...{ signal: 'SIGKILL', reason: 'a "quote", a \\ and \u00fc\u{1f600}', finishedAt: LOAD.finishedAt + 1 },
    };
    await store.write(lines({}, others), 'run-1');
    const found = await store.query<LedgerRow>(
      `SELECT ${selected(null)} FROM ${table.database}.${table.name} ORDER BY finished_at`,
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
    assert.match(after, new RegExp(`schema ${SCHEMA_VERSION}'`));
    const standing = {
      ...{ columns: Object.keys(toRow(LOAD)), comment: `The ledger of atd-ingestion, schema ${SCHEMA_VERSION}` },
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

  it('of schema 1 is read as it is, and migrated by the first row: then it has the old rows and the new', async (t) => {
    const place = await createLedgerPlace(t);
    const { store, rows, table, execute } = place;
    const name = `${table.database}.${table.name}`;
    for (const statement of ofSchema1(name)) await execute(statement);
    const old = { ...toRow(LOAD) };
    for (const column of ['stderr', 'size', 'modified_at', 'cpu_seconds', 'peak_memory', 'query_id', 'loader']) {
      delete (old as Record<string, unknown>)[column];
    }
    await execute(
      `INSERT INTO ${name} SETTINGS date_time_input_format = 'basic' FORMAT JSONEachRow ${JSON.stringify(old)}`,
    );
    const before: Load = {
      ...{ ...LOAD, stderr: '', size: null, modifiedAt: null, cpuMs: null, peakMemory: null, queryId: null },
      loader: '',
    };
    const reader = new LedgerReader(store, table);
    const all = { filter: ANY_LOAD, limit: 10 };
    assert.deepEqual(await reader.list(all), [before]);
    assert.deepEqual(await reader.list({ ...all, filter: { ...ANY_LOAD, status: 'loaded' } }), [before]);
    assert.deepEqual(await reader.rowsOf(LOAD.loadId), [before]);
    const later = { ...LOAD, attempt: 2, finishedAt: LOAD.finishedAt + 1 };
    await store.write(lines(later), 'run-1');
    assert.deepEqual(await reader.rowsOf(LOAD.loadId), [before, later]);
    assert.deepEqual(await rows(`SELECT attempt, loader, peak_memory AS peak FROM ${name}_current`), [
      { attempt: 2, loader: 'bundled', peak: 64 * 1024 * 1024 },
    ]);
    assert.match(await createQuery(place), /schema 2'/);
    // An instance of before writes on.
    await execute(
      `INSERT INTO ${name} SETTINGS date_time_input_format = 'basic' FORMAT JSONEachRow ${JSON.stringify({ ...old, attempt: 3 })}`,
    );
    assert.deepEqual((await reader.rowsOf(LOAD.loadId)).length, 3);
  });

  it('is written as it is where it cannot be changed, and told of once', async (t) => {
    const { table, rows, execute, clickHouse } = await createLedgerPlace(t);
    const name = `${table.database}.${table.name}`;
    for (const statement of ofSchema1(name)) await execute(statement);
    const { host, port, user, password } = clickHouse;
    const connection = { host, port, user, password, secure: false, caFile: null };
    const reasons: string[] = [];
    const clustered = { ...table, onCluster: 'nowhere' };
    const store = new LedgerStore(clustered, () => connection, { onOutdated: (reason) => reasons.push(reason) });
    t.after(() => store.close());
    await store.write(lines({}), 'run-1');
    await store.write(lines({ attempt: 2, finishedAt: LOAD.finishedAt + 1 }), 'run-2');
    assert.deepEqual(await rows(`SELECT attempt FROM ${name} ORDER BY attempt`), [{ attempt: 1 }, { attempt: 2 }]);
    assert.equal(reasons.length, 1, `${reasons}`);
    const [first] = await new LedgerReader(store, table).rowsOf(LOAD.loadId);
    assert.deepEqual([first?.rows, first?.queryId], [LOAD.rows, null]);
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
