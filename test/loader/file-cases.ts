/** Files with what becomes of them: what is in the table then, or what is said. */
import assert from 'node:assert/strict';
import type { Bench } from './as-cli.js';

export interface FileCase {
  readonly table: string;
  /** Path of the file. */
  readonly file: string;
  /** Of the table; null where the file makes it. */
  readonly columns: string | null;
  readonly args?: readonly string[];
  readonly expected: readonly Record<string, unknown>[] | RegExp;
  /** How the rows are asked for. */
  readonly order?: string;
}

/** Loads the file into a table of its own, and looks at the table or at the error. */
export async function checkFile(bench: Bench, { table, file, columns, args = [], expected, order = '' }: FileCase) {
  if (columns !== null) await bench.rows(`CREATE TABLE ${table} (${columns}) ENGINE = MergeTree ORDER BY ()`);
  const ended = await bench.load(file, table, [...(columns === null ? ['--create-table'] : []), ...args]);
  if (expected instanceof RegExp) {
    assert.equal(ended.code, 65, ended.stderr);
    assert.match(ended.stderr, expected);
    return;
  }
  assert.deepEqual({ code: ended.code, stderr: ended.stderr }, { code: 0, stderr: '' });
  assert.deepEqual(await bench.rows(`SELECT * FROM ${table} ${order}`), expected);
}
