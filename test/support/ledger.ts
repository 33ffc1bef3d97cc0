/** A database for a ledger, and what stands in it. */
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { Load } from '../../lib/ledger/load.js';
import { LedgerStore } from '../../lib/ledger/store.js';
import type { LedgerTable } from '../../lib/ledger/table.js';
import { execute, queryRows } from '../sandbox/clickhouse-client.js';
import { type ClickHouseSandbox, startClickHouse } from '../sandbox/sandbox.js';

export const LOAD: Load = {
  ...{ loadId: '19655eca-001f-8b58-94f8-3fb90862ab6b', token: 'files/0/5/0@1700000000000', generation: 0 },
  ...{ status: 'loaded', attempt: 1, tenant: 'acme', table: 'atd_acme', path: '/in/5', topic: 'files', partition: 0 },
  ...{ offset: 5, index: 0, lane: 'normal', announcedAt: 1_795_000_000_000, takenAt: 1_795_000_000_100 },
  ...{ startedAt: 1_795_000_000_200, finishedAt: 1_795_000_000_345, result: 'succeeded', disposition: null },
  ...{ rows: 7, bytes: 70, exitCode: 0, signal: null, reason: '', instance: 'host/1', version: '1.2.3' },
  ...{ stderr: '', size: 4_096, modifiedAt: 1_794_999_999_000, cpuMs: 310, peakMemory: 64 * 1024 * 1024 },
  ...{ queryId: '3f6d9c1e-7a52-4b8e-9d41-0c2b5a6e7f80', loader: 'bundled' },
};

export interface LedgerPlace {
  readonly clickHouse: ClickHouseSandbox;
  readonly table: LedgerTable;
  readonly store: LedgerStore;
  readonly rows: <Row = Record<string, unknown>>(query: string) => Promise<Row[]>;
  readonly execute: (query: string) => Promise<void>;
}

/** @param database it is made, and removed after the test */
export async function createLedgerPlace(t: TestContext, changes: Partial<LedgerTable> = {}): Promise<LedgerPlace> {
  const clickHouse = await startClickHouse();
  t.after(() => clickHouse.stop());
  const database = `ledger_${randomUUID().slice(0, 8)}`;
  await execute(clickHouse, `CREATE DATABASE ${database}`);
  t.after(() => execute(clickHouse, `DROP DATABASE ${database}`));
  const table = {
    ...{ database, name: 'atd__loads', retentionDays: 400, onCluster: null, isReplicated: false },
    ...changes,
  };
  const { host, port, user, password } = clickHouse;
  const store = new LedgerStore(table, () => ({ host, port, user, password, secure: false, caFile: null }));
  t.after(() => store.close());
  return {
    ...{ clickHouse, table, store },
    rows: (query) => queryRows(clickHouse, query),
    execute: (query) => execute(clickHouse, query),
  };
}
