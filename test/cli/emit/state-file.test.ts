/** The state file of `emit` on a real disk: who may go on with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { lineOf } from '../../../lib/cli/emit/emit-state.js';
import { StateFile } from '../../../lib/cli/emit/state-file.js';

const HEAD = { id: 'x', topic: 'files', lane: null, count: 1 };
const FILES = [{ filename: '/a', format: null, size: 1, tenant: null }];

function create(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'atd-state-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'emit.jsonl');
  StateFile.create(path, HEAD, FILES).write({ intent: { from: 0, to: 1, ends: { 0: 5 } } });
  return path;
}

describe('the state file of emit', () => {
  it('is gone on with by its own process, and says how far it is', (t) => {
    const path = create(t);
    const { file, state } = StateFile.goOn(path);
    assert.deepEqual([state.open?.to, state.files], [1, FILES]);
    file.write({ sent: 1 });
    assert.equal(StateFile.goOn(path).state.sent, 1);
    file.remove();
    assert.throws(() => StateFile.goOn(path), /emit\.jsonl cannot be used: ENOENT/);
  });

  it('is not gone on with where a process of another host may be at it, of the same number too', (t) => {
    for (const pid of [process.pid, process.pid + 1]) {
      const path = create(t);
      writeFileSync(path, lineOf({ owner: { host: `not-${hostname()}`, pid } }), { flag: 'a' });
      const before = readFileSync(path, 'utf8');
      assert.throws(() => StateFile.goOn(path), /process \d+ of not-.* is at .*; go on there/);
      assert.equal(readFileSync(path, 'utf8'), before);
    }
  });
});
