/** The ledger with a state directory that does not answer. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { Ledger } from '../../lib/ledger/ledger.js';
import { LoadRows } from '../../lib/ledger/load-rows.js';
import { LedgerStore } from '../../lib/ledger/store.js';
import { Play } from '../support/engine.js';

const TABLE = { database: 'd', name: 't', retentionDays: 1, onCluster: null, isReplicated: false };
/** Nobody listens there. */
const NOWHERE = { host: '127.0.0.1', port: 9, secure: false, caFile: null, user: 'u', password: '' };

it('one commit waits for a disk that hangs, which is said, and no further one does', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'atd-hanging-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'run-1.part');
  const said: string[] = [];
  const ledger = new Ledger(
    { store: new LedgerStore(TABLE, () => NOWHERE), directory, required: false, diskMs: 100, run: 'run' },
    { log: (_level, event, { error }) => said.push(`${event}: ${error}`), onRefused: () => undefined },
  );
  await ledger.start();
  // A pipe is not opened before somebody reads of it.
  execFileSync('mkfifo', [path]);
  const play = new Play();
  const makes = new LoadRows({ instance: 'host/1', version: '1', loader: 'bundled' });
  play.assign(0);
  play.deliver(5);
  const job = { ...play.status.running[0]?.job } as never;
  const failed = { type: 'job-failed', job, disposition: 'attempts-exhausted', reason: 'x' } as const;
  ledger.add(makes.of({ type: 'tick' }, [failed], 9));
  await ledger.settled();
  const ofDisk = () => said.filter((line) => line.startsWith('ledger.disk'));
  assert.deepEqual(ofDisk(), ['ledger.disk: the state directory has not answered for 0.1 s']);
  await ledger.settled();
  assert.equal(ofDisk().length, 1);
  const [text] = await Promise.all([readFile(path, 'utf8'), ledger.close()]);
  assert.match(text, /attempts-exhausted/);
});
