/** The rows of the ledger on a real disk, also one that is full. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Batch } from '../../lib/ledger/queue.js';
import { Spill } from '../../lib/ledger/spill.js';

function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'atd-spill-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const refused: string[] = [];
  const stored: string[] = [];
  const events = {
    onStored: ({ token }: Batch) => stored.push(token),
    onRefused: ({ token }: Batch, { message }: Error) => refused.push(`${token}: ${message}`),
  };
  return { directory, refused, stored, spill: new Spill(directory, events), again: () => new Spill(directory, events) };
}

function batch(token: string): Batch {
  return { id: 1, token, lines: [], rows: 0, bytes: 0, openedAt: 0, isOnDisk: true, isStored: false, hasFile: true };
}

describe('rows of the ledger on the disk', () => {
  it('are there when it says so, are read again, and go when they are written', async (t) => {
    const { spill, directory, refused, stored } = open(t);
    assert.deepEqual(await spill.left(), []);
    const [one, two] = [batch('run-1'), batch('run-2')];
    spill.append(one, '1');
    spill.append(one, '2');
    await spill.settled();
    assert.deepEqual(readdirSync(directory), ['run-1.part']);
    spill.append(one, '3');
    spill.close(one);
    spill.append(two, '4');
    assert.deepEqual(await spill.read(one), ['1', '2', '3']);
    assert.deepEqual(stored, ['run-1']);
    spill.remove(one);
    await spill.settled();
    assert.deepEqual(readdirSync(directory), ['run-2.part']);
    await spill.end();
    assert.deepEqual(refused, []);
  });

  it('are found by the next run, the oldest first, without a row that was cut off', async (t) => {
    const { spill, again, directory } = open(t);
    await spill.left();
    const [one, two] = [batch('run-1'), batch('run-2')];
    spill.append(one, '1');
    spill.close(one);
    spill.append(two, '2');
    spill.append(two, '3');
    await spill.end();
    writeFileSync(join(directory, 'run-2.part'), '2\n3\n{"cut', { flag: 'w' });
    writeFileSync(join(directory, 'run-3.part'), '');
    writeFileSync(join(directory, 'else'), 'somebody else`s');
    const next = again();
    const left = await next.left();
    assert.deepEqual(
      left.map(({ token, rows }) => [token, rows]),
      [
        ['run-1', 1],
        ['run-2-left', 2],
      ],
    );
    assert.deepEqual(await next.read(batch('run-2-left')), ['2', '3']);
    // A run that is killed now finds the same under the same token.
    assert.deepEqual((await again().left()).map(({ token }) => token).sort(), ['run-1', 'run-2-left']);
  });

  it('are refused by a disk that is full, batch by batch', async (t) => {
    const { spill, directory, refused } = open(t);
    await spill.left();
    symlinkSync('/dev/full', join(directory, 'run-1.part'));
    spill.append(batch('run-1'), '1');
    await spill.settled();
    assert.deepEqual(refused, ['run-1: ENOSPC: no space left on device, write']);
    const two = batch('run-2');
    spill.append(two, '2');
    spill.close(two);
    assert.deepEqual(await spill.read(two), ['2']);
    assert.equal(refused.length, 1);
    spill.remove(batch('run-1'));
    await spill.settled();
    assert.deepEqual(readdirSync(directory), ['run-2.rows'], 'nothing is left of what was refused');
  });

  it('are no more than some megabytes that wait for a disk that hangs', async (t) => {
    const { spill, directory, stored } = open(t);
    await spill.left();
    const path = join(directory, 'run-1.part');
    execFileSync('mkfifo', [path]);
    const one = batch('run-1');
    // A pipe is not opened before somebody reads of it.
    const line = 'x'.repeat(1024 * 1024);
    for (let lines = 0; lines < 4; lines += 1) {
      assert.equal(spill.isBehind, false);
      spill.append(one, line);
    }
    assert.equal(spill.isBehind, true);
    spill.close(one);
    const [text] = await Promise.all([readFile(path, 'utf8'), spill.settled()]);
    assert.equal(text.length, 4 * (line.length + 1));
    assert.deepEqual([spill.isBehind, stored], [false, ['run-1']]);
  });

  it('are refused where their directory cannot be made', async (t) => {
    const { directory, refused } = open(t);
    writeFileSync(join(directory, 'file'), '');
    const spill = new Spill(join(directory, 'file', 'ledger'), {
      onStored: () => undefined,
      onRefused: (_batch, error) => refused.push(error.message),
    });
    await assert.rejects(spill.left(), /ENOTDIR|EEXIST/);
    spill.append(batch('run-1'), '1');
    await spill.settled();
    assert.match(refused[0] ?? '', /ENOTDIR/);
    await assert.rejects(spill.read(batch('run-1')), /ENOTDIR/);
  });
});
