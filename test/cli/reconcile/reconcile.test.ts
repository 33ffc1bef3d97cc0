/** `atd-ingestion reconcile` before it asks anybody: no Kafka answers here. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { lineOf } from '../../../lib/cli/emit/emit-state.js';
import { runCli } from '../../support/cli.js';

const BROKER = '127.0.0.1:1';

function createDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'atd-reconcile-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function reconcile(directory: string, ...args: readonly string[]) {
  return runCli(['reconcile', ...args], {
    ATD_KAFKA_BOOTSTRAP_SERVERS: BROKER,
    ATD_KAFKA_TOPIC: 'files',
    ATD_LEDGER_ENABLED: 'false',
    XDG_STATE_HOME: directory,
  });
}

describe('atd-ingestion reconcile, before it asks anybody', () => {
  it('refuses a path that is not there: no files would look as if all were in order', async (t) => {
    const directory = createDirectory(t);
    const missing = join(directory, 'exprot');
    const { code, stdout, stderr } = await reconcile(directory, directory, missing);
    assert.deepEqual([code, stdout], [64, '']);
    assert.ok(stderr.includes(`${missing} does not exist`), stderr);
  });

  it('keeps what another process may still have on its way, and sends nothing', async (t) => {
    const directory = createDirectory(t);
    mkdirSync(join(directory, 'atd-ingestion'));
    const name = `reconcile-${hash('sha256', `files ${BROKER}`).slice(0, 16)}.jsonl`;
    const path = join(directory, 'atd-ingestion', name);
    const head = { id: 'x', topic: 'files', lane: null, count: 0 };
    const owner = { host: `not-${hostname()}`, pid: 7 };
    writeFileSync(path, [{ head }, { owner }, { intent: { from: 0, to: 1, ends: { 0: 5 } } }].map(lineOf).join(''));
    const { code, stderr } = await reconcile(directory, directory, '--announce');
    assert.equal(code, 64, stderr);
    assert.match(stderr, /process 7 of not-.* is at /);
    assert.ok(existsSync(path));
  });
});
