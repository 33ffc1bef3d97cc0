import type { TestContext } from 'node:test';
import { execute } from '../sandbox/clickhouse-client.js';
import type { ClickHouseSandbox } from '../sandbox/sandbox.js';
import type { Place } from './service-process.js';

/** A database that only this test uses, removed after it. */
export async function createDatabase(t: TestContext, place: Place, clickHouse: ClickHouseSandbox): Promise<string> {
  const database = place.topic.replaceAll('-', '_');
  await execute(clickHouse, `CREATE DATABASE ${database}`);
  t.after(() => execute(clickHouse, `DROP DATABASE ${database}`));
  return database;
}
